# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Figures in the words of a person, none of them rounded to a better one."""

from __future__ import annotations


def show(value: float | None, dimension: str) -> str:
    """A value in the words of a person: ``99.96 %``, ``12.4 ms``, ``1,200``, ``no data``."""
    if value is None:
        return "no data"
    if dimension == "percent":
        return percent(value)
    if dimension == "time":
        return duration(value)
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def percent(value: float) -> str:
    """A share that never rounds a failure away: 99.9996 is not shown as 100."""
    for digits in (2, 3, 4, 5, 6):
        text = f"{value:.{digits}f}"
        if value >= 100 or float(text) < 100:
            return f"{text} %"
    return "< 100 %"


def duration(seconds: float) -> str:
    """A time with three digits that matter: ``850 µs``, ``12.4 ms``, ``2.01 s``, ``10 min``."""
    if not seconds:
        return "0 s"
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (120.0, 1.0, "s")):
        if abs(seconds) < limit:
            return f"{_three(seconds * factor)} {unit}"
    return f"{_three(seconds / 60)} min"


def _three(value: float) -> str:
    value = float(f"{value:.3g}")
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
