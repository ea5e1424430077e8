# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One request on a connection of many, and its answer as far as it came."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

from ..request import Request
from ..response import LENGTH, MAX_KEPT_BODY, NONE, UNTIL_CLOSE, Head, MalformedAnswer
from .hpack import OF_THE_CONNECTION, Fields

_STATUS = re.compile(rb"[1-5]\d\d")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(rb"[^\0\r\n]*")
#: A body that is part of what makes two answers alike is kept up to here.
_ALIKE_UP_TO = 4_096


class Stream:
    """What recorder and diagnosis see of it is what they see of a connection with one request on it.

    Times in ns from the start of the probe.
    """

    __slots__ = (
        "_keeps_body",
        "_trailers_raw",
        "body",
        "body_bytes",
        "connected_at",
        "credit",
        "head",
        "head_raw",
        "id",
        "lane",
        "request",
        "requests",
        "tcp_at",
        "tls",
        "trailers",
        "window",
    )

    #: Its status is HTTP's.
    label = ""

    def __init__(self, lane: Any, request: Request, keeps_body: bool) -> None:
        self.lane = lane
        self.request = request
        self._keeps_body = keeps_body
        self.id = 0
        self.requests = 0  # how many were begun on its connection, with this one; 0: it was not sent yet
        self.tls: Any = None
        self.tcp_at = 0
        self.connected_at = 0
        self.window = 0  # what the server takes of the request's body
        self.credit = 0  # what came of the answer's body since the server was told to go on
        self.head: Head | None = None
        self.head_raw = b""
        self.trailers: dict[bytes, bytes] = {}
        self._trailers_raw = b""
        self.body = bytearray()
        self.body_bytes = 0

    @property
    def connected(self) -> bool:
        """It was sent: its connection was set up."""
        return self.requests > 0

    @property
    def answer_head(self) -> Head:
        """The final head, once it came. Raises RuntimeError before."""
        if self.head is None:
            raise RuntimeError("the head was not read yet")
        return self.head

    @property
    def cut(self) -> bool:
        """The body is longer than what of it is kept."""
        return self._keeps_body and self.body_bytes > len(self.body)

    def alike(self, wire_bytes: int, _keep: bool) -> Hashable:
        """What another answer has to look like to be booked as this one is; () where none can be."""
        if len(self.body) > _ALIKE_UP_TO:
            return ()
        return wire_bytes, self.body_bytes, self.head_raw, self._trailers_raw, bytes(self.body)

    def take_fields(self, fields: Fields) -> None:
        """A header block: a head, or trailers behind the body. Raises MalformedAnswer."""
        if self.head is not None:
            raw, self.trailers = _told_once(fields, _trailers)
            self._trailers_raw = raw
            return
        raw, head = _told_once(fields, _head)
        if head.status >= 200:
            self.head, self.head_raw = head, raw

    def take_data(self, data: bytes) -> None:
        """A piece of the body. Raises MalformedAnswer."""
        if self.head is None:
            raise MalformedAnswer("a body before the headers")
        self.body_bytes += len(data)
        if self._keeps_body and len(self.body) < MAX_KEPT_BODY:
            self.body += data

    def end(self) -> None:
        """The answer is whole. Raises MalformedAnswer when it cannot be."""
        if self.head is None:
            raise MalformedAnswer("it ends before a final status")
        bodiless = self.request.target.method == "HEAD" or self.head.status in (204, 304)
        if self.head.framing == LENGTH and self.head.length != self.body_bytes and not bodiless:
            raise MalformedAnswer(f"a Content-Length of {self.head.length}, and a body of {self.body_bytes} bytes")


def _told_once(fields: Fields, read: Any) -> Any:
    """What `read` makes of the fields, which are the same object for a block that comes again."""
    if fields.meaning is None or fields.meaning[0] is not read:
        fields.meaning = read, (b"\n".join(b"%s: %s" % pair for pair in fields.pairs), read(fields))
    return fields.meaning[1]


def _head(fields: Fields) -> Head:
    pairs = fields.pairs
    if not pairs or pairs[0][0] != b":status" or _STATUS.fullmatch(pairs[0][1]) is None:
        raise MalformedAnswer(f"a head that begins with {b': '.join(pairs[0])[:60]!r}" if pairs else "an empty head")
    headers = _headers(pairs[1:])
    status, told = int(pairs[0][1]), headers.get(b"content-length")
    if told is None:
        return Head(status, headers, UNTIL_CLOSE if status >= 200 else NONE, 0, True)
    values = {value.strip() for value in told.split(b",")}
    length = values.pop()
    if values or not length.isdigit() or len(length) > 18:
        raise MalformedAnswer(f"Content-Length {told[:30]!r}")
    return Head(status, headers, LENGTH, int(length), True)


def _trailers(fields: Fields) -> dict[bytes, bytes]:
    return _headers(fields.pairs)


def _headers(pairs: tuple[tuple[bytes, bytes], ...]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None or name in OF_THE_CONNECTION:
            raise MalformedAnswer(f"header {name[:40]!r}: {value[:40]!r}")
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers
