# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""HTTP/2 against a server that is scripted frame by frame: what the record counts is what the server did."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import OptionError
from ansible_collections.availability.lab.plugins.module_utils.probe.http2.frames import ProtocolError
from ansible_collections.availability.lab.plugins.module_utils.probe.http2.link import Link
from ansible_collections.availability.lab.plugins.module_utils.probe.http2.stream import Stream
from ansible_collections.availability.lab.plugins.module_utils.probe.lane import Lane
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.request import Request
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.certificates import authority
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.h2_server import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    MAX_STREAMS,
    PADDED,
    PING,
    PRIORITY,
    REFUSED,
    RST_STREAM,
    SETTINGS,
    WINDOW,
    WINDOW_UPDATE,
    Asked,
    Peer,
    each,
    frame,
    goaway,
    h2_serving,
    head,
    setting,
    trailers,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import raw_server
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import counts, probe
from hypothesis import given
from hypothesis import strategies as st


def ask(port: int, scheme: str = "http", **options: Any) -> dict[str, Any]:
    options.setdefault("connection", "reuse")
    return probe(url=[f"{scheme}://127.0.0.1:{port}/"], http_version="2", **options)


def example(record: dict[str, Any], outcome: str) -> str:
    return str(record["totals"]["outcomes"][outcome]["example"])


def good(peer: Peer, asked: Asked) -> None:
    peer.answer(asked.stream)


@pytest.mark.parametrize(
    ("options", "connections"),
    [
        ({"rate": 200, "requests": 40}, 1),
        ({"users": 8, "requests": 40}, 1),
        ({"users": 8, "requests": 40, "think_time": "1ms"}, 1),
        ({"rate": 200, "requests": 40, "connection": "new"}, 40),
        ({"users": 4, "requests": 40, "connection": "new"}, 40),
        ({"rate": 200, "requests": 40, "connection": "both"}, 41),
        ({"rate": 200, "requests": 40, "processes": 2}, 2),
    ],
)
def test_every_request_is_answered_on_as_many_connections_as_its_lane_has(
    options: dict[str, Any], connections: int
) -> None:
    with h2_serving(each(good)) as seen:
        record = ask(seen.port, **options)
    assert counts(record) == {"ok": seen.requests} == {"ok": record["totals"]["due"]}
    assert record["totals"]["due"] >= 40
    assert record["totals"]["connections_opened"] == seen.connections == connections


def test_the_requests_of_a_turn_go_out_together_and_start_when_they_do(tmp_path: Path) -> None:
    waiting: list[int] = []

    def script(peer: Peer) -> None:
        """Ten requests, ten answers in one piece; how many bytes came with the first of the ten."""
        while (first := peer.next()) is not None:
            waiting.append(len(peer.unread))
            streams = [first.stream, *(one.stream for _unused in range(9) if (one := peer.next()) is not None)]
            peer.send(b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream, head()) for stream in streams))

    log = tmp_path / "attempts.jsonl"
    with h2_serving(script) as seen:
        record = ask(seen.port, users=10, requests=50, attempts=str(log))
    assert counts(record) == {"ok": 50}
    assert len(waiting) == 5
    assert len(set(waiting[1:])) == 1  # nine requests each time
    assert waiting[1] > 9 * 9
    sent = Counter(json.loads(line)["sent_s"] for line in log.read_text().splitlines())
    assert list(sent.values()).count(10) == 4, sent


def test_a_goaway_leaves_out_what_the_server_did_not_begin_and_lets_the_rest_end() -> None:
    def script(peer: Peer) -> None:
        """Of five requests at once, the last two are above the last stream that it takes."""
        asked = [peer.next() for _unused in range(5)]
        streams = [one.stream for one in asked if one is not None]
        peer.send(goaway(streams[2]))
        for stream in streams[:3]:
            peer.answer(stream)
        peer.next()

    with h2_serving(script) as seen:
        record = ask(seen.port, users=5, requests=20, method="POST")
    # The two go on on the next connection, with three that were answered.
    assert counts(record) == {"ok": 12, "unprocessed": 8}
    assert seen.requests == 20
    assert example(record, "unprocessed") == "GOAWAY NO_ERROR, last stream 5"
    assert record["lanes"]["reuse"]["kept_connection_failures"]["reset"] == 8  # each time a new one stood
    assert record["lanes"]["reuse"]["idle_closed"] == 0


def test_a_server_that_leaves_between_requests_loses_none() -> None:
    def script(peer: Peer) -> None:
        for number in range(5):
            asked = peer.next()
            if asked is None:
                return
            peer.answer(asked.stream, behind=goaway(asked.stream) if number == 4 else b"")

    with h2_serving(script) as seen:
        record = ask(seen.port, users=1, requests=20)
    assert counts(record) == {"ok": 20}
    assert seen.connections == 4
    assert record["lanes"]["reuse"]["idle_closed"] == 4


@pytest.mark.parametrize(
    ("code", "outcome", "text"),
    [
        (REFUSED, "unprocessed", "RST_STREAM REFUSED_STREAM"),
        (2, "reset", "RST_STREAM INTERNAL_ERROR"),
        (99, "reset", "RST_STREAM error 0x63"),
    ],
)
def test_streams_that_are_reset_leave_the_others_alone(code: int, outcome: str, text: str) -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        if asked.stream % 3 == 0:
            peer.reset(asked.stream, code)
        else:
            peer.answer(asked.stream)

    with h2_serving(each(answer)) as seen:
        record = ask(seen.port, users=1, requests=30, method="POST")
    assert counts(record) == {"ok": 20, outcome: 10}
    assert example(record, outcome) == text
    # POST is not sent again: that a new connection stands is answer enough.
    assert record["lanes"]["reuse"]["kept_connection_failures"]["reset"] == 10
    assert seen.requests == 30


def test_a_failure_on_a_kept_connection_is_tried_on_a_new_one() -> None:
    def script(peer: Peer) -> None:
        while (asked := peer.next()) is not None:
            if peer.number == 1 and asked.stream == 11:
                return
            peer.answer(asked.stream)

    with h2_serving(script) as seen:
        record = ask(seen.port, rate=50, requests=20)
    assert counts(record) == {"ok": 19, "reset": 1}
    assert record["lanes"]["reuse"]["kept_connection_failures"] == {
        "reset": 1, "stalled": 0, "outage": 0, "new_fails": 0,
    }  # fmt: skip
    assert seen.requests == 21


@pytest.mark.parametrize(
    ("end", "outcome", "text"),
    [
        (lambda peer, stream: peer.reset(stream, CANCEL), "reset_in_answer", "RST_STREAM CANCEL"),
        (lambda peer, stream: peer.sock.shutdown(1), "closed_early", "closed inside the body"),
    ],
)
def test_an_answer_that_breaks_off(end: Any, outcome: str, text: str) -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        peer.headers(asked.stream, head(content_length="100"), end=False)
        peer.send(frame(DATA, 0, asked.stream, b"part"))
        end(peer, asked.stream)

    with h2_serving(each(answer)) as seen:
        record = ask(seen.port, users=2, requests=10, connection="new")
    assert counts(record) == {outcome: 10}
    assert example(record, outcome) == text


def test_a_connection_that_dies_ends_every_request_on_it_once() -> None:
    def script(peer: Peer) -> None:
        for _unused in range(7):
            peer.next()

    with h2_serving(script) as seen:
        record = ask(seen.port, users=7, requests=21, method="POST")
    assert counts(record) == {"reset": 21}
    assert example(record, "reset") == "closed before an answer"
    assert seen.requests == 21


def test_the_peers_limit_is_obeyed_with_more_connections() -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        time.sleep(0.002)
        peer.answer(asked.stream)

    with h2_serving(each(answer), setting(MAX_STREAMS, 1)) as seen:
        record = ask(seen.port, users=4, requests=60)
    assert counts(record) == {"ok": 60}
    assert seen.most_open == 1
    assert seen.connections == 4


def test_a_server_that_takes_no_requests_fails_them_and_is_not_flooded_with_connections() -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        peer.reset(asked.stream, REFUSED)

    with h2_serving(each(answer), setting(MAX_STREAMS, 0)) as seen:
        record = ask(seen.port, rate=20, requests=10, timeout="300ms")
    assert record["totals"]["completed"] == 0
    assert seen.connections <= 20


@pytest.mark.parametrize("window", [1, 10, 65_535])
def test_bodies_wait_for_the_peers_windows(window: int) -> None:
    body = "0123456789" * (30 if window < 100 else 30_000)
    with h2_serving(each(good), setting(WINDOW, window), window=1) as seen:
        record = ask(seen.port, users=3, requests=6, method="POST", body=body)
    assert counts(record) == {"ok": 6}
    assert seen.bodies == [body.encode()] * 6


def test_a_body_that_is_refused_is_not_sent_to_its_end() -> None:
    """The window never opens: the answer comes before the request is whole."""

    def script(peer: Peer) -> None:
        time.sleep(0.05)
        for stream in (1, 3, 5):
            peer.answer(stream, head(413))
            time.sleep(0.05)
        peer.next()

    with h2_serving(script, setting(WINDOW, 5)) as seen:
        record = ask(seen.port, users=1, requests=3, method="POST", body="x" * 100)
        assert counts(record) == {"wrong_status": 3}
    assert seen.connections == 1


def test_large_answers_never_wait_for_us() -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        peer.answer(asked.stream, body=b"x" * 3_000_000)

    with h2_serving(each(answer)) as seen:
        record = ask(seen.port, users=2, requests=6)
    assert counts(record) == {"ok": 6}
    assert record["totals"]["body_bytes"] == 18_000_000


def test_pings_are_answered_however_many() -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        peer.send(frame(PING, 0, 0, b"12345678") * 500)
        peer.answer(asked.stream)

    with h2_serving(each(answer)) as seen:
        record = ask(seen.port, users=1, requests=5)
        assert counts(record) == {"ok": 5}
        assert 2000 <= seen.pongs <= 2500  # the last ones may not have been read


def test_a_flood_from_a_server_that_reads_nothing_ends_its_connection() -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        for _unused in range(60):
            peer.send(frame(PING, 0, 0, b"12345678") * 10_000)
        time.sleep(1)

    with h2_serving(each(answer)) as seen:
        record = ask(seen.port, users=1, requests=1, timeout="5s")
    assert counts(record) == {"malformed": 1}
    assert example(record, "malformed") == "the server asks and does not read"


#: what is sent for stream 1 -> words of the example
BROKEN = {
    "push": (frame(5, END_HEADERS, 1, b"\0\0\0\2" + head()), "a push"),
    "too long a frame": (frame(DATA, 0, 1, b"x" * 16_385), "a frame of 16385 bytes"),
    "a stream that was not begun": (frame(HEADERS, END_HEADERS, 9, head()), "stream 9"),
    "an even stream": (frame(HEADERS, END_HEADERS, 2, head()), "stream 2"),
    "headers cut by a ping": (frame(HEADERS, 0, 1, head()) + frame(PING, 0, 0, b"12345678"), "inside the headers"),
    "a rest of no headers": (frame(CONTINUATION, END_HEADERS, 1, head()), "not begun"),
    "no header block": (frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"), "integer"),
    "a short ping": (frame(PING, 0, 0, b"123"), "PING of 3 bytes"),
    "settings of a stream": (frame(SETTINGS, 0, 1), "SETTINGS in the wrong place"),
    "settings cut": (frame(SETTINGS, 0, 0, b"12345"), "SETTINGS of 5 bytes"),
    "a window of 32 bits": (frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"), "31 bits"),
    "padding longer than its frame": (frame(DATA, PADDED, 1, b"\x09abc"), "padding"),
    "a short reset": (frame(RST_STREAM, 0, 1, b"\0"), "RST_STREAM of 1 bytes"),
    "a short goaway": (frame(7, 0, 0, b"\0"), "GOAWAY of 1 bytes"),
    "no status": (frame(HEADERS, END_HEADERS | END_STREAM, 1, trailers(server="x")), "a head that begins with"),
    "a wrong status": (frame(HEADERS, END_HEADERS | END_STREAM, 1, trailers(server="x")), "a head that begins with"),
    "an empty head": (frame(HEADERS, END_HEADERS | END_STREAM, 1), "an empty head"),
    "a name with capitals": (frame(HEADERS, END_HEADERS | END_STREAM, 1, head(Server="x")), "header b'Server'"),
    "a header of a connection": (frame(HEADERS, END_HEADERS | END_STREAM, 1, head(connection="close")), "connection"),
    "a wrong length": (frame(HEADERS, END_HEADERS | END_STREAM, 1, head(content_length="5")), "a body of 0 bytes"),
    "no length": (frame(HEADERS, END_HEADERS | END_STREAM, 1, head(content_length="five")), "Content-Length b'five'"),
    "a body without headers": (frame(DATA, END_STREAM, 1, b"x"), "a body before the headers"),
    "an interim answer alone": (frame(HEADERS, END_HEADERS | END_STREAM, 1, head(103)), "before a final status"),
    "headers inside the body": (
        frame(HEADERS, END_HEADERS, 1, head()) + frame(HEADERS, END_HEADERS, 1, trailers(a="b")), "inside the body"
    ),
    "a status in trailers": (
        frame(HEADERS, END_HEADERS, 1, head()) + frame(HEADERS, END_HEADERS | END_STREAM, 1, head()), "b':status'"
    ),
    "a window that grows by nothing": (frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\0"), "grows by nothing"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_answer_is_malformed(kind: str) -> None:
    data, words = BROKEN[kind]
    with h2_serving(each(lambda peer, _asked: peer.send(data))) as seen:
        record = ask(seen.port, users=1, requests=3, connection="new")
    assert counts(record) == {"malformed": 3}
    assert words in example(record, "malformed")


def test_answers_in_all_the_forms_that_frames_allow() -> None:
    """Padding, a priority, a block in pieces, interim answers, no body, trailers, frames that nobody knows."""

    def answer(peer: Peer, asked: Asked) -> None:
        one, block = asked.stream, head(x_version="blue")
        peer.send(
            frame(HEADERS, END_HEADERS, one, head(103))
            + frame(HEADERS, PADDED | PRIORITY, one, b"\x03" + b"\0\0\0\0\x10" + block[:2] + b"\0\0\0")
            + frame(CONTINUATION, 0, one, block[2:3])
            + frame(CONTINUATION, END_HEADERS, one, block[3:])
            + frame(77, 0xFF, one, b"unknown")
            + frame(DATA, PADDED, one, b"\x05hello" + b"\0" * 5)
            + frame(DATA, 0, one)
            + frame(HEADERS, END_HEADERS | END_STREAM, one, trailers(x_sum="1"))
        )

    with h2_serving(each(answer)) as seen:
        record = ask(
            seen.port, users=1, requests=10, identify=["version=header:x-version"], expect_body="hello",
        )  # fmt: skip
    assert counts(record) == {"ok": 10}
    assert record["identities"]["version"]["blue"]["completed"] == 10
    assert record["totals"]["body_bytes"] == 50


def test_a_server_of_http_1_1_is_told_as_one() -> None:
    with serving() as server:
        record = ask(server.port, users=1, requests=3, connection="new")
    assert set(counts(record)) <= {"malformed", "reset"}

    def refuse(sock: Any) -> None:
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        sock.recv(4096)

    with raw_server(refuse) as port:
        record = ask(port, users=1, requests=3)
    assert counts(record) == {"malformed": 3}
    assert example(record, "malformed").startswith("the server speaks HTTP/1.1, not HTTP/2: b'HTTP/1.1 400")


def tls_context(folder: Path, protocols: list[str]) -> ssl.SSLContext:
    identity = authority(folder, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


@pytest.mark.parametrize("lane", ["new", "reuse"])
def test_tls_agrees_on_h2(tmp_path: Path, lane: str) -> None:
    with h2_serving(each(good), context=tls_context(tmp_path, ["http/1.1", "h2"])) as seen:
        record = ask(seen.port, "https", users=3, requests=12, verify=False, connection=lane)
    assert counts(record) == {"ok": 12}
    assert seen.connections == (1 if lane == "reuse" else 12)


@pytest.mark.parametrize("protocols", [[], ["http/1.1"]])
def test_tls_without_h2_is_a_failure_and_never_http_1_1(tmp_path: Path, protocols: list[str]) -> None:
    with h2_serving(each(good), context=tls_context(tmp_path, protocols)) as seen:
        record = ask(seen.port, "https", rate=100, requests=6, verify=False)
    assert counts(record) == {"tls": 6}
    assert "the server does not offer h2" in example(record, "tls")
    assert seen.requests == 0


def test_a_time_out_ends_its_request_and_not_the_connection() -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        if asked.stream % 10 != 1:
            peer.answer(asked.stream)

    with h2_serving(each(answer)) as seen:
        record = ask(seen.port, rate=50, requests=20, timeout="400ms", method="POST")
        until = time.monotonic() + 5
        while len(seen.resets) < 4 and time.monotonic() < until:
            time.sleep(0.01)
    assert seen.resets == [CANCEL] * 4
    assert counts(record) == {"ok": 16, "timeout_headers": 4}
    # Beside it, those that ask whether a new one stands.
    assert seen.requests == 20


def test_late_frames_of_a_request_that_timed_out_are_nobodys() -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        if asked.stream == 3:
            threading.Timer(0.3, peer.answer, (asked.stream, head(x_late="indexed"), b"late")).start()
        else:
            peer.answer(asked.stream)

    with h2_serving(each(answer)) as seen:
        record = ask(seen.port, rate=25, requests=25, timeout="200ms", method="POST")
    assert counts(record) == {"ok": 24, "timeout_headers": 1}


def test_a_body_that_does_not_end() -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        peer.headers(asked.stream, head(), end=False)

    with h2_serving(each(answer)) as seen:
        record = ask(seen.port, users=3, requests=3, timeout="200ms")
    assert counts(record) == {"timeout_body": 3}


def test_a_connection_that_fell_silent_gets_no_more_requests() -> None:
    """The first one is dead after ten answers, as when a pod's node is gone: nothing comes, not even a reset."""

    def script(peer: Peer) -> None:
        for _unused in range(10):
            asked = peer.next()
            if asked is None:
                return
            peer.answer(asked.stream)
        if peer.number == 1:
            time.sleep(3)
        while (asked := peer.next()) is not None:
            peer.answer(asked.stream)

    with h2_serving(script) as seen:
        record = ask(seen.port, rate=50, requests=80, timeout="300ms")
    failed = counts(record)["timeout_headers"]
    assert counts(record) == {"ok": 80 - failed, "timeout_headers": failed}
    assert 14 <= failed <= 20  # what was sent in the 300 ms until the first time-out
    assert record["outages"]["longest_s"] < 0.45


def test_settings_that_never_come() -> None:
    def serve(sock: Any) -> None:
        while sock.recv(4096):
            pass

    with raw_server(serve) as port:
        record = ask(port, rate=50, requests=10, timeout="200ms")
    assert counts(record) == {"timeout_headers": 10}


def test_headers_say_that_no_table_is_used_where_the_peers_shrank() -> None:
    blocks = []

    def answer(peer: Peer, asked: Asked) -> None:
        blocks.append(asked.block)
        peer.answer(asked.stream)

    with h2_serving(each(answer), setting(1, 0)) as seen:
        record = ask(seen.port, users=1, requests=5)
    assert counts(record) == {"ok": 5}
    assert [block[:1] == b"\x20" for block in blocks] == [False, True, False, False, False]


def test_the_control_target_is_asked_by_http_1_1() -> None:
    with serving() as control, h2_serving(each(good)) as seen:
        record = ask(seen.port, rate=50, requests=25, control=control.url, control_rate=20)
    assert counts(record) == {"ok": 25}
    assert record["control"]["completed"] == len(control.requests) > 5


def test_attempts_and_values(tmp_path: Path) -> None:
    paths = []

    def answer(peer: Peer, asked: Asked) -> None:
        paths.append(asked.headers[":path"])
        peer.answer(asked.stream, head(201, x_pod="a"))

    with h2_serving(each(answer)) as seen:
        probe(
            url=[f"http://127.0.0.1:{seen.port}/{{value}}"], http_version="2", values=["a", "b c"], rate=50, requests=4,
            connection="reuse", identify=["pod=header:X-Pod"], attempts=str(tmp_path / "lines"),
        )  # fmt: skip
    assert paths == ["/a", "/b%20c", "/a", "/b%20c"]
    lines = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    assert [(line["n"], line["outcome"], line["status"], line["identity"]) for line in lines] == [
        (number, "ok", 201, {"pod": "a"}) for number in range(4)
    ]


def test_requests_are_as_http_2_has_them() -> None:
    headers: list[dict[str, str]] = []

    def answer(peer: Peer, asked: Asked) -> None:
        headers.append(asked.headers)
        peer.answer(asked.stream)

    with h2_serving(each(answer)) as seen:
        ask(
            seen.port, users=1, requests=1, method="PUT", body_base64="AAH/", host="shop.test",
            headers={"X-Team": "a", "Authorization": "b"},
        )  # fmt: skip
    assert headers == [
        {
            ":method": "PUT", ":scheme": "http", ":authority": "shop.test", ":path": "/", "x-team": "a",
            "authorization": "b", "user-agent": "availability-lab-probe", "accept": "*/*", "content-length": "3",
        }
    ]  # fmt: skip
    assert seen.bodies == [b"\x00\x01\xff"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"http_version": "3"}, "http_version: '3'"),
        ({"follow_redirects": 2}, "follow_redirects:"),
        ({"control": "https://127.0.0.1:1/"}, "control: https://"),
        ({"control": "grpc://127.0.0.1:1"}, "control: 'grpc://127.0.0.1:1'"),
        ({"headers": {"Connection": "close"}}, "url.headers: Connection"),
        ({"headers": {"TE": "gzip"}}, "url.headers: TE"),
        ({"headers": {"X": "y" * 20_000}}, "bytes of headers"),
        ({"body_base64": "%"}, "url.body_base64: '%'"),
        ({"body_base64": "AA==", "body": "x"}, "body_base64: given beside body"),
        ({"http_version": "1.1", "url": ["grpc://127.0.0.1:1", "http://127.0.0.1:1"]}, "http_version: HTTP/2 or grpc"),
        ({"url": ["grpc://127.0.0.1:1/NoMethod"]}, "url: '/NoMethod' is no gRPC method"),
        ({"url": ["grpc://127.0.0.1:1"], "body": "x"}, "body: gRPC's health check has its own"),
        ({"url": ["grpc://127.0.0.1:1"], "method": "PUT"}, "url.method: PUT"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_start(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words.replace("(", r"\(")) as caught:
        parse({"url": ["http://127.0.0.1:1/"], "http_version": "2", "rate": 1, "requests": 1, **options})
    assert "expected" in str(caught.value) or "is not Base64" in str(caught.value)


@given(st.lists(st.one_of(
    st.binary(max_size=40),
    st.builds(frame, st.integers(0, 10), st.integers(0, 255), st.integers(0, 7), st.binary(max_size=30)),
    st.builds(
        frame, st.just(HEADERS), st.just(END_HEADERS) | st.just(END_HEADERS | END_STREAM), st.sampled_from((1, 3, 5)),
        st.sampled_from((head(), head(204), trailers(a="b"))),
    ),
    st.builds(frame, st.just(DATA), st.sampled_from((0, 1)), st.sampled_from((1, 3, 5)), st.binary(max_size=9)),
), max_size=12), st.integers(1, 50))  # fmt: skip
def test_no_bytes_make_it_fall_and_no_request_ends_twice(pieces: list[bytes], step: int) -> None:
    options = parse({"url": ["http://127.0.0.1:1/"], "http_version": "2", "rate": 1, "requests": 1})
    target = options.targets[0]
    lane = Lane("reuse", "reuse", options.targets)
    link = Link(lane, target, {}, 0, None)
    link.begin(0)
    for number in range(3):
        link.put(Stream(lane, Request(target, 0, target.on_kept[0], number, number), keeps_body=True))
    data = frame(SETTINGS, 0, 0) + b"".join(pieces)
    try:
        for at in range(0, len(data), step):
            link.feed(data[at : at + step], at)
    except ProtocolError:
        pass
    ended = [stream.id for stream, _outcome, _why in link.ended]
    assert sorted([*ended, *link.streams]) == [1, 3, 5]
