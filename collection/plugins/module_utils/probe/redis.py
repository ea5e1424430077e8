# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`redis://[user:password@]host[:port]` and `rediss://` (TLS): PING, which +PONG answers (RESP).

A server that cannot serve says so: -LOADING while it reads its data, -NOAUTH, -MASTERDOWN. On a new connection AUTH
goes before the first PING, in one piece with it.
"""

from __future__ import annotations

import ssl
from urllib.parse import unquote

from . import outcome
from .address import Address, AddressError
from .connection import Address as Place
from .connection import Connection
from .expectation import Expectation
from .response import MalformedAnswer
from .said import SaidReader

PING = b"*1\r\n$4\r\nPING\r\n"
_MAX_LINE = 65_536


def login(address: Address) -> bytes:
    """AUTH with the address's password, or b"". Raises AddressError."""
    if address.path != "/":
        raise AddressError("PING asks no database, expected redis://host:port")
    if not address.user_info:
        return b""
    user, colon, password = address.user_info.partition(":")
    if not colon or not password:
        raise AddressError("it has no password, expected redis://:password@host")
    words = ["AUTH", *([unquote(user)] if user else []), unquote(password)]
    coded = [word.encode() for word in words]
    return b"*%d\r\n" % len(coded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in coded)


class ReplyReader(SaidReader):
    """Takes one line for each command."""

    __slots__ = ("_left",)

    def __init__(self, replies: int) -> None:
        super().__init__()
        self._left = replies

    def feed(self, data: bytes) -> bool:
        """Take the next bytes. Raises MalformedAnswer."""
        buffer = self._buffer
        buffer += data
        while True:
            if buffer and buffer[0] not in b"+-":
                raise MalformedAnswer(f"it begins with {bytes(buffer[:40])!r}, and is no reply of Redis")
            end = buffer.find(b"\r\n")
            if end < 0:
                if len(buffer) > _MAX_LINE:
                    raise MalformedAnswer(f"a reply's line is longer than {_MAX_LINE} bytes")
                return False
            line = buffer[:end].decode("utf-8", "replace")
            del buffer[: end + 2]
            self._left -= 1
            if line[0] == "-":  # an error to AUTH leaves nothing to be done on this connection
                word = line[1:].partition(" ")[0] or "ERR"
                return self.said(word, (outcome.WRONG_STATUS, line), keep=not self._left and not buffer)
            if not self._left:
                good = line == "+PONG"
                wrong = None if good else (outcome.WRONG_BODY, f"{line!r}, expected '+PONG'")
                return self.said(line[1:] if good else "other", wrong, keep=good and not buffer)


class RedisConnection(Connection):
    """A connection that may have to log in first."""

    __slots__ = ()

    def open(self, address: Place, context: ssl.SSLContext | None) -> bool:
        """Begin to connect; the first request takes the login with it. Raises OSError."""
        self.request.payload = self.target.prelude + PING
        return super().open(address, context)

    def reader(self, _expected: Expectation | None) -> SaidReader:
        """A login has a reply of its own."""
        return ReplyReader(2 if self.requests == 1 and self.target.prelude else 1)
