# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What each client makes of answers that are unusual but whole, and of answers that are broken.

A client that takes a whole answer for a failure invents an outage; one that takes a cut answer for a good one hides it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from cores import on_core
from load import Load, measure
from servers import raw_server, read_head
from setting import Setting
from table import table, verdict

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"
#: case -> (whether it is a whole answer, the answer, section of RFC 9112). The connection is
#: closed after each, and where there is a header it says so.
CASES: dict[str, tuple[bool, bytes, str]] = {
    "no length, ended by closing": (True, OK + b"\r\nok", "6.3"),
    "HTTP/1.0": (True, b"HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "2.3"),
    "no reason phrase": (True, b"HTTP/1.1 200 \r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "4"),
    "lines end in LF alone": (True, b"HTTP/1.1 200 OK\nConnection: close\nContent-Length: 2\n\nok", "2.2"),
    "folded header line": (True, OK + b"X-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok", "5.2"),
    "Content-Length: 2, 2": (True, OK + b"Content-Length: 2, 2\r\n\r\nok", "6.3"),
    "103 and then 200": (
        True,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
        "RFC 8297",
    ),
    "chunks with extension and trailer": (True, CHUNKS + b"2;a=b\r\nok\r\n0\r\nX-T: 1\r\n\r\n", "7.1"),
    "chunk size of 17 digits": (True, CHUNKS + b"00000000000000002\r\nok\r\n0\r\n\r\n", "7.1"),
    "204 without a length": (True, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "6.3"),
    "body shorter than its length": (False, OK + b"Content-Length: 9\r\n\r\nok", "8"),
    "chunks without an end": (False, CHUNKS + b"2\r\nok\r\n", "8"),
    "cut inside the headers": (False, OK + b"Content-Le", "8"),
    "closed without an answer": (False, b"", "9.5"),
    "two lengths that differ": (False, OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", "6.3"),
    "chunk size that is no number": (False, CHUNKS + b"zz\r\nok\r\n0\r\n\r\n", "7.1"),
    "status line of garbage": (False, b"\x00\x01\x02 what\r\n\r\n", "4"),
}
NAMES = ("ours", "wrk", "oha", "hey", "vegeta", "k6")
REQUESTS = 20


def _answering(answer: bytes) -> Callable[[socket.socket], None]:
    def serve(client: socket.socket) -> None:
        read_head(client)
        client.sendall(answer)
        client.shutdown(socket.SHUT_WR)
        client.recv(4096)  # what the client still sends must not turn the end into a reset

    return serve


def run(setting: Setting) -> dict[str, Any]:
    """case -> client -> [good answers, requests]."""
    found: dict[str, Any] = {}
    for case, (_whole, answer, _why) in CASES.items():
        found[case] = {}
        for name in NAMES:
            # vegeta has no number of requests, only a rate and a time; wrk only a time.
            load_of = {"vegeta": {"rate": REQUESTS}, "wrk": {"requests": None}}.get(name, {})
            with ExitStack() as stack:
                with on_core(setting.server_core):
                    port = stack.enter_context(raw_server(_answering(answer)))
                load = Load(
                    f"http://127.0.0.1:{port}/", **{"seconds": 1.0, "connections": 2, "requests": REQUESTS, **load_of}
                )
                said = measure(setting.client(name), load, setting.client_core)
            found[case][name] = [said.good, said.requests]
    return found


def render(results: dict[str, Any]) -> list[str]:
    """A row a case: what is right, and what each client made of it."""
    rows, exact = [], True
    for case, (whole, _answer, why) in CASES.items():
        said = results[case]
        rows.append([case, why, "good" if whole else "failed", *(_word(*said[name], whole) for name in NAMES)])
        exact = exact and said["ours"] == [REQUESTS if whole else 0, REQUESTS]
    return [
        *table(["answer", "RFC 9112", "right", *NAMES], rows),
        "",
        f"- ours right in every case: {verdict(exact)}",
    ]


def _word(good: int, requests: int, whole: bool) -> str:
    if not requests:  # not one was finished
        word, right = "failed", not whole
    elif good in (0, requests):
        word, right = "good" if good else "failed", bool(good) == whole
    else:
        word, right = f"{good} of {requests} good", False
    return word if right else f"**{word}**"
