# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What meets a client on real networks: early answers, names with several addresses, slow names, ended connections."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.resolver import _by_turns
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.full_backlog import full_backlog
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import raw_server, read_head
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import counts, probe

REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntoo big"


@pytest.mark.parametrize("hold_s", [5.0, 0.0, 0.2])
@pytest.mark.parametrize("connection", ["new", "reuse"])
def test_a_refusal_while_the_body_is_sent_is_read(hold_s: float, connection: str) -> None:
    """As curl does (RFC 9112 9.5). The body fits no socket buffer, and the server reads none of it."""

    def refuse(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(REFUSAL)
        time.sleep(hold_s)

    with raw_server(refuse) as port:
        record = probe(
            url=[f"http://127.0.0.1:{port}/"], method="POST", body="x" * 8_000_000, rate=10, requests=2,
            timeout="4s", connection=connection,
        )  # fmt: skip
    assert counts(record) == {"wrong_status": 2}
    assert record["totals"]["statuses"] == {"413": 2}


def test_a_server_that_neither_reads_nor_answers_is_waited_for_without_spinning() -> None:
    def mute(sock: socket.socket) -> None:
        read_head(sock)
        time.sleep(1.5)
        sock.sendall(REFUSAL)

    with raw_server(mute) as port:
        record = probe(url=[f"http://127.0.0.1:{port}/"], method="POST", body="x" * 8_000_000, rate=10, requests=1)
    assert record["totals"]["statuses"] == {"413": 1}
    assert record["self_check"]["cpu_percent"] < 60, "a spinning loop takes a whole core"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """name -> addresses, or a function that is called first (a slow name server)."""
    table: dict[str, Any] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *more: Any) -> Any:
        if host not in table:
            return real(host, port, *more)
        found = table[host]() if callable(table[host]) else table[host]
        return [entry for address in found for entry in real(address, port, 0, socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


def test_the_next_address_of_a_name_is_tried(names: dict[str, Any]) -> None:
    names["svc.test"] = ["::1", "127.0.0.2", "127.0.0.1"]
    with serving() as server:
        good = probe(url=[f"http://svc.test:{server.port}/"], rate=50, requests=10, connection="both")
        port = server.port
    assert counts(good) == {"ok": 20}
    gone = probe(url=[f"http://svc.test:{port}/"], rate=50, requests=2)
    assert counts(gone) == {"refused": 2}
    assert gone["totals"]["outcomes"]["refused"]["example"].startswith(f"connecting to 127.0.0.1:{port}: ")


@contextmanager
def answering(address: str, port: int) -> Iterator[list[bytes]]:
    """Answer every request there with 204; gives the heads that came."""
    heads: list[bytes] = []

    def answer() -> None:
        with suppress(OSError):
            while True:
                sock, _unused = listener.accept()
                heads.append(read_head(sock))
                sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                sock.close()

    with socket.create_server((address, port)) as listener:
        threading.Thread(target=answer, daemon=True).start()
        yield heads
        listener.shutdown(socket.SHUT_RDWR)


def test_an_address_that_says_nothing_gets_a_rival(names: dict[str, Any]) -> None:
    """250 ms later, or after its part of a short time limit (RFC 8305 5)."""
    with full_backlog() as port, answering("127.0.0.2", port):
        names["svc.test"] = ["127.0.0.1", "127.0.0.2"]
        record = probe(url=[f"http://svc.test:{port}/"], rate=50, requests=4, timeout="4s")
        short = probe(url=[f"http://svc.test:{port}/"], rate=50, requests=4, timeout="450ms")
    assert counts(record) == counts(short) == {"ok": 4}
    assert 0.25e9 <= record["totals"]["latency"]["min_ns"] < 1.5e9
    assert short["totals"]["latency"]["min_ns"] >= 0.225e9  # half of it


def test_an_address_that_answers_late_is_taken_all_the_same(names: dict[str, Any]) -> None:
    """The rivals are refused, or say nothing for good; the kernel asks the first address again after a second."""
    with full_backlog() as port:
        names["svc.test"] = ["127.0.0.1", "127.0.0.2"]
        silent = probe(url=[f"http://svc.test:{port}/"], rate=50, requests=2, timeout="600ms")
    assert counts(silent) == {"timeout_connecting": 2}
    with full_backlog(open_after_s=0.6) as port:
        names["svc.test"] = ["127.0.0.1", "127.0.0.2"]
        record = probe(url=[f"http://svc.test:{port}/"], rate=50, requests=1, timeout="5s")
    assert counts(record) == {"ok": 1}
    assert record["totals"]["latency"]["min_ns"] >= 0.6e9


def test_addresses_are_tried_family_by_family_in_turn() -> None:
    found = [(socket.AF_INET6, ("a",)), (socket.AF_INET6, ("b",)), (socket.AF_INET, ("c",))]
    assert [where for _family, (where,) in _by_turns(found)] == ["a", "c", "b"]
    assert _by_turns([]) == ()


def test_the_addresses_of_a_name_are_taken_in_turn(names: dict[str, Any]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names["svc.test"] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    with answering("127.0.0.1", port) as first, answering("127.0.0.2", port) as second:
        record = probe(url=[f"http://svc.test:{port}/"], rate=50, requests=30, address_order="in_turn")
    assert counts(record) == {"ok": 30}
    # The third of them is gone: its turn goes to the next, which is the first.
    assert (len(first), len(second)) == (20, 10)


def test_a_redirect_to_a_slow_name_delays_that_request_alone(names: dict[str, Any]) -> None:
    def slowly() -> list[str]:
        time.sleep(1.0)
        return ["127.0.0.1"]

    names["slow.test"] = slowly
    moved = threading.Event()

    def script(path: str, method: str) -> tuple[int, dict[str, str], bytes]:
        if path == "/" and not moved.is_set():
            moved.set()
            return 302, {"Location": f"http://slow.test:{port}/there"}, b""
        return 200, {}, b"ok"

    with serving(script) as server:
        port = server.port
        record = probe(url=[server.url + "/"], rate=50, duration="2s", follow_redirects=2, stall_after="10s")
        lost = probe(url=[server.url + "/"], rate=10, requests=1)
    assert counts(record) == {"ok": 100}
    assert counts(lost) == {"ok": 1}
    latency = record["totals"]["latency"]
    assert latency["max_ns"] >= 1e9
    assert latency["p90_ms"] < 900


def test_a_name_that_is_never_found_is_no_endless_wait(names: dict[str, Any]) -> None:
    def never() -> list[str]:
        time.sleep(3.0)
        return ["127.0.0.1"]

    names["never.test"] = never
    with serving(lambda _path, _method: (302, {"Location": "http://never.test/"}, b"")) as server:
        record = probe(url=[server.url + "/"], rate=10, requests=3, follow_redirects=1, timeout="500ms")
    assert counts(record) == {"dns": 3}


def test_an_endless_redirect_is_a_failure() -> None:
    with serving(lambda _path, _method: (302, {"Location": "/again"}, b"")) as server:
        record = probe(url=[server.url + "/"], rate=10, requests=2, follow_redirects=3)
        assert len(server.requests) == 8
    assert counts(record) == {"wrong_status": 2}
    assert "redirected again after 3" in record["totals"]["outcomes"]["wrong_status"]["example"]


def test_a_moved_post_stays_a_post() -> None:
    def script(path: str, method: str) -> tuple[int, dict[str, str], bytes]:
        if path == "/orders":
            return 308, {"Location": "/orders/"}, b""
        return (201 if method == "POST" else 405), {}, b""

    with serving(script) as server:
        record = probe(url=[server.url + "/orders"], method="POST", body="{}", rate=10, requests=2, follow_redirects=3)
    assert record["totals"]["statuses"] == {"201": 2}


def test_compressed_bodies_are_judged_by_their_content() -> None:
    page = gzip.compress(b'{"status": "UP", "tag": "blue"}')
    with serving(lambda _path, _method: (200, {"Content-Encoding": "gzip"}, page)) as server:
        good = probe(
            url=[server.url + "/"], rate=20, requests=4, expect_json={"/status": "UP"}, identify=["version=json:/tag"]
        )
        bad = probe(url=[server.url + "/"], rate=20, requests=1, expect_body="DOWN")
    assert counts(good) == {"ok": 4}
    assert list(good["identities"]["version"]) == ["blue"]
    assert counts(bad) == {"wrong_body": 1}


def test_a_marker_behind_what_is_kept_is_told() -> None:
    with serving(lambda _path, _method: (200, {}, b"x" * (5 << 20) + b"MARK")) as server:
        record = probe(url=[server.url + "/"], rate=5, requests=1, expect_body="MARK")
    assert "only its first 4 MiB" in record["totals"]["outcomes"]["wrong_body"]["example"]


def test_a_kept_connection_that_the_server_ended_is_not_used() -> None:
    """It ends each one that was idle for 10 ms; the next request is due 100 ms after the answer."""

    def impatient(sock: socket.socket) -> None:
        sock.settimeout(0.01)
        while True:
            read_head(sock)
            sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with raw_server(impatient) as port:
        record = probe(url=[f"http://127.0.0.1:{port}/"], rate=10, requests=10, connection="reuse")
    assert counts(record) == {"ok": 10}
    assert record["lanes"]["reuse"]["idle_closed"] >= 1


def test_the_time_that_a_server_keeps_a_connection_is_honoured() -> None:
    with serving(lambda _path, _method: (204, {"Keep-Alive": "timeout=1"}, b"")) as server:
        record = probe(url=[server.url + "/"], stages=[{"duration": "0s", "rate": 1}, {"duration": "3s", "rate": 1}],
                       connection="reuse")  # fmt: skip
        fast = probe(url=[server.url + "/"], rate=20, requests=10, connection="reuse")
    assert record["totals"]["connections_opened"] >= 2
    assert fast["totals"]["connections_opened"] < 10


def test_basic_credentials_of_an_address_are_sent_and_not_written() -> None:
    seen = []

    def check(sock: socket.socket) -> None:
        seen.append(read_head(sock))
        sock.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    with raw_server(check) as port:
        record = probe(url=[f"http://load:s3cret-pw@127.0.0.1:{port}/"], rate=10, requests=1)
    assert b"\r\nAuthorization: Basic bG9hZDpzM2NyZXQtcHc=\r\n" in seen[0]
    assert "s3cret-pw" not in str(record)
