# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The frames of WebSocket (RFC 6455 5), as a client writes and reads them."""

from __future__ import annotations

import os
import struct

from .response import MalformedAnswer

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA
_FINAL, _RESERVED, _MASKED = 0x80, 0x70, 0x80
_MAX_CONTROL = 125
_CODES = {
    1000: "normal closure", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
    1007: "invalid payload", 1008: "policy violation", 1009: "message too big", 1011: "internal error",
    1012: "service restart", 1013: "try again later", 1014: "bad gateway",
}  # fmt: skip


def control_frame(kind: int, payload: bytes) -> bytes:
    """A client's frame, masked as each has to be, of up to 125 bytes."""
    mask = os.urandom(4)
    return bytes((_FINAL | kind, _MASKED | len(payload))) + mask + _masked(payload, mask)


def payload_of(frame: bytes) -> bytes:
    """What a frame of `control_frame` carries."""
    return _masked(frame[6:], frame[2:6])


def _masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def close_reason(payload: bytes) -> str:
    """The code of a Close frame with its name, and the reason."""
    if len(payload) < 2:
        return "without a code"
    code = int.from_bytes(payload[:2], "big")
    words = [str(code), _CODES.get(code, ""), payload[2:].decode("utf-8", "replace")]
    return " ".join(word for word in words if word)


class Frames:
    """A server's frames in whatever pieces they come. Messages pass by unread, however long they are."""

    __slots__ = ("_buffer", "_passing", "_within")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._passing = 0  # bytes of a message's frame that are still to come
        self._within = False  # a message has more fragments

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The control frames that are whole now: kind and payload. Raises MalformedAnswer."""
        found: list[tuple[int, bytes]] = []
        buffer = self._buffer
        buffer += data
        while True:
            if self._passing:
                passed = min(self._passing, len(buffer))
                del buffer[:passed]
                self._passing -= passed
            head = None if self._passing else self._head()
            if head is None:
                return found
            kind, size, length = head
            if kind < CLOSE:
                del buffer[:size]
                self._passing = length
            elif len(buffer) < size + length:
                return found
            else:
                found.append((kind, bytes(buffer[size : size + length])))
                del buffer[: size + length]

    def _head(self) -> tuple[int, int, int] | None:
        """The next frame's kind, and the lengths of its head and payload; None while its head is not whole."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, length = buffer[0], buffer[1]
        kind, final = first & 0xF, bool(first & _FINAL)
        size = {126: 4, 127: 10}.get(length & 0x7F, 2)
        if first & _RESERVED:
            raise MalformedAnswer("a frame with reserved bits")
        if length & _MASKED:
            raise MalformedAnswer("a frame that is masked, as only a client's are")
        if kind not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise MalformedAnswer(f"a frame of the unknown kind {kind}")
        if kind >= CLOSE and (not final or length > _MAX_CONTROL):
            raise MalformedAnswer("a control frame that is fragmented, or longer than 125 bytes")
        if kind < CLOSE and (kind == CONTINUATION) != self._within:
            raise MalformedAnswer("a message within another" if self._within else "a fragment of no message")
        if len(buffer) < size:
            return None
        if size > 2:
            (length,) = struct.unpack_from("!H" if size == 4 else "!Q", buffer, 2)
        if kind < CLOSE:
            self._within = not final
        return kind, size, length
