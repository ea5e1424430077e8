# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""tcp://, redis:// and dns:// against scripted servers: what the servers did is what is counted."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.address import parse_address
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import OptionError
from ansible_collections.availability.lab.plugins.module_utils.probe.dns import LookupReader, queries, question
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.redis import ReplyReader
from ansible_collections.availability.lab.plugins.module_utils.probe.response import MalformedAnswer
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import raw_server
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import counts, probe
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.udp_server import answer, name_server
from hypothesis import given
from hypothesis import strategies as st

LIMIT = "300ms"
A, AAAA, SRV = 1, 28, 33
HERE = socket.inet_aton("10.1.2.3")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody listens on."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def example(record: dict[str, Any], name: str) -> str:
    """What the record says of the first request with this outcome."""
    text: str = record["totals"]["outcomes"][name]["example"]
    return text


# tcp://


def test_to_connect_is_the_whole_request() -> None:
    with raw_server(lambda sock: sock.recv(1)) as port:  # says nothing, ever
        record = probe(url=[f"tcp://127.0.0.1:{port}"], rate=100, requests=20)
    assert counts(record) == {"ok": 20}
    assert record["totals"]["statuses"] == {"connected": 20}
    assert record["totals"]["bytes_sent"] == record["totals"]["bytes_received"] == 0
    assert record["totals"]["connections_opened"] == 20


def test_nobody_listens() -> None:
    record = probe(url=[f"tcp://127.0.0.1:{free_port()}"], rate=100, requests=5)
    assert counts(record) == {"refused": 5}


def _banner(sock: socket.socket, *pieces: bytes, hold: bool = True) -> None:
    for piece in pieces:
        sock.sendall(piece)
        time.sleep(0.03)
    if hold:
        sock.recv(1)


@pytest.mark.parametrize(
    ("serve", "outcome"),
    [
        (lambda sock: _banner(sock, b"SSH-2.0-x\r\n"), "ok"),
        (lambda sock: _banner(sock, b"SS", b"H-2", b".0-x"), "ok"),  # late, in pieces, and without an end
        (lambda sock: _banner(sock, b"SSH-2.0", hold=False), "ok"),
        (lambda sock: _banner(sock, b"220 mail\r\n"), "wrong_body"),
        (lambda sock: _banner(sock, b"no", hold=False), "wrong_body"),
        (lambda sock: _banner(sock, hold=False), "reset"),
        (_banner, "timeout_headers"),
        (lambda sock: _banner(sock, b"SS"), "timeout_headers"),
    ],
)
def test_a_banner(serve: Callable[[socket.socket], None], outcome: str) -> None:
    with raw_server(serve) as port:
        record = probe(url=[f"tcp://127.0.0.1:{port}"], expect_regex="^SSH-2", rate=20, requests=4, timeout=LIMIT)
    assert counts(record) == {outcome: 4}


def test_a_banner_that_is_reset_within() -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(b"SS")
        time.sleep(0.05)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with raw_server(serve) as port:
        record = probe(url=[f"tcp://127.0.0.1:{port}"], expect_body="SSH", rate=20, requests=4, timeout="2s")
    assert counts(record) == {"reset_in_answer": 4}


def test_a_banner_tells_who_it_is() -> None:
    with raw_server(lambda sock: _banner(sock, b"SSH-2.0-blue\r\n")) as port:
        record = probe(url=[f"tcp://127.0.0.1:{port}"], identify=["who=regex:-([a-z]+)"], rate=20, requests=4)
    assert record["identities"]["who"]["blue"]["completed"] == 4


# redis://


class Redis:
    """Answers each command with what `reply` says of it; counts them."""

    def __init__(self, reply: Callable[[list[str], int], bytes]) -> None:
        self.commands: list[list[str]] = []
        self.connections = 0
        self._reply = reply

    def __call__(self, sock: socket.socket) -> None:
        self.connections += 1
        with sock.makefile("rb") as stream:
            while line := stream.readline():
                words = []
                for _unused in range(int(line[1:])):
                    length = int(stream.readline()[1:])
                    words.append(stream.read(length + 2)[:-2].decode())
                self.commands.append(words)
                said = self._reply(words, len(self.commands))
                if not said:
                    return
                sock.sendall(said)


def pong(_words: list[str], _number: int) -> bytes:
    return b"+PONG\r\n"


@pytest.mark.parametrize(
    ("connection", "load", "opened"),
    [("new", {"rate": 100}, [20]), ("reuse", {"users": 1}, [1]), ("reuse", {"rate": 100}, range(1, 21))],
)
def test_ping(connection: str, load: dict[str, int], opened: Sequence[int]) -> None:
    server = Redis(pong)
    with raw_server(server) as port:
        record = probe(url=[f"redis://127.0.0.1:{port}"], connection=connection, requests=20, **load)
    assert counts(record) == {"ok": 20}
    assert server.commands == [["PING"]] * 20
    assert record["totals"]["statuses"] == {"PONG": 20}
    assert record["totals"]["connections_opened"] == server.connections
    assert server.connections in opened
    assert record["totals"]["bytes_sent"] == 20 * len(b"*1\r\n$4\r\nPING\r\n")


def test_a_server_that_loads_for_a_while() -> None:
    def reply(_words: list[str], number: int) -> bytes:
        return b"-LOADING Redis is loading the dataset in memory\r\n" if 5 <= number < 9 else b"+PONG\r\n"

    with raw_server(Redis(reply)) as port:
        record = probe(url=[f"redis://127.0.0.1:{port}"], connection="reuse", requests=20, users=1)
    assert counts(record) == {"ok": 16, "wrong_status": 4}
    assert record["totals"]["statuses"] == {"LOADING": 4, "PONG": 16}
    assert example(record, "wrong_status") == "-LOADING Redis is loading the dataset in memory"
    assert record["totals"]["connections_opened"] == 1
    assert [run["requests_lost"] for run in record["outages"]["list"]] == [4]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (b"-NOAUTH Authentication required.\r\n", "wrong_status"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", "wrong_status"),
        (b"+QUEUED\r\n", "wrong_body"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "malformed"),
        (b"+PO", "timeout_headers"),
        (b"", "reset"),
    ],
)
@pytest.mark.parametrize("connection", ["new", "reuse"])
def test_other_replies(said: bytes, outcome: str, connection: str) -> None:
    with raw_server(Redis(lambda _words, _number: said)) as port:
        record = probe(url=[f"redis://127.0.0.1:{port}"], connection=connection, requests=4, rate=50, timeout=LIMIT)
    assert counts(record) == {outcome: 4}


def test_a_password_goes_first_and_stands_nowhere(tmp_path: Path) -> None:
    server = Redis(lambda words, _number: b"+OK\r\n" if words == ["AUTH", "bob", "s3cret/pw"] else b"+PONG\r\n")
    result = tmp_path / "r.json"
    with raw_server(server) as port:
        url = f"redis://bob:s3cret%2Fpw@127.0.0.1:{port}"
        record = probe(url=[url], connection="reuse", requests=10, users=1, result=str(result))
    assert counts(record) == {"ok": 10}
    assert server.commands == [["AUTH", "bob", "s3cret/pw"], *[["PING"]] * 10]
    assert "s3cret" not in result.read_text()
    assert f"redis://bob:***@127.0.0.1:{port}" in record["targets"]


def test_a_wrong_password_is_named() -> None:
    def reply(words: list[str], _number: int) -> bytes:
        return b"-WRONGPASS invalid username-password pair\r\n" if words[0] == "AUTH" else b"-NOAUTH required\r\n"

    with raw_server(Redis(reply)) as port:
        record = probe(url=[f"redis://:wrong-one@127.0.0.1:{port}"], connection="reuse", requests=5, rate=50)
    assert counts(record) == {"wrong_status": 5}
    assert record["totals"]["statuses"] == {"WRONGPASS": 5}
    assert record["totals"]["connections_opened"] == 5


def test_a_kept_connection_that_breaks_is_tried_on_a_new_one() -> None:
    server = Redis(lambda _words, number: b"" if number == 5 else b"+PONG\r\n")
    with raw_server(server) as port:
        record = probe(url=[f"redis://127.0.0.1:{port}"], connection="reuse", requests=10, users=1)
    assert counts(record) == {"ok": 9, "reset": 1}
    assert record["lanes"]["reuse"]["kept_connection_failures"]["reset"] == 1


# dns://


def good(query: bytes, _number: int) -> list[bytes]:
    return [answer(query, (A, HERE))]


@pytest.mark.parametrize(("connection", "opened"), [("new", 10), ("reuse", 1)])
def test_a_lookup(connection: str, opened: int) -> None:
    with name_server(good) as port:
        record = probe(url=[f"dns://127.0.0.1:{port}/web.lab.svc"], connection=connection, requests=10, users=1)
    assert counts(record) == {"ok": 10}
    assert record["totals"]["statuses"] == {"NOERROR": 10}
    assert record["totals"]["connections_opened"] == opened


def test_lookups_on_both_lanes() -> None:
    with name_server(good) as port:
        record = probe(url=[f"dns://127.0.0.1:{port}/web.lab.svc"], connection="both", requests=10, rate=50)
    assert counts(record) == {"ok": 20}
    assert record["lanes"]["new"]["connections_opened"] == 10


@pytest.mark.parametrize(
    ("script", "outcome", "said"),
    [
        (lambda query, _n: [answer(query, rcode=3)], "wrong_status", "rcode NXDOMAIN"),
        (lambda query, _n: [answer(query, rcode=2)], "wrong_status", "rcode SERVFAIL"),
        (lambda query, _n: [answer(query, rcode=5)], "wrong_status", "rcode REFUSED"),
        (lambda query, _n: [answer(query)], "wrong_body", "NOERROR, but no A record"),
        (lambda query, _n: [answer(query, (AAAA, bytes(16)))], "wrong_body", "NOERROR, but no A record"),
        (lambda query, _n: [answer(query, (A, HERE), flags=0x200)], "wrong_body", "NOERROR, but truncated"),
        (lambda query, _n: [answer(query, (A, HERE))[:-2]], "malformed", "ends within its records"),
        (lambda query, _n: [answer(query, (A, HERE + b"x"))], "malformed", "an address of 5 bytes"),
        (lambda query, _n: [], "timeout_headers", ""),
        (lambda query, _n: [answer(query, (A, HERE), number=query[0] << 8 | query[1] ^ 1)], "timeout_headers", ""),
        (lambda query, _n: [answer(query[:13] + b"X" + query[14:], (A, HERE))], "timeout_headers", ""),
        (lambda query, _n: [query, b"", b"?"], "timeout_headers", ""),
    ],
)
def test_other_answers(script: Callable[[bytes, int], list[bytes]], outcome: str, said: str) -> None:
    with name_server(script) as port:
        record = probe(url=[f"dns://127.0.0.1:{port}/web.lab.svc"], requests=4, rate=50, timeout=LIMIT)
    assert counts(record) == {outcome: 4}
    assert said in example(record, outcome)


def test_a_lost_packet_is_one_time_out_and_nothing_is_sent_again() -> None:
    seen: list[int] = []

    def script(query: bytes, number: int) -> list[bytes]:
        seen.append(number)
        return [] if number in (3, 7) else good(query, number)

    with name_server(script) as port:
        record = probe(url=[f"dns://127.0.0.1:{port}/web"], requests=10, rate=50, timeout=LIMIT)
    assert counts(record) == {"ok": 8, "timeout_headers": 2}
    assert len(seen) == 10


def test_what_is_no_answer_is_ignored_and_the_answer_behind_it_taken() -> None:
    def script(query: bytes, number: int) -> list[bytes]:
        return [answer(query, rcode=3, number=0xFFFF), b"", answer(query, (A, HERE)), answer(query, rcode=2)]

    with name_server(script) as port:
        record = probe(url=[f"dns://127.0.0.1:{port}/web"], connection="reuse", requests=10, users=1)
    assert counts(record) == {"ok": 10}
    assert record["totals"]["connections_opened"] == 1  # the second answer came while nothing was asked


def test_nobody_answers_there() -> None:
    record = probe(url=[f"dns://127.0.0.1:{free_port(socket.SOCK_DGRAM)}/web"], requests=5, rate=50)
    assert counts(record) == {"refused": 5}


@pytest.mark.parametrize(
    ("kind", "data", "body"),
    [
        ("a", HERE, "10.1.2.3"),
        ("AAAA", socket.inet_pton(socket.AF_INET6, "fd00::7"), "fd00::7"),
        ("SRV", struct.pack("!HHH", 0, 100, 8080) + b"\x05web-0\xc0\x0c", "0 100 8080 web-0.web.lab"),
    ],
)
def test_the_records_are_the_body(kind: str, data: bytes, body: str) -> None:
    number = {"a": A, "AAAA": AAAA, "SRV": SRV}[kind]
    with name_server(lambda query, _n: [answer(query, (5, b"\xc0\x0c"), (number, data))]) as port:
        url = f"dns://127.0.0.1:{port}/web.lab?type={kind}"
        record = probe(url=[url], requests=3, rate=50, identify=["who=regex:^(.*)$"], expect_body=body)
    assert counts(record) == {"ok": 3}
    assert list(record["identities"]["who"]) == [body]


def test_each_query_is_another_transaction() -> None:
    seen: set[bytes] = set()

    def script(query: bytes, number: int) -> list[bytes]:
        seen.add(query[:2])
        return good(query, number)

    with name_server(script) as port:
        probe(url=[f"dns://127.0.0.1:{port}/web"], requests=20, rate=100, processes=2)
    assert len(seen) == 20


@pytest.mark.parametrize(
    ("name", "fine"),
    [
        (b"\x01a\xc0\x0c", True),
        (b"\xc0\x0c", True),
        (b"\x01a\xc0\x2b", False),  # of itself
        (b"\xc0\xff", False),
        (b"\x40a", False),
    ],
)
def test_names_that_point(name: bytes, fine: bool) -> None:
    query = queries(question(parse_address("dns://x/web.lab?type=SRV")))[7]
    reader = LookupReader(query)
    packet = answer(query, (SRV, struct.pack("!HHH", 0, 1, 80) + name))
    if fine:
        assert reader.feed(packet)
        assert bytes(reader.body).endswith(b"web.lab")
    else:
        with pytest.raises(MalformedAnswer):
            reader.feed(packet)


@given(st.sampled_from(["A", "AAAA", "SRV"]), st.integers(0, 3), st.binary(), st.data())
def test_whatever_comes_is_an_answer_or_malformed(kind: str, count: int, tail: bytes, data: st.DataObject) -> None:
    """Nothing that a server sends may end the probe, or keep it busy."""
    query = queries(question(parse_address(f"dns://x/web.lab?type={kind}")))[7]
    packet = bytearray(answer(query) + tail)
    packet[6:8] = count.to_bytes(2, "big")
    for at in data.draw(st.lists(st.integers(2, len(packet) - 1), max_size=4)):
        packet[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedAnswer):
        assert LookupReader(query).feed(bytes(packet)) in (True, False)


@given(
    st.lists(st.sampled_from([b"+PONG", b"+OK", b"-LOADING x", b"\r\n", b"\r", b"\xff", b"$4", b"-"])),
    st.integers(1, 2),
)
def test_whatever_comes_is_a_reply_or_malformed(pieces: list[bytes], replies: int) -> None:
    reader = ReplyReader(replies)
    with contextlib.suppress(MalformedAnswer):
        assert any(map(reader.feed, pieces)) == (reader.head is not None)


# all of them


def test_attempts_say_what_was_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with raw_server(Redis(pong)) as port:
        probe(url=[f"redis://127.0.0.1:{port}"], requests=2, rate=50, attempts=str(path))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["status"], line["outcome"], line["error"]) for line in lines] == [("PONG", "ok", "")] * 2


def test_protocols_side_by_side_share_no_connection() -> None:
    """A port that answers PING as Redis and all else as HTTP."""

    def serve(sock: socket.socket) -> None:
        while data := sock.recv(4096):
            http = data.startswith(b"GET")
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if http else b"+PONG\r\n")

    with raw_server(serve) as port:
        urls = [f"http://127.0.0.1:{port}", f"redis://127.0.0.1:{port}"]
        record = probe(url=urls, connection="reuse", requests=20, users=1)
    assert counts(record) == {"ok": 20}
    assert record["totals"]["statuses"] == {"200": 10, "PONG": 10}
    assert record["totals"]["connections_opened"] == 2


def test_any_of_them_can_be_the_control_target() -> None:
    with raw_server(Redis(pong)) as port:
        record = probe(url=[f"redis://127.0.0.1:{port}"], requests=5, rate=50, control=f"redis://127.0.0.1:{port}")
        listening = probe(url=[f"redis://127.0.0.1:{port}"], requests=5, rate=50, control=f"tcp://127.0.0.1:{port}")
    for control in (record["control"], listening["control"]):
        assert control["completed"] == control["due"] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": ["tcp://127.0.0.1"]}, "url: 'tcp://127.0.0.1' is not an address ('' is no port"),
        ({"url": ["tcp://127.0.0.1:1/x"]}, "url: 'tcp://127.0.0.1:1/x' is not an address (nothing is sent there"),
        ({"url": ["redis://127.0.0.1/0"]}, "url: 'redis://127.0.0.1/0' is not an address (PING asks no database"),
        ({"url": ["redis://bob@127.0.0.1"]}, "url: 'redis://bob@127.0.0.1' is not an address (it has no password"),
        ({"url": ["dns://127.0.0.1"]}, "url: 'dns://127.0.0.1' is not an address (it has no name to look up"),
        ({"url": ["dns://127.0.0.1/a?type=MX"]}, "url: 'dns://127.0.0.1/a?type=MX' is not an address ('type=MX' is no"),
        ({"url": ["dns://127.0.0.1/a?class=IN"]}, "url: 'dns://127.0.0.1/a?class=IN' is not an address ("),
        ({"url": ["dns://127.0.0.1/a..b"]}, "url: 'dns://127.0.0.1/a..b' is not an address ('a..b' is no host name"),
        ({"url": ["dns://127.0.0.1/" + "a." * 130]}, "url: 'dns://127.0.0.1/"),
        ({"url": ["smtp://127.0.0.1"]}, "url: 'smtp://127.0.0.1' is not an address (expected http://"),
        ({"method": "POST"}, "method: redis:// has none, expected it with http:// or https:// alone"),
        ({"headers": {"X-A": "1"}}, "headers: redis:// has none"),
        ({"body": "x"}, "body: redis:// has none"),
        ({"host": "x"}, "host: redis:// has none"),
        ({"values": ["1"]}, "values: redis:// has none"),
        ({"follow_redirects": 1}, "follow_redirects: redis:// has none"),
        ({"expect_status": ["200"]}, "expect_status: redis:// has none"),
        ({"expect_body": "x"}, "expect_body: redis:// has none"),
        ({"expect_json": {"/a": 1}}, "expect_json: redis:// has none"),
        ({"identify": ["a=header:X-A"]}, "identify: redis:// has none"),
        ({"remote_date": "header:Date"}, "remote_date: redis:// has none"),
        (
            {"url": ["dns://127.0.0.1/a"], "identify": ["a=header:X-A"]},
            "identify: 'a=header:X-A', expected name=regex:(...) with dns://",
        ),
        ({"url": ["tcp://127.0.0.1:1"], "connection": "reuse"}, "connection: to connect is all that tcp:// asks"),
        ({"url": ["tcp://127.0.0.1:1"], "connection": "both"}, "connection: to connect is all that tcp:// asks"),
        (
            {"url": None, "targets": [{"url": "redis://127.0.0.1", "method": "POST"}]},
            "targets.method: redis:// has none",
        ),
        ({"control": "tcp://127.0.0.1"}, "control: 'tcp://127.0.0.1' is not an address"),
    ],
)
def test_bad_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse({"url": ["redis://127.0.0.1"], "rate": 5, "duration": "1s", **options})
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
