# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Rows of a timeline: what the requests that were due within the same 100 ms (or a wider row) came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .histogram import COARSE_SHIFT, bounds_of, pairs

#: (lane, number of the target, one value for each name in `identify`)
CellKey = tuple[str, int, tuple[str, ...]]
#: What one row counts: (cell, outcome) -> requests
Counts = dict[tuple[CellKey, str], int]

BUCKET_NS = 100_000_000


def shared_key(keys: dict[CellKey, CellKey], lane: str, target: int, who: Iterable[str]) -> CellKey:
    """The one object for all equal keys."""
    key = (lane, target, tuple(who))
    return keys.setdefault(key, key)


class Rows:
    """Rows by number: row n holds what was due from n x `width` x 100 ms on. Latencies in ns."""

    __slots__ = ("counts", "latency", "longest", "width")

    def __init__(self, width: int = 1) -> None:
        self.width = width
        self.counts: dict[int, Counts] = {}
        self.latency: dict[int, dict[int, int]] = {}  # coarse histogram index -> answers
        self.longest: dict[int, int] = {}

    def count(self, row: int, key: CellKey, name: str, times: int = 1) -> None:
        """Count requests with this outcome."""
        counts, column = self.counts.setdefault(row, {}), (key, name)
        counts[column] = counts.get(column, 0) + times

    def latencies(self, row: int, indexes: Iterable[tuple[int, int]], longest: int) -> None:
        """Add latencies, as (histogram index, count)."""
        self._coarse(row, ((index >> COARSE_SHIFT, times) for index, times in indexes), longest)

    def merge(self, other: Rows) -> None:
        """Add rows that are as wide as these, or that divide them; exact."""
        for row in other.counts:
            self.take(other, row)

    def take(self, other: Rows, row: int) -> None:
        """Add one row of the other's."""
        into = row * other.width // self.width
        mine = self.counts.setdefault(into, {})
        for column, times in other.counts[row].items():
            mine[column] = mine.get(column, 0) + times
        if row in other.latency:
            self._coarse(into, other.latency[row].items(), other.longest[row])

    def drop(self, row: int) -> None:
        """Forget one row."""
        del self.counts[row]
        self.latency.pop(row, None)
        self.longest.pop(row, None)

    def to_list(self) -> list[Any]:
        """For the delta lines (JSON)."""
        return [
            [
                row,
                [[lane, target, list(who), name, n] for ((lane, target, who), name), n in counts.items()],
                [number for pair in sorted(self.latency.get(row, {}).items()) for number in pair],
                self.longest.get(row, 0),
            ]
            for row, counts in self.counts.items()
        ]

    @classmethod
    def from_list(cls, values: Iterable[Any], keys: dict[CellKey, CellKey], width: int = 1) -> Rows:
        """Read `to_list` back; `keys` shares equal keys, which saves memory."""
        rows = cls(width)
        for row, counts, latency, longest in values:
            rows.counts[row] = {
                (shared_key(keys, lane, target, who), name): times for lane, target, who, name, times in counts
            }
            if latency:
                rows.latency[row] = dict(pairs(latency))
                rows.longest[row] = longest
        return rows

    def _coarse(self, row: int, indexes: Iterable[tuple[int, int]], longest: int) -> None:
        latency = self.latency.setdefault(row, {})
        for coarse, times in indexes:
            latency[coarse] = latency.get(coarse, 0) + times
        if longest > self.longest.get(row, -1):
            self.longest[row] = longest


def latency_record(latency: Mapping[int, int], longest: int) -> dict[str, Any]:
    """The latencies of a row in the record: counts by coarse index, and figures in ms; `longest` in ns."""
    return {
        "latency": [number for pair in sorted(latency.items()) for number in pair],
        "p50_ms": _coarse_percentile(latency, 50.0, longest),
        "p99_ms": _coarse_percentile(latency, 99.0, longest),
        "max_ms": round(longest / 1e6, 6),
    }


def _coarse_percentile(latency: Mapping[int, int], percent: float, longest: int) -> float:
    """A row's percentile in ms; the timeline's buckets are 1.6 % wide."""
    rank = sum(latency.values()) * percent / 100.0
    seen = 0
    for coarse in sorted(latency):
        seen += latency[coarse]
        if seen >= rank - 1e-9:
            low, width = bounds_of(coarse << COARSE_SHIFT)
            return round(min(low + (width << COARSE_SHIFT) // 2, longest) / 1e6, 6)
    return round(longest / 1e6, 6)
