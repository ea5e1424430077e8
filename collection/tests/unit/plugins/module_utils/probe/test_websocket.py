# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""ws:// and wss:// against scripted servers: what the servers did is what is counted."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import OptionError
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.response import MalformedAnswer
from ansible_collections.availability.lab.plugins.module_utils.probe.websocket_frames import (
    Frames,
    control_frame,
    payload_of,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.certificates import authority
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import counts, probe
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.websocket_server import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Server,
    accept_of,
    close,
    frame,
    upgraded,
)
from hypothesis import given
from hypothesis import strategies as st

LIMIT = "300ms"


def run(server: Server, **options: Any) -> dict[str, Any]:
    """20 PINGs of one user on a kept connection, unless the options say otherwise."""
    load = {} if "rate" in options else {"users": 1}
    with server.listening() as port:
        return probe(
            **{"url": [f"ws://127.0.0.1:{port}/feed?a=b"], "connection": "reuse", "requests": 20, **load, **options}
        )


def example(record: dict[str, Any], name: str) -> str:
    text: str = record["totals"]["outcomes"][name]["example"]
    return text


def test_every_request_is_a_ping_of_its_own_number() -> None:
    server = Server()
    record = run(server)
    assert counts(record) == {"ok": 20}
    assert server.pings == [number.to_bytes(8, "big") for number in range(20)]
    assert len(server.heads) == record["totals"]["connections_opened"] == 1
    assert record["totals"]["statuses"] == {"pong": 20}
    assert record["totals"]["bytes_sent"] == len(server.heads[0]) + 20 * (2 + 4 + 8)
    assert server.closes == [struct.pack("!H", 1000)]
    assert server.heads[0].startswith(b"GET /feed?a=b HTTP/1.1\r\nHost: 127.0.0.1:")


def test_a_new_connection_each_measures_the_upgrade_too() -> None:
    server = Server()
    record = run(server, connection="new", requests=5)
    assert counts(record) == {"ok": 5}
    assert len(server.heads) == len(server.closes) == record["totals"]["connections_opened"] == 5
    keys = {accept_of(head) for head in server.heads}
    assert len(keys) == 5


def test_both_lanes_and_several_processes() -> None:
    server = Server()
    record = run(server, connection="both", requests=20, rate=50, processes=2)
    assert counts(record) == {"ok": 40}
    assert len(server.pings) == 40
    assert len(set(server.pings)) == 20  # each number once a lane


def test_over_tls(tmp_path: Path) -> None:
    identity = authority(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)
    server = Server(context=context)
    with server.listening() as port:
        record = probe(
            url=[f"wss://127.0.0.1:{port}/"], connection="reuse", requests=20, users=1, verify=False, timeout="5s"
        )
    assert counts(record) == {"ok": 20}
    assert len(server.heads) == 1


def test_headers_and_credentials_go_with_the_upgrade() -> None:
    server = Server()
    with server.listening() as port:
        record = probe(
            url=[f"ws://bob:hunter2@127.0.0.1:{port}"], requests=2, users=1, headers={"Sec-WebSocket-Protocol": "chat"},
            host="feed.test",
        )  # fmt: skip
    assert counts(record) == {"ok": 2}
    lines = server.heads[0].split(b"\r\n")
    assert {b"Host: feed.test", b"Sec-WebSocket-Protocol: chat", b"Authorization: Basic Ym9iOmh1bnRlcjI="} < set(lines)


def test_frames_in_between_are_taken_in_stride() -> None:
    """Messages of all sizes, fragments with a PING between them, PONGs that nobody asked for, all in small pieces."""

    def serve(sock: socket.socket, kind: int, payload: bytes, number: int) -> bool:
        if kind == PING:
            noise = frame(TEXT, b"hello") + frame(BINARY, bytes(300)) + frame(PONG, b"of nobody")
            noise += frame(TEXT, b"a", final=False) + frame(PING, b"in between") + frame(CONTINUATION, b"b")
            noise += frame(BINARY, bytes(70_000)) + frame(PONG, payload) + frame(TEXT, b"behind" * (number % 3))
            for at in range(0, len(noise), 9_001):
                sock.sendall(noise[at : at + 9_001])
        return True

    server = Server(serve)
    record = run(server, timeout="10s")
    assert counts(record) == {"ok": 20}
    assert len(server.heads) == 1
    assert server.pongs == [b"in between"] * len(server.pongs)
    assert len(server.pongs) == 20


def test_pings_of_the_server_are_answered_while_nothing_is_asked() -> None:
    def serve(sock: socket.socket, kind: int, payload: bytes, number: int) -> bool:
        if kind == PING:
            sock.sendall(frame(PONG, payload))
            time.sleep(0.05)
            sock.sendall(frame(PING, b"%d" % number) + frame(TEXT, b"news"))
        return True

    server = Server(serve)
    record = run(server, requests=5, iteration_time="200ms", timeout="5s")
    assert counts(record) == {"ok": 5}
    assert len(server.heads) == 1
    assert server.pongs[:4] == [b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("said", "outcome", "text"),
    [
        (close(1001), "closed_early", "closed by the server: 1001 going away"),
        (close(1012, b"roll out"), "closed_early", "closed by the server: 1012 service restart roll out"),
        (close(4000), "closed_early", "closed by the server: 4000"),
        (frame(CLOSE), "closed_early", "closed by the server: without a code"),
        (b"", "reset", "closed before an answer"),
        (frame(PONG, b"another"), "reset", "closed before an answer"),
        (b"\xf9\x00", "malformed", "a frame with reserved bits"),
        (frame(0x3), "malformed", "a frame of the unknown kind 3"),
        (b"\x89\x80abcd", "malformed", "a frame that is masked"),
        (frame(PING, b"x", final=False), "malformed", "a control frame that is fragmented"),
        (frame(CONTINUATION, b"x"), "malformed", "a fragment of no message"),
        (frame(TEXT, b"x", final=False) + frame(TEXT), "malformed", "a message within another"),
    ],
)
def test_a_connection_ends_in_the_middle(said: bytes, outcome: str, text: str) -> None:
    """The sixth PING gets this instead of its PONG; the next one a new connection."""

    def serve(sock: socket.socket, kind: int, payload: bytes, number: int) -> bool:
        sock.sendall(said if number == 5 else frame(PONG, payload))
        return number != 5

    server = Server(serve)
    record = run(server)
    assert counts(record) == {"ok": 19, outcome: 1}
    assert text in example(record, outcome)
    diagnosed = outcome in ("closed_early", "reset")
    assert record["lanes"]["reuse"]["kept_connection_failures"]["reset"] == diagnosed
    assert record["totals"]["connections_opened"] == 2
    assert len(server.heads) == 2 + diagnosed
    assert [run["requests_lost"] for run in record["outages"]["list"]] == [1]


def test_a_flood_between_requests_does_not_hold_up_the_others() -> None:
    def serve(sock: socket.socket, kind: int, payload: bytes, number: int) -> bool:
        sock.sendall(frame(PONG, payload))
        if number == 0:  # 64 MB, as fast as they go, while the next PING is due elsewhere and here
            for _unused in range(64):
                sock.sendall(frame(BINARY, bytes(1 << 20)))
        return True

    record = run(Server(serve), requests=4, iteration_time="100ms", timeout="10s")
    assert counts(record) == {"ok": 4}
    assert record["self_check"]["pauses"] == []


def test_a_close_between_requests_is_no_failure() -> None:
    def serve(sock: socket.socket, kind: int, payload: bytes, number: int) -> bool:
        sock.sendall(frame(PONG, payload))
        if number == 2:
            time.sleep(0.05)
            sock.sendall(close(1001))
        return number != 2

    server = Server(serve)
    record = run(server, requests=6, iteration_time="200ms")
    assert counts(record) == {"ok": 6}
    assert record["lanes"]["reuse"]["idle_closed"] == 1
    assert len(server.heads) == 2


def test_a_close_behind_the_pong_ends_the_connection_alone() -> None:
    def serve(sock: socket.socket, kind: int, payload: bytes, number: int) -> bool:
        sock.sendall(frame(PONG, payload) + (close(1001) if number % 5 == 4 else b""))
        return number % 5 != 4

    server = Server(serve)
    record = run(server)
    assert counts(record) == {"ok": 20}
    assert len(server.heads) == 4


def test_a_server_that_never_answers_a_ping() -> None:
    server = Server(lambda _sock, _kind, _payload, _number: True)
    record = run(server, requests=3, timeout=LIMIT)
    assert counts(record) == {"timeout_headers": 3}
    assert len(server.heads) == 3


@pytest.mark.parametrize(
    ("upgrade", "outcome", "text"),
    [
        (lambda head: upgraded(head).replace(b"Accept: ", b"Accept: A"), "malformed", "Sec-WebSocket-Accept is b'A"),
        (lambda head: upgraded(head).replace(b"Sec-", b"X-"), "malformed", "Sec-WebSocket-Accept is b''"),
        (lambda head: upgraded(head).replace(b": WebSocket", b": h2c"), "malformed", "101 without Upgrade"),
        (
            lambda head: upgraded(head)[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
            "malformed",
            "nobody asked for",
        ),
        (lambda _head: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "wrong_status", "status 503, expected 101"),
        (lambda _head: b"HTTP/1.1 200 OK\r\n\r\nhello", "wrong_status", "status 200, expected 101"),
        (lambda _head: b"SSH-2.0\r\n", "malformed", "begins with b'SSH-2.0"),
        (lambda _head: b"HTTP/1.1 101 Switch", "closed_early", "closed inside the headers"),
        (lambda _head: b"", "reset", "closed before an answer"),
    ],
)
def test_a_wrong_upgrade(upgrade: Callable[[bytes], bytes], outcome: str, text: str) -> None:
    record = run(Server(upgrade=upgrade), requests=4, timeout="2s")
    assert counts(record) == {outcome: 4}
    assert text in example(record, outcome)


def test_what_comes_with_the_upgrade_is_not_lost() -> None:
    server = Server(upgrade=lambda head: b"HTTP/1.1 103 Early Hints\r\n\r\n" + upgraded(head) + frame(TEXT, b"hi"))
    assert counts(run(server, requests=3)) == {"ok": 3}


def test_down_and_up_again_is_one_outage() -> None:
    begun = time.monotonic()

    def upgrade(head: bytes) -> bytes:
        down = 0.5 < time.monotonic() - begun < 1.0
        return b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" if down else upgraded(head)

    def serve(sock: socket.socket, _kind: int, payload: bytes, _number: int) -> bool:
        down = 0.5 < time.monotonic() - begun < 1.0
        sock.sendall(close(1001) if down else frame(PONG, payload))
        return not down

    record = run(Server(serve, upgrade), rate=50, requests=75)
    outages = [one for one in record["outages"]["list"] if not one["isolated"]]
    assert len(outages) == 1
    assert outages[0]["shortest_s"] <= 0.6
    assert set(counts(record)) <= {"ok", "closed_early", "wrong_status"}


@given(st.binary(max_size=125), st.sampled_from([CLOSE, PING, PONG]))
def test_a_frame_carries_what_was_given(payload: bytes, kind: int) -> None:
    made = control_frame(kind, payload)
    assert payload_of(made) == payload
    assert made[0] == 0x80 | kind
    assert made[1] == 0x80 | len(payload)


@given(st.lists(st.tuples(st.sampled_from([TEXT, BINARY, PING, PONG]), st.binary(max_size=125))), st.data())
def test_pieces_make_no_difference(frames: list[tuple[int, bytes]], data: st.DataObject) -> None:
    wire = b"".join(frame(kind, payload) for kind, payload in frames)
    reader, found, at = Frames(), [], 0
    while at < len(wire):
        size = data.draw(st.integers(1, len(wire) - at))
        found += reader.feed(wire[at : at + size])
        at += size
    assert found == [(kind, payload) for kind, payload in frames if kind >= CLOSE]


@given(st.binary())
def test_whatever_comes_is_read_or_malformed(wire: bytes) -> None:
    try:
        found = Frames().feed(wire)
    except MalformedAnswer:
        return
    assert all(len(payload) <= 125 for _kind, payload in found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"expect_status": ["101"]}, "expect_status: ws:// has none, expected it with http:// or https:// alone"),
        ({"expect_body": "x"}, "expect_body: ws:// has none"),
        ({"method": "POST"}, "method: ws:// has none"),
        ({"values": ["1"]}, "values: ws:// has none"),
        ({"headers": {"Upgrade": "x"}}, "url.headers: Upgrade is the probe's own with ws://"),
        ({"headers": {"sec-websocket-key": "x"}}, "url.headers: sec-websocket-key is the probe's own with ws://"),
        ({"headers": {"X-A": "a\r\nb"}}, "url.headers: 'X-A' is not a header"),
        ({"url": ["ws://:80/"]}, "url: 'ws://:80/' is not an address (it has no host"),
    ],
)
def test_bad_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse({"url": ["ws://127.0.0.1/"], "rate": 5, "duration": "1s", **options})
    assert str(caught.value).startswith(said)
