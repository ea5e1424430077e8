# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the misbehaving server can do to one request: a table of kinds, one small function each.

A function gets the `Peer` that asked and returns True when the connection may serve another request.
It never raises for a client that went away: the server's loop takes OSError as "the client left".
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import Callable

BODY = b"ok\n"
SLOW_BYTE_S = 0.05  # one byte each 50 ms: far slower than any client's timeout in the tests allows
HOLD_LIMIT_S = 60.0  # nothing is held longer than this, whatever the client does


class Peer:
    """One accepted connection with the request that was just read from it."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.sock = sock
        self.stopping = stopping
        self.method = b""
        self.path = b""

    def send(self, data: bytes) -> None:
        """Write all of `data`; raises OSError when the client is gone."""
        self.sock.sendall(data)

    def reset(self) -> None:
        """Send RST: with a linger time of zero, close() drops the connection instead of ending it."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def hold(self) -> None:
        """Say nothing until the client leaves, the server stops or HOLD_LIMIT_S is over."""
        until = time.monotonic() + HOLD_LIMIT_S
        self.sock.settimeout(0.05)
        while not self.stopping.is_set() and time.monotonic() < until:
            try:
                if not self.sock.recv(4096):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def drip(self, data: bytes) -> None:
        """Send `data` one byte at a time, SLOW_BYTE_S apart."""
        for index in range(len(data)):
            if self.stopping.is_set():
                return
            self.send(data[index : index + 1])
            time.sleep(SLOW_BYTE_S)


def answer(body: bytes = BODY, status: bytes = b"200 OK", extra: bytes = b"", length: int | None = None) -> bytes:
    """The bytes of a whole answer; `length` overrides the Content-Length that is told."""
    told = len(body) if length is None else length
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, told, extra, body)


def _send(data: bytes, keep: bool = True) -> Callable[[Peer], bool]:
    def serve(peer: Peer) -> bool:
        peer.send(data)
        return keep

    return serve


def _send_then_reset(data: bytes) -> Callable[[Peer], bool]:
    def serve(peer: Peer) -> bool:
        if data:
            peer.send(data)
            # The client should have read the bytes before the RST: else both arrive as one event.
            time.sleep(0.02)
        peer.reset()
        return False

    return serve


def _send_then_hold(data: bytes) -> Callable[[Peer], bool]:
    def serve(peer: Peer) -> bool:
        if data:
            peer.send(data)
        peer.hold()
        return False

    return serve


def _ok(peer: Peer) -> bool:
    peer.send(answer(b"" if peer.method == b"HEAD" else BODY, length=len(BODY)))
    return True


def _slow(head: bytes, data: bytes) -> Callable[[Peer], bool]:
    def serve(peer: Peer) -> bool:
        peer.send(head)
        peer.drip(data)
        return False

    return serve


def _endless(head: bytes, piece: bytes) -> Callable[[Peer], bool]:
    def serve(peer: Peer) -> bool:
        until = time.monotonic() + HOLD_LIMIT_S
        peer.send(head)
        while not peer.stopping.is_set() and time.monotonic() < until:
            peer.send(piece)
        return False

    return serve


HALF_HEAD = b"HTTP/1.1 200 OK\r\nContent-Le"
HEAD_100 = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

#: kind -> what is done to the request
KINDS: dict[str, Callable[[Peer], bool]] = {
    # good answers, in every framing
    "ok": _ok,
    "ok-chunked": _send(CHUNKED + b"2;x=y\r\nok\r\n1\r\n\n\r\n0\r\nTrailer: t\r\n\r\n"),
    "ok-until-close": _send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY, keep=False),
    "ok-http10": _send(b"HTTP/1.0 200 OK\r\n\r\n" + BODY, keep=False),
    "ok-after-hints": _send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer()),
    "no-content": _send(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "not-modified": _send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"),
    "redirect": _send(answer(b"", b"302 Found", b"Location: /ok\r\n")),
    # good answer, then the connection dies although keep-alive was promised
    "ok-then-close": _send(answer(), keep=False),
    "ok-then-reset": _send_then_reset(answer()),
    # answers that are whole and wrong
    "status-500": _send(answer(b"oops\n", b"500 Internal Server Error")),
    "status-503": _send(answer(b"busy\n", b"503 Service Unavailable")),
    "wrong-body": _send(answer(b"not what was asked for\n")),
    # connections cut with RST
    "reset-before": _send_then_reset(b""),
    "reset-in-headers": _send_then_reset(HALF_HEAD),
    "reset-after-headers": _send_then_reset(HEAD_100),
    "reset-in-body": _send_then_reset(HEAD_100 + b"x" * 10),
    # connections ended too early with FIN
    "close-before": _send(b"", keep=False),
    "close-in-headers": _send(HALF_HEAD, keep=False),
    "short-body": _send(HEAD_100 + b"x" * 10, keep=False),
    "short-chunked": _send(CHUNKED + b"3\r\nok\n\r\n", keep=False),
    # answers that never come to an end
    "never-answer": _send_then_hold(b""),
    "stall-in-headers": _send_then_hold(HALF_HEAD),
    "stall-in-body": _send_then_hold(HEAD_100 + b"x" * 10),
    "slow-headers": _slow(b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"z" * 1000),
    "slow-body": _slow(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"z" * 1000),
    "endless-headers": _endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 100),
    "endless-body": _endless(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"),
    # not HTTP
    "garbage": _send(bytes(range(256)) * 4, keep=False),
    "garbage-status": _send(b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", keep=False),
    "garbage-length": _send(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok\n", keep=False),
    "two-lengths": _send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nok\n", keep=False),
    "garbage-chunk": _send(CHUNKED + b"zz\r\nok\r\n0\r\n\r\n", keep=False),
    # more body than Content-Length says, on a connection that stays open
    "long-body": _send(answer(BODY + b"surplus", length=len(BODY))),
}
