# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A server of WebSocket on 127.0.0.1 whose every frame the test writes itself."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import raw_server, read_head

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def frame(kind: int, payload: bytes = b"", final: bool = True) -> bytes:
    """A server's frame."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    else:
        length = b"\x7e" + size.to_bytes(2, "big") if size < 1 << 16 else b"\x7f" + size.to_bytes(8, "big")
    return bytes([(0x80 if final else 0) | kind]) + length + payload


def close(code: int, reason: bytes = b"") -> bytes:
    """A Close frame."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def accept_of(head: bytes) -> bytes:
    """The Sec-WebSocket-Accept that this request for an upgrade expects."""
    (key,) = [line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: ")]
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def upgraded(head: bytes) -> bytes:
    """The answer that upgrades."""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_of(head) + b"\r\n\r\n"
    )


class Server:
    """Upgrades, and gives `serve` each connection's frames: (socket, kind, payload, number of the frame from 0 in all)
    -> whether it goes on. Counts connections and frames by kind."""

    def __init__(
        self,
        serve: Callable[[socket.socket, int, bytes, int], bool] | None = None,
        upgrade: Callable[[bytes], bytes] = upgraded,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.heads: list[bytes] = []
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.closes: list[bytes] = []
        self._serve, self._upgrade, self._context = serve or echo, upgrade, context

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Yields the port."""
        with raw_server(self._connection) as port:
            yield port

    def _connection(self, sock: socket.socket) -> None:
        if self._context is not None:
            sock = self._context.wrap_socket(sock, server_side=True)
        with sock:
            head = read_head(sock)
            self.heads.append(head)
            said = self._upgrade(head)
            sock.sendall(said)
            if b"HTTP/1.1 101" not in said or b"\r\n\r\n" not in said:
                return
            with sock.makefile("rb") as stream:
                while start := stream.read(2):
                    kind, size = start[0] & 0xF, start[1] & 0x7F
                    assert start[0] & 0x80, "whole"
                    assert start[1] & 0x80, "masked, as a client's have to be"
                    mask = stream.read(4)
                    payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(stream.read(size)))
                    number = len(self.pings)
                    {PING: self.pings, PONG: self.pongs, CLOSE: self.closes}[kind].append(payload)
                    if kind == CLOSE or not self._serve(sock, kind, payload, number):
                        return


def echo(sock: socket.socket, kind: int, payload: bytes, _number: int) -> bool:
    """What RFC 6455 asks of every server."""
    if kind == PING:
        sock.sendall(frame(PONG, payload))
    return True
