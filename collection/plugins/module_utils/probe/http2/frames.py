# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Frames of HTTP/2 (RFC 9113 4 and 6): their numbers, how one is made, and what a client says first."""

from __future__ import annotations

import struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0x0, 0x1, 0x2, 0x3
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = (
    *(0x5, 0x6, 0x7, 0x8),
    *(0x9, 0xB),
)
_ERRORS = (
    *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED"),
    *("FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"),
    *("INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"),
)

HEADER_BYTES = 9
#: Where in them the flags are, and the stream's number.
FLAGS_AT, STREAM_AT = 4, 5
#: The largest frame that either side takes without another word.
FRAME_SIZE = 16_384
MAX_WINDOW = (1 << 31) - 1
#: What a peer may send without hearing of us, before it said anything else.
FIRST_WINDOW = 65_535
#: What we let a server send: so much that it never waits for us.
OUR_WINDOW = 1 << 30
_HEADER = struct.Struct(">HBBBL")


class ProtocolError(Exception):
    """The peer broke the protocol: nothing more on the connection can be understood."""

    def __init__(self, text: str, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(text)
        self.code = code


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame's bytes."""
    length = len(payload)
    return _HEADER.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload


def frame_header(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Length of the payload, kind, flags and stream of the frame that begins at `at`."""
    high, low, kind, flags, stream = _HEADER.unpack_from(data, at)
    return high << 8 | low, kind, flags, stream & MAX_WINDOW


def error_name(code: int) -> str:
    """The name of an error code, or its number."""
    return _ERRORS[code] if code < len(_ERRORS) else f"error {code:#x}"


def number(value: int) -> bytes:
    """32 bits."""
    return value.to_bytes(4, "big")


def _setting(name: int, value: int) -> bytes:
    return name.to_bytes(2, "big") + number(value)


#: What a client says first: no pushes, and windows that no answer fills.
PREFACE = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + frame(SETTINGS, 0, 0, _setting(ENABLE_PUSH, 0) + _setting(INITIAL_WINDOW_SIZE, OUR_WINDOW))
    + frame(WINDOW_UPDATE, 0, 0, number(OUR_WINDOW))
)
