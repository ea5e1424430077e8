# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Latency distributions of probe records, put together and read. Layout: docs/probe-result.md, "Histograms"."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Callable

NS_PER_MS = 1_000_000
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
COARSE = 16  # a timeline row's index is the histogram's divided by this


@dataclass
class Distribution:
    """Counts by bucket index. Distributions add exactly; percentiles are read only afterwards."""

    counts: dict[int, int] = field(default_factory=dict)
    count: int = 0
    sum_ns: int = 0
    min_ns: int | None = None
    max_ns: int | None = None
    told_ms: dict[str, float | None] | None = None  # percentiles of a source that gave no buckets
    sum_known: bool = True  # False: a source told no mean

    def percentile_ms(self, percent: float, middle: Callable[[int], float] | None = None) -> float | None:
        """The middle of the bucket that holds the nearest-rank percentile, within the exact minimum and maximum.

        middle: the bucket's middle in nanoseconds by its index; `middle_ns` unless told.
        """
        return self._percentiles_ms((percent,), middle or middle_ns)[0]

    def figures_ms(self) -> dict[str, float | None]:
        """p50 to p999, mean, min and max in milliseconds; None without data."""
        values: dict[str, float | None] = (
            dict(self.told_ms) if self.told_ms else dict(zip(PERCENTILES, self.curve(PERCENTILES.values())))
        )
        values["mean"] = _rounded(self.sum_ns / self.count / NS_PER_MS) if self.count and self.sum_known else None
        values["min"] = _rounded(self.min_ns / NS_PER_MS) if self.min_ns is not None else None
        values["max"] = _rounded(self.max_ns / NS_PER_MS) if self.max_ns is not None else None
        return values

    def curve(self, points: Iterable[float]) -> list[float | None]:
        """Latency in milliseconds at each percentile of `points`."""
        return [_rounded(value) for value in self._percentiles_ms(tuple(points), middle_ns)]

    def _percentiles_ms(self, percents: Sequence[float], middle: Callable[[int], float]) -> list[float | None]:
        """Read together, so that the buckets are counted through once."""
        if not self.count or not self.counts:
            return [None] * len(percents)
        indexes = sorted(self.counts)
        up_to = list(accumulate(map(self.counts.__getitem__, indexes)))
        values: list[float | None] = []
        for percent in percents:
            at = bisect_left(up_to, max(1, math.ceil(percent / 100.0 * self.count)))
            values.append(self._within(middle(indexes[at])) / NS_PER_MS if at < len(indexes) else None)
        return values

    def _within(self, value_ns: float) -> float:
        low = value_ns if self.min_ns is None else max(value_ns, self.min_ns)
        return low if self.max_ns is None else min(low, self.max_ns)


def merged(histograms: Iterable[Mapping[str, Any]]) -> Distribution:
    """Add histograms of probe records.

    One without buckets (a tool that tells only its percentiles) keeps them as long as it stands alone: joined with
    others the percentiles are not known any more. A mean, least or greatest value that one of them does not tell is
    not known of all.
    """
    result = Distribution()
    members = [histogram for histogram in histograms if histogram["count"]]
    if any(not histogram["buckets"] for histogram in members):
        alone = members[0] if len(members) == 1 else {}
        result.told_ms = {name: alone.get(f"{name}_ms") for name in PERCENTILES}
    for histogram in members:
        flat = histogram["buckets"]
        for index, count in zip(flat[::2], flat[1::2]):
            result.counts[index] = result.counts.get(index, 0) + count
        result.count += histogram["count"]
        result.sum_ns += histogram["sum_ns"] or 0
    result.sum_known = all(histogram["sum_ns"] is not None for histogram in members)
    least, most = ([histogram[edge] for histogram in members] for edge in ("min_ns", "max_ns"))
    result.min_ns = None if None in least else min(least, default=None)
    result.max_ns = None if None in most else max(most, default=None)
    return result


def middle_ns(index: int) -> float:
    """The middle of a histogram bucket."""
    shift = max(0, index // 1024 - 1)
    return ((index - 1024 * shift) << shift) + (1 << shift) / 2 - (0.5 if shift == 0 else 0)


def coarse_middle_ns(index: int) -> float:
    """The middle of a timeline row's bucket, which joins 16 buckets of the histogram."""
    first = index * COARSE
    return (middle_ns(first) + middle_ns(first + COARSE - 1)) / 2


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
