# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""HdrHistogram's log format (version 1.3), for its own tools.

One interval line holds the compressed V2 encoding: a big-endian header and the counts as zig-zag LEB128 numbers, a
negative one for a run of empty buckets (HdrHistogram's V2 specification). Our indexes are its own (histogram.py).
"""

from __future__ import annotations

import base64
import struct
import zlib

from .histogram import Histogram, bounds_of

_COOKIE = 0x1C849303 | 0x10  # V2, counts as words of variable length
_COMPRESSED_COOKIE = 0x1C849304 | 0x10
_SIGNIFICANT_DIGITS = 3


def _zigzag(number: int) -> bytes:
    value = (number << 1) ^ (number >> 63)
    out = bytearray()
    # At most nine bytes: the ninth holds eight bits.
    for _unused in range(8):
        if value < 0x80:
            out.append(value)
            return bytes(out)
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(histogram: Histogram) -> str:
    """The base64 text of the compressed encoding; values in ns."""
    counts = bytearray()
    position = 0
    for index in sorted(histogram.counts):
        if index > position:
            counts += _zigzag(position - index)
        counts += _zigzag(histogram.counts[index])
        position = index + 1
    low, width = bounds_of(max(histogram.counts, default=2048))
    highest = max(low + width, 2 * 2048)
    header = struct.pack(">iiiiqqd", _COOKIE, len(counts), 0, _SIGNIFICANT_DIGITS, 1, highest, 1.0)
    packed = zlib.compress(header + bytes(counts))
    return base64.b64encode(struct.pack(">ii", _COMPRESSED_COOKIE, len(packed)) + packed).decode("ascii")


def write_log(path: str, histogram: Histogram, started_unix_ns: int, length_s: float) -> None:
    """Write a log of one interval; its maximum column is in ms."""
    start_s = started_unix_ns / 1e9
    lines = [
        "#[Logged with availability.lab http_probe]",
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {start_s:.3f} (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
        f"0.000,{length_s:.3f},{(histogram.max or 0) / 1e6:.3f},{encode(histogram)}",
    ]
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
