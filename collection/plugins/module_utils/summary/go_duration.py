# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Durations as Go's time.Duration prints them: hey, vegeta and k6 are Go programs and speak that way."""

from __future__ import annotations

_UNITS = (("ns", 1), ("µs", 1_000), ("ms", 1_000_000))
_SECOND = 1_000_000_000


def _trimmed(value: int, unit: int) -> str:
    """value / unit with as many decimals as it takes and no trailing zero."""
    whole, rest = divmod(value, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def go_duration(ns: int) -> str:
    """`1.5ms`, `2.25s`, `1m0.5s`, `1h0m3s`; `ns` is not negative."""
    if ns == 0:
        return "0s"
    if ns < _SECOND:
        name, unit = next((name, unit) for name, unit in reversed(_UNITS) if ns >= unit)
        return _trimmed(ns, unit) + name
    minutes, rest = divmod(ns, 60 * _SECOND)
    text = _trimmed(rest, _SECOND) + "s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = (f"{hours}h" if hours else "") + f"{minutes}m" + text
    return text
