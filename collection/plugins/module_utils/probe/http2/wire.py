# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A request's bytes for HTTP/2, made once before the run: a HEADERS frame of stream 0, and behind it the bare body.

Which stream it goes on, and in which frames the body, is known when it is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import frames
from .hpack import OF_THE_CONNECTION, encode


class UnfitHeader(ValueError):
    """A header that HTTP/2 cannot carry; the text says which, and what was expected."""


def request_bytes(method: str, address: tuple[str, str, str], headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """The bytes of a request; `address`: scheme, authority, path; `headers` without Host. Raises UnfitHeader."""
    scheme, authority, path = address
    fields = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]
    for name, value in headers:
        lower = name.lower()
        if lower.encode("ascii") in OF_THE_CONNECTION or (lower == "te" and value.lower() != "trailers"):
            raise UnfitHeader(f"{name} speaks of a connection, which HTTP/2 shares; expected it to be left out")
        fields.append((lower, value.strip()))
    block = encode([(name.encode("ascii"), value.encode("latin-1")) for name, value in fields])
    if len(block) > frames.FRAME_SIZE:
        raise UnfitHeader(f"{len(block)} bytes of headers, expected {frames.FRAME_SIZE} at most for HTTP/2")
    flags = frames.END_HEADERS | (0 if body else frames.END_STREAM)
    return frames.frame(frames.HEADERS, flags, 0, block) + body
