# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The body as the service meant it: Content-Encoding is taken off before a body is judged or searched.

Nobody asks for a coding here, but servers that hold stored, compressed pages send them whatever was asked
(RFC 9110 12.5.3 allows it).
"""

from __future__ import annotations

import zlib

#: A decoded body is kept up to here; a few kilobytes can stand for gigabytes.
MAX_DECODED = 16 << 20
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


def decoded(body: bytes, coding: str | None) -> tuple[bytes, str]:
    """The content, and in words what of it could not be read ("" when all of it was)."""
    codings = [name.strip().lower() for name in (coding or "").split(",")]
    for name in reversed(codings):  # they are listed in the order in which they were applied
        if name in ("", "identity") or not body:
            continue
        if name not in ("gzip", "x-gzip", "deflate"):
            return body, f"its Content-Encoding {name} cannot be read here, only gzip and deflate"
        content, problem = _inflated(body)
        if problem:
            return content, f"its Content-Encoding {name} {problem}"
        body = content
    return body, ""


def _inflated(body: bytes) -> tuple[bytes, str]:
    """Some servers send deflate without its zlib header, which RFC 9110 8.4.1.2 notes."""
    rest, size, form = body, 0, _GZIP_OR_ZLIB
    parts: list[bytes] = []
    while rest:
        machine = zlib.decompressobj(form)
        try:
            content = machine.decompress(rest, MAX_DECODED - size + 1)
        except zlib.error as error:
            if parts:
                break  # what lies behind a whole stream is padding
            if form == _RAW:
                return b"", f"is broken ({error})"
            form = _RAW
            continue
        parts.append(content)
        size += len(content)
        if size > MAX_DECODED:
            return b"".join(parts)[:MAX_DECODED], f"holds more than {MAX_DECODED >> 20} MiB"
        if not machine.eof:
            return b"".join(parts), "is cut short"
        rest = machine.unused_data  # gzip files can be joined
    return b"".join(parts), ""
