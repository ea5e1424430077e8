# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Reading an HTTP/1.1 answer (RFC 9112): the head, and the body in each of its framings, in whatever pieces it comes.

`read_head` takes what browsers and curl take: a line may end in LF alone (RFC 9112 2.2), a header may be folded over
lines (5.2), a length may be told twice (RFC 9110 8.6). It is strict where a proxy could read in two ways: two different
lengths, a length that is no number, both framings at once.
"""

from __future__ import annotations

import re

from . import outcome

#: As much as browsers take.
MAX_HEAD = 262_144
MAX_CHUNK_LINE = 4_096
#: The body is kept for expectations up to here; what lies behind is counted only.
MAX_KEPT_BODY = 4 << 20

LENGTH, CHUNKED, UNTIL_CLOSE, NONE = "length", "chunked", "until_close", "none"

# `_chunk_left` where it is no number of bytes: a chunk's size line comes next, or the line end behind a chunk.
_SIZE_NEXT, _AFTER_CHUNK = -1, -2

_STATUS_LINE = re.compile(rb"HTTP/(1)\.([01]) ([1-9]\d\d)(?: [^\x00-\x08\x0a-\x1f\x7f]*)?$")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*$")
_CHUNK = re.compile(rb"0*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?$")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_KEEP_ALIVE = re.compile(rb"(?:^|[,;\s])timeout\s*=\s*(\d{1,9})", re.IGNORECASE)
_FOLD = re.compile(rb"[ \t]*\r?\n[ \t]+")


class MalformedAnswer(ValueError):
    """The bytes are not an HTTP/1.1 answer; the text says where they stop being one."""

    #: How the request ends.
    outcome = outcome.MALFORMED


class Head:
    """Status and headers of an answer, and how its body ends."""

    __slots__ = ("framing", "headers", "keep_alive", "length", "status")

    def __init__(self, status: int, headers: dict[bytes, bytes], framing: str, length: int, keep_alive: bool) -> None:
        self.status = status
        self.headers = headers
        self.framing = framing
        self.length = length
        self.keep_alive = keep_alive

    def header(self, name: str) -> str | None:
        """A header's value, or None; the name in any case."""
        value = self.headers.get(name.lower().encode("latin-1", "replace"))
        return None if value is None else value.decode("latin-1")

    @property
    def keeps_ns(self) -> int:
        """How long the server keeps an idle connection (`Keep-Alive: timeout=5`), less what a send takes."""
        told = _KEEP_ALIVE.search(self.headers.get(b"keep-alive", b""))
        return 1 << 62 if told is None else int(told.group(1)) * 900_000_000


def read_head(raw: bytes, method: str = "GET") -> Head:
    """Parse a head without its closing empty line. Raises MalformedAnswer."""
    first, _unused, rest = raw.partition(b"\n")
    first = first.removesuffix(b"\r")
    match = _STATUS_LINE.match(first)
    if match is None:
        raise MalformedAnswer(f"status line {first[:60]!r}")
    status = int(match.group(3))
    headers: dict[bytes, bytes] = {}
    # A fold right behind the status line has no header to belong to, and stays malformed.
    for line in _FOLD.sub(b" ", rest).split(b"\n") if rest else ():
        field = _HEADER.match(line.removesuffix(b"\r"))
        if field is None:
            raise MalformedAnswer(f"header line {line[:60]!r}")
        name = field.group(1).lower()
        if name not in headers:
            headers[name] = field.group(2)
        else:
            headers[name] += b", " + field.group(2)
    connection = headers.get(b"connection", b"").lower()
    options = [option.strip() for option in connection.split(b",")] if connection else []
    keep_alive = b"close" not in options if match.group(2) == b"1" else b"keep-alive" in options
    framing, length = _framing(status, headers, method)
    return Head(status, headers, framing, length, keep_alive and framing != UNTIL_CLOSE)


def _framing(status: int, headers: dict[bytes, bytes], method: str) -> tuple[str, int]:
    coding = headers.get(b"transfer-encoding")
    told = headers.get(b"content-length")
    length = None if told is None else _length(told)
    if method == "HEAD" or status in (204, 304) or status < 200:
        return NONE, 0
    if coding is not None:
        if told is not None:
            raise MalformedAnswer("both Transfer-Encoding and Content-Length")
        if coding.split(b",")[-1].strip().lower() != b"chunked":
            raise MalformedAnswer(f"Transfer-Encoding {coding[:30]!r}")
        return CHUNKED, 0
    return (UNTIL_CLOSE, 0) if length is None else (LENGTH, length)


def _length(told: bytes) -> int:
    """The number of bytes, which may be told again as long as it is the same."""
    values = set()
    for part in told.split(b","):
        digits = part.strip()
        if not digits.isdigit() or len(digits.lstrip(b"0")) > 18:
            raise MalformedAnswer(f"Content-Length {told[:30]!r}")
        values.add(int(digits))
    if len(values) > 1:
        raise MalformedAnswer(f"two lengths, {told[:40]!r}")
    return values.pop()


class AnswerReader:
    """Takes the bytes of one answer in pieces. `feed` and `closed` return True once the answer is whole."""

    __slots__ = (
        "_buffer",
        "_chunk_left",
        "_in_trailer",
        "_keep",
        "_method",
        "_searched",
        "body",
        "body_bytes",
        "head",
        "head_raw",
        "surplus",
    )

    #: Only of other protocols (said.py): the outcome and why, where the answer itself decides, and what it said.
    verdict: tuple[str, str] | None = None
    label = ""

    def __init__(self, method: str, keep_body: bool) -> None:
        self._method = method
        self._keep = keep_body
        self._buffer = bytearray()
        self._chunk_left = _SIZE_NEXT
        self._in_trailer = False
        self._searched = 0
        self.head: Head | None = None
        self.head_raw = b""
        self.body = bytearray()
        self.body_bytes = 0
        #: Bytes came behind the answer: the connection cannot be used again.
        self.surplus = False

    @property
    def begun(self) -> bool:
        """Any byte of an answer arrived."""
        return self.head is not None or bool(self._buffer) or bool(self.head_raw)

    @property
    def answer_head(self) -> Head:
        """The final head, once it was read. Raises RuntimeError before."""
        if self.head is None:
            raise RuntimeError("the head was not read yet")
        return self.head

    def feed(self, data: bytes) -> bool:
        """Take the next bytes. Raises MalformedAnswer."""
        if self.head is None:
            self._buffer += data
            if not self._read_heads():
                return False
            data = bytes(self._buffer)
            self._buffer.clear()
        head = self.answer_head
        framing = head.framing
        if framing == LENGTH:
            left = head.length - self.body_bytes
            self._take(data[:left])
            self.surplus = len(data) > left
            return len(data) >= left
        if framing == CHUNKED:
            self._buffer += data
            return self._read_chunks()
        if framing == NONE:
            self.surplus = bool(data)
            return True
        self._take(data)
        return False

    def alike(self, wire_bytes: int, keep: bool) -> bytes:
        """What another answer has to look like to be booked as this one is; b"" where none can be.

        wire_bytes: of the whole answer; keep: the connection is to be used again.
        """
        head = self.answer_head
        whole = head.framing == LENGTH and not self.surplus and (head.keep_alive or not keep)
        return self.head_raw if whole and len(self.head_raw) + 4 + self.body_bytes == wire_bytes else b""

    @property
    def cut(self) -> bool:
        """The body is longer than what of it is kept."""
        return self._keep and self.body_bytes > len(self.body)

    def closed(self) -> bool:
        """The peer ended the connection in an orderly way."""
        return self.head is not None and self.head.framing == UNTIL_CLOSE

    def _take(self, data: bytes) -> None:
        self.body_bytes += len(data)
        if self._keep and len(self.body) < MAX_KEPT_BODY:
            self.body += data

    def _read_heads(self) -> bool:
        """Read heads up to the final one; 1xx answers come before it."""
        buffer = self._buffer
        while True:
            end = _END_OF_HEAD.search(buffer, self._searched)
            if end is None:
                self._searched = max(0, len(buffer) - 3)
                # Garbage shall not have to fill the whole buffer, nor wait for the time limit, to be seen.
                if not b"HTTP/1.".startswith(bytes(buffer[:7])):
                    raise MalformedAnswer(f"it begins with {bytes(buffer[:40])!r}")
                if len(buffer) > MAX_HEAD:
                    raise MalformedAnswer(f"the head is longer than {MAX_HEAD} bytes")
                return False
            self.head_raw = bytes(buffer[: end.start()])
            head = read_head(self.head_raw, self._method)
            del buffer[: end.end()]
            self._searched = 0
            if head.status >= 200 or head.status == 101:
                self.head = head
                return True

    def _read_chunks(self) -> bool:
        buffer = self._buffer
        while True:
            if self._chunk_left > 0:
                part = bytes(buffer[: self._chunk_left])
                if not part:
                    return False
                del buffer[: len(part)]
                self._take(part)
                self._chunk_left -= len(part)
                if self._chunk_left:
                    return False
                self._chunk_left = _AFTER_CHUNK
            end = buffer.find(b"\n")
            if end < 0:
                if len(buffer) > MAX_CHUNK_LINE:
                    raise MalformedAnswer("a chunk's size line is too long")
                if self._chunk_left == _AFTER_CHUNK and buffer and buffer != b"\r":
                    raise MalformedAnswer(f"{bytes(buffer[:20])!r} behind a chunk")
                return False
            line = bytes(buffer[:end]).removesuffix(b"\r")
            del buffer[: end + 1]
            if self._chunk_line(line):
                self.surplus = bool(buffer)
                return True

    def _chunk_line(self, line: bytes) -> bool:
        """A line between chunks or behind the last one; True at the very end."""
        if self._in_trailer:
            if not line:
                return True
            if _HEADER.match(line) is None and line[:1] not in b" \t":  # a folded one
                raise MalformedAnswer(f"trailer line {line[:60]!r}")
        elif self._chunk_left == _AFTER_CHUNK:
            if line:
                raise MalformedAnswer(f"{line[:20]!r} behind a chunk")
            self._chunk_left = _SIZE_NEXT
        else:
            match = _CHUNK.match(line)
            if match is None:
                raise MalformedAnswer(f"chunk size {line[:20]!r}")
            self._chunk_left = int(match.group(1), 16)
            self._in_trailer = self._chunk_left == 0
        return False
