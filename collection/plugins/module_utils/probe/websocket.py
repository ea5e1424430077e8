# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`ws://` and `wss://`: a connection that is held, and a numbered PING for each request, which a PONG of the same
number answers (RFC 6455 5.5.3: every server has to).

What else the server sends passes by: messages are nobody's, its PINGs are answered, its Close ends the connection.
"""

from __future__ import annotations

import base64
import hashlib
import os
import ssl
from contextlib import suppress
from typing import Any

from . import outcome
from .connection import READS, Address, Connection
from .expectation import Expectation
from .numbered import Numbered
from .response import MalformedAnswer, read_head
from .said import BrokenOff, SaidReader
from .websocket_frames import CLOSE, PING, PONG, Frames, close_reason, control_frame, payload_of

_KEY = "key-of-this-connection=="
#: What the request for the upgrade has beside other headers; each connection has a key of its own.
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": _KEY,
}
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_HEAD = 65_536
_RECEIVE = 65_536
_GOODBYE = (1000).to_bytes(2, "big")

#: The number is the request's in the plan.
PINGS = Numbered(1 << 32, lambda number: control_frame(PING, number.to_bytes(8, "big")))


class WebSocketConnection(Connection):
    """A connection that is upgraded before its first PING."""

    __slots__ = ("frames", "key", "ping", "upgraded")

    def __init__(self, lane: Any, target: Any) -> None:
        super().__init__(lane, target)
        self.key = base64.b64encode(os.urandom(16))
        self.frames = Frames()
        self.upgraded = False
        self.ping = b""  # the first request's, which has to wait for the upgrade

    def open(self, address: Address, context: ssl.SSLContext | None) -> bool:
        """Begin to connect; what is written first is the request for the upgrade. Raises OSError."""
        self.ping = self.ping or self.request.payload
        self.request.payload = self.target.prelude.replace(_KEY.encode(), self.key)
        return super().open(address, context)

    def reader(self, _expected: Expectation | None) -> SaidReader:
        """Waits for the PONG of the request that is on it."""
        return PongReader(self, payload_of(self.ping if self.requests == 1 else self.request.payload))

    def heard(self) -> bool:
        """Take what came between requests; a Close ends the connection."""
        try:
            for _unused in range(READS):
                data = self.recv(_RECEIVE)
                if not data or not self.take_frames(data, b"")[1]:
                    return False
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except (OSError, MalformedAnswer):
            return False
        return True

    def take_frames(self, data: bytes, asked: bytes) -> tuple[bool, bool]:
        """Whether the PONG came, and whether the connection goes on. Raises MalformedAnswer, and that where a Close
        came instead of the PONG."""
        answered, open_still = False, True
        for kind, payload in self.frames.feed(data):
            if kind == PING:
                self.say(control_frame(PONG, payload))
            elif kind == PONG:
                answered = answered or payload == asked
            elif kind == CLOSE:
                open_still = False
                if not answered:
                    raise BrokenOff(outcome.CLOSED_EARLY, f"closed by the server: {close_reason(payload)}")
                break
        return answered, open_still

    def say(self, frame: bytes) -> None:
        """Write a small frame beside the requests. Raises MalformedAnswer where that cannot be done."""
        try:
            written = self.send(frame)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            written = 0
        except OSError as error:
            raise BrokenOff(outcome.of_exchange_error(error, False), f"writing: {error}") from error
        if written < len(frame):
            raise BrokenOff(outcome.TIMEOUT_HEADERS, "the server does not read what it is sent")

    def close(self) -> None:
        """Say goodbye, as the server expects of both sides, and close the socket."""
        if self.upgraded and self.sock is not None:
            with suppress(OSError):
                self.send(control_frame(CLOSE, _GOODBYE))
        super().close()


class PongReader(SaidReader):
    """Takes the answer to the upgrade, on a new connection, and the frames up to the PONG."""

    __slots__ = ("_asked", "_connection")

    def __init__(self, connection: WebSocketConnection, asked: bytes) -> None:
        super().__init__()
        self._connection, self._asked = connection, asked

    def feed(self, data: bytes) -> bool:
        """Take the next bytes. Raises MalformedAnswer, also where the server closes instead of answering."""
        connection = self._connection
        while not connection.upgraded:
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if not b"HTTP/1.".startswith(bytes(self._buffer[:7])) or len(self._buffer) > _MAX_HEAD:
                    raise MalformedAnswer(f"the answer to the upgrade begins with {bytes(self._buffer[:40])!r}")
                return False
            raw, data = bytes(self._buffer[:end]), bytes(self._buffer[end + 4 :])
            self._buffer.clear()
            head = read_head(raw)
            if head.status >= 200:
                return self.said(
                    str(head.status), (outcome.WRONG_STATUS, f"status {head.status}, expected 101"), keep=False
                )
            if head.status == 101:
                self._check(head.headers)
                connection.upgraded = True
                connection.request.payload += connection.ping
                connection.say(connection.ping)
        answered, goes_on = connection.take_frames(data, self._asked)
        return answered and self.said("pong", keep=goes_on)

    def _check(self, headers: dict[bytes, bytes]) -> None:
        # SHA-1 by the protocol: it shows that the server speaks it, and guards nothing.
        digest = hashlib.sha1(self._connection.key + _MAGIC, usedforsecurity=False).digest()
        expected = base64.b64encode(digest)
        accept = headers.get(b"sec-websocket-accept", b"")
        if accept != expected:
            raise MalformedAnswer(f"Sec-WebSocket-Accept is {accept[:40]!r}, expected {expected!r}")
        if headers.get(b"upgrade", b"").lower() != b"websocket":
            raise MalformedAnswer("101 without Upgrade: websocket")
        if b"sec-websocket-extensions" in headers:
            raise MalformedAnswer("Sec-WebSocket-Extensions, which nobody asked for")
