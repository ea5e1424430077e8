from __future__ import annotations

import threading
import time

import pytest
from lab_workload import Lifecycle
from price_api import create_app, main
from prices import PriceList, PricesError, fetch, parse
from werkzeug.serving import make_server


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "prices.txt"
    path.write_text("# id,price\n1,19.90\n 0042 , 5\n\n")
    return path


@pytest.fixture
def prices(path):
    prices = PriceList(path.as_uri())
    prices.reload()
    return prices


@pytest.fixture
def client(prices):
    return create_app(prices, Lifecycle()).test_client()


def test_a_known_product_has_its_price_as_written(client):
    answer = client.get("/price/1")
    assert (answer.status_code, answer.get_json()) == (200, {"id": 1, "price": "19.90"})
    assert client.get("/price/42").get_json()["price"] == "5"
    assert client.get("/price/0042").get_json()["id"] == 42


def test_an_unknown_product_is_not_found(client):
    answer = client.get("/price/7")
    assert (answer.status_code, answer.get_json()) == (404, {"error": "no product 7"})


@pytest.mark.parametrize("product", ["x", "-1", "1.5", "1" * 19, "%20", "\u0664", "1e3"])
def test_a_bad_id_is_a_bad_request(client, product):
    answer = client.get(f"/price/{product}")
    assert answer.status_code == 400
    assert "expected 1 to 18 digits" in answer.get_json()["error"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n\nx,3", "line 3: expected 'id,price'"),
        ("1", "line 1: expected"),
        ("1,-2", "line 1: expected"),
        ("1,nan", "line 1: expected"),
        ("1,1e999999999", "line 1: expected"),
        ("1,2\n01,3", "line 2: product 1 has a price already"),
        ("# nothing", "at least one line"),
    ],
)
def test_a_wrong_list_names_the_line(text, message):
    with pytest.raises(PricesError, match=message):
        parse(text)


def test_it_reloads_without_a_restart(client, path):
    path.write_text("1,21.00\n")
    answer = client.post("/prices/reload")
    assert (answer.status_code, answer.get_json()["products"]) == (200, 1)
    assert client.get("/price/1").get_json()["price"] == "21.00"
    assert client.get("/price/42").status_code == 404


def test_a_failed_reload_keeps_the_last_good_list_and_says_so(client, path):
    path.write_text("broken")
    answer = client.post("/prices/reload")
    assert answer.status_code == 502
    assert "the last good list stays: " in answer.get_json()["error"]
    assert client.get("/price/1").get_json()["price"] == "19.90"
    assert "line 1" in client.get("/prices").get_json()["error"]
    path.write_text("1,3\n")
    client.post("/prices/reload")
    assert client.get("/prices").get_json()["error"] is None


def test_it_reloads_by_itself(prices, path):
    prices.reload_every(0.05)
    path.write_text("broken")
    time.sleep(0.2)
    path.write_text("1,7\n")
    deadline = time.monotonic() + 5
    while prices.get(1) != "7":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_fetched_over_http():
    def app(environ, start_response):
        found = environ["PATH_INFO"] == "/prices.txt"
        start_response("200 OK" if found else "404 Not Found", [("Content-Type", "text/plain")])
        return [b"1,2\n"]

    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    assert fetch(f"http://127.0.0.1:{server.port}/prices.txt") == "1,2\n"
    with pytest.raises(PricesError, match="404"):
        fetch(f"http://127.0.0.1:{server.port}/other")
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_scheme_is_refused():
    with pytest.raises(PricesError, match="expected an address that begins with http://"):
        fetch("ftp://example.test/prices.txt")


def test_without_a_list_it_does_not_start(monkeypatch, tmp_path):
    monkeypatch.setenv("PRICES_URL", (tmp_path / "none.txt").as_uri())
    with pytest.raises(SystemExit, match=r"PRICES_URL: file:.*No such file"):
        main()
