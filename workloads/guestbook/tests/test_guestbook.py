"""The three tiers together: frontend and API as they are, in front of a stand-in for redis."""

from __future__ import annotations

import socket
import threading

import pytest
from guestbook import api, frontend
from guestbook.backend import Backend
from guestbook.store import Store
from lab_workload import Lifecycle
from werkzeug.serving import make_server


class Redis:
    """The three commands that the store uses."""

    def __init__(self):
        self.counter, self.entries = 0, []

    def incr(self, _name):
        self.counter += 1
        return self.counter

    def lpush(self, _name, value):
        self.entries.insert(0, value)

    def lrange(self, _name, start, end):
        return self.entries[start : end + 1]


@pytest.fixture
def api_app():
    return api.create_app(Store(Redis(), clock=lambda: 7.0), Lifecycle(), default_limit=10)


@pytest.fixture
def api_client(api_app):
    return api_app.test_client()


@pytest.fixture
def frontend_client(api_app):
    server = make_server("127.0.0.1", 0, api_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield frontend.create_app(Backend("127.0.0.1", server.port, 5), Lifecycle(), limit=10).test_client()
    server.shutdown()
    thread.join()
    server.server_close()


def closed_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_messages_come_back_newest_first(api_client):
    for text in ("one", " two "):
        assert api_client.post("/messages", json={"message": text}).status_code == 201
    assert api_client.get("/messages").get_json()["messages"] == [
        {"id": 2, "text": "two", "at": 7.0},
        {"id": 1, "text": "one", "at": 7.0},
    ]


def test_the_limit_is_ten_unless_asked(api_client):
    for number in range(12):
        api_client.post(f"/messages/{number}")
    assert len(api_client.get("/messages").get_json()["messages"]) == 10
    assert len(api_client.get("/messages?limit=3").get_json()["messages"]) == 3
    assert api_client.get("/messages?limit=0").get_json()["messages"] == []
    assert len(api_client.get("/messages?limit=50").get_json()["messages"]) == 12


@pytest.mark.parametrize("limit", ["-1", "x", "1e3", "1000000", ""])
def test_a_wrong_limit_is_said(api_client, limit):
    answer = api_client.get(f"/messages?limit={limit}")
    assert answer.status_code == 400
    assert "expected a whole number from 0 to 100000" in answer.get_json()["error"]


@pytest.mark.parametrize(
    "body", [None, [], {}, {"message": ""}, {"message": "  "}, {"message": 1}, {"message": "x" * 501}]
)
def test_a_wrong_message_is_said_and_not_kept(api_client, body):
    assert api_client.post("/messages", json=body).status_code == 400
    assert api_client.get("/messages").get_json()["messages"] == []


def test_numbered_writes_can_be_counted(api_client):
    for number in (1, 2, 2, 4):
        api_client.post(f"/messages/{number}")
    api_client.post("/messages", json={"message": "hello"})
    assert api_client.get("/messages/numbers").get_json() == {"kept": [1, 2, 4], "doubled": [2]}


def test_without_redis_the_api_is_unavailable_but_alive():
    client = api.create_app(Store.at("127.0.0.1", closed_port(), 0.5), Lifecycle()).test_client()
    answer = client.get("/messages")
    assert answer.status_code == 503
    assert answer.get_json()["error"].startswith("redis: ")
    assert client.post("/messages/1").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_a_message_left_on_the_page_is_shown_and_escaped(frontend_client):
    assert "Nobody has left a message yet" in frontend_client.get("/").text
    answer = frontend_client.post("/", data={"message": "<b>hi</b>"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert '<li value="1">&lt;b&gt;hi&lt;/b&gt;</li>' in frontend_client.get("/").text


def test_the_page_says_what_is_wrong_with_a_message(frontend_client):
    answer = frontend_client.post("/", data={})
    assert answer.status_code == 400
    assert "a text of 1 to 500 characters" in answer.text


def test_numbered_writes_pass_through_the_frontend(frontend_client):
    assert frontend_client.post("/messages/5").status_code == 201
    assert frontend_client.get("/messages/numbers").get_json()["kept"] == [5]


@pytest.mark.parametrize(("debug", "shown"), [(True, "the API does not answer"), (False, "cannot be read just now")])
def test_without_api_the_page_is_unavailable_but_alive(debug, shown):
    client = frontend.create_app(Backend("127.0.0.1", closed_port(), 0.5), Lifecycle(), debug=debug).test_client()
    answer = client.get("/")
    assert answer.status_code == 503
    assert shown in answer.text
    assert client.get("/messages/numbers").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_an_api_that_talks_nonsense_is_a_bad_gateway():
    def nonsense(_environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"what"]

    server = make_server("127.0.0.1", 0, nonsense)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    client = frontend.create_app(Backend("127.0.0.1", server.port, 5), Lifecycle()).test_client()
    assert client.get("/").status_code == 502
    thread.join()
    server.server_close()


def test_every_tier_names_itself(frontend_client, api_client):
    for client in (frontend_client, api_client):
        assert client.get("/healthz").headers["X-Version"] == "1.0"
