# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A server of HTTP/2 on 127.0.0.1 that a test scripts frame by frame. It writes its frames by itself."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ansible_collections.availability.lab.plugins.module_utils.probe.http2.hpack import Decoder, encode
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import raw_server

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
MAX_STREAMS, WINDOW = 3, 4
REFUSED, CANCEL = 7, 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def goaway(last: int, code: int = 0) -> bytes:
    return frame(GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big"))


def setting(name: int, value: int) -> bytes:
    return name.to_bytes(2, "big") + value.to_bytes(4, "big")


def head(status: int = 200, **more: str) -> bytes:
    """A header block."""
    fields = [(":status", str(status)), *((name.replace("_", "-"), value) for name, value in more.items())]
    return encode([(name.encode(), value.encode()) for name, value in fields])


def trailers(**fields: str) -> bytes:
    return encode([(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()])


@dataclass
class Asked:
    """A request, once it is whole."""

    stream: int
    block: bytes
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Seen:
    """What the server saw on all its connections."""

    port: int = 0
    connections: int = 0
    requests: int = 0
    most_open: int = 0
    resets: list[int] = field(default_factory=list)
    pongs: int = 0
    goaways: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Peer:
    """One connection, from its preface on. `number` counts them from 1."""

    def __init__(self, sock: socket.socket, seen: Seen, settings: bytes, window: int) -> None:
        self.sock, self.seen = sock, seen
        self._window = window
        self._data = b""
        self._decoder = Decoder({})
        self._open: dict[int, Asked] = {}
        with seen.lock:
            seen.connections += 1
            self.number = seen.connections
        if self._read(len(PREFACE)) != PREFACE:
            raise ConnectionError("no preface")
        self.send(frame(SETTINGS, 0, 0, settings))

    @property
    def unread(self) -> bytes:
        """What came together with the frame that was read last."""
        return self._data

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(
        self,
        stream: int,
        block: bytes | None = None,
        body: bytes = b"ok",
        tail: bytes | None = None,
        behind: bytes = b"",
    ) -> None:
        """Headers, body, and trailers where there are any; `behind` comes with them."""
        self._open.pop(stream, None)
        last = END_STREAM if tail is None else 0
        out = frame(HEADERS, END_HEADERS, stream, head() if block is None else block)
        for at in range(0, len(body) - 1, 16_384):
            out += frame(DATA, 0, stream, body[at : at + 16_384]) if at + 16_384 < len(body) else b""
        out += frame(DATA, last, stream, body[(len(body) - 1) // 16_384 * 16_384 :] if body else b"")
        out += b"" if tail is None else frame(HEADERS, END_HEADERS | END_STREAM, stream, tail)
        self.send(out + behind)

    def headers(self, stream: int, block: bytes, end: bool = True) -> None:
        self._open.pop(stream, None)
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block))

    def reset(self, stream: int, code: int) -> None:
        self._open.pop(stream, None)
        self.send(frame(RST_STREAM, 0, stream, code.to_bytes(4, "big")))

    def next(self) -> Asked | None:
        """The next whole request; None when the client leaves."""
        while True:
            try:
                kind, flags, stream, payload = self._frame()
            except ConnectionError:
                return None
            seen = self.seen
            if kind == HEADERS:
                pairs = self._decoder.decode(payload).pairs
                headers = {name.decode(): value.decode() for name, value in pairs}
                self._open[stream] = Asked(stream, payload, headers)
                seen.most_open = max(seen.most_open, len(self._open))
            elif kind == DATA:
                self._open[stream].body += payload
                if payload and self._window:
                    more = len(payload).to_bytes(4, "big")
                    self.send(frame(WINDOW_UPDATE, 0, 0, more) + frame(WINDOW_UPDATE, 0, stream, more))
            elif kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK, 0))
            elif kind == PING:
                seen.pongs += flags & ACK
                if not flags & ACK:
                    self.send(frame(PING, ACK, 0, payload))
            elif kind == RST_STREAM:
                self._open.pop(stream, None)
                seen.resets.append(int.from_bytes(payload, "big"))
            elif kind == GOAWAY:
                seen.goaways.append(int.from_bytes(payload[4:8], "big"))
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                with seen.lock:
                    seen.requests += 1
                    seen.bodies.append(self._open[stream].body)
                return self._open[stream]

    def _frame(self) -> tuple[int, int, int, bytes]:
        raw = self._read(9)
        return raw[3], raw[4], int.from_bytes(raw[5:], "big"), self._read(int.from_bytes(raw[:3], "big"))

    def _read(self, size: int) -> bytes:
        while len(self._data) < size:
            piece = self.sock.recv(65_536)
            if not piece:
                raise ConnectionError("the client left")
            self._data += piece
        data, self._data = self._data[:size], self._data[size:]
        return data


Script = Callable[[Peer], None]


@contextlib.contextmanager
def h2_serving(
    script: Script, settings: bytes = b"", window: int = 0, context: ssl.SSLContext | None = None
) -> Iterator[Seen]:
    """`script` gets each connection; `window`: bodies are read on, whatever their length."""
    seen = Seen()

    def serve(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            script(Peer(sock, seen, settings, window))
            return
        with context.wrap_socket(sock, server_side=True) as secured:
            script(Peer(secured, seen, settings, window))

    with raw_server(serve) as port:
        seen.port = port
        yield seen


def each(answer: Callable[[Peer, Asked], object]) -> Script:
    """A script that does one thing with each request."""

    def script(peer: Peer) -> None:
        while (asked := peer.next()) is not None:
            answer(peer, asked)

    return script
