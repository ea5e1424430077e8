# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Log-linear histogram: constant memory, exact merge, every value known to 0.1 %.

The index of a value is that of an HdrHistogram with three significant digits and a lowest value of 1
(hdrhistogram.org, "recorded value index"): 2048 linear steps, then 1024 steps for each further octave.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

SUB_BUCKET_BITS = 11
_HALF_BITS = SUB_BUCKET_BITS - 1
_HALF = 1 << _HALF_BITS
#: A timeline index is a histogram index without its last four bits: 64 steps an octave, 1.6 %.
COARSE_SHIFT = 4

PERCENTILES = (("p50_ms", 50.0), ("p90_ms", 90.0), ("p95_ms", 95.0), ("p99_ms", 99.0), ("p999_ms", 99.9))


def index_of(value: int) -> int:
    """The bucket of a value in ns (not negative)."""
    shift = value.bit_length() - SUB_BUCKET_BITS
    if shift <= 0:
        return value
    return (shift << _HALF_BITS) + (value >> shift)


def bounds_of(index: int) -> tuple[int, int]:
    """The lowest value of a bucket and its width, in ns."""
    shift = max(0, (index >> _HALF_BITS) - 1)
    return (index - (shift << _HALF_BITS)) << shift, 1 << shift


def middle_of(index: int) -> int:
    """The value in the middle of a bucket, in ns: at most 0.05 % from every value in it."""
    low, width = bounds_of(index)
    return low + (width >> 1)


def indexes_of(values: Iterable[int]) -> Counter[int]:
    """The buckets of many values at once (each at least 2048 ns, as no network exchange is faster)."""
    return Counter(
        [(((shift := value.bit_length() - SUB_BUCKET_BITS) << _HALF_BITS) + (value >> shift)) for value in values]
    )


class Histogram:
    """Counts of durations in ns. `counts` maps a bucket's index to how many values fell in it."""

    __slots__ = ("count", "counts", "max", "min", "sum")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.sum = 0
        self.min: int | None = None
        self.max: int | None = None

    def add(self, value: int, times: int = 1) -> None:
        """Count one duration in ns; a negative one (a clock's fault) counts as 0."""
        value = max(value, 0)
        index = index_of(value)
        self.counts[index] = self.counts.get(index, 0) + times
        self.count += times
        self.sum += value * times
        if self.min is None or value < self.min:
            self.min = value
        if self.max is None or value > self.max:
            self.max = value

    def add_many(self, values: list[int]) -> Counter[int]:
        """Count many durations; returns how many fell in each bucket."""
        low = min(values)
        if low < 1 << SUB_BUCKET_BITS:
            tally = Counter([index_of(max(value, 0)) for value in values])
        else:
            tally = indexes_of(values)
        self.add_counted(tally, values)
        return tally

    def add_counted(self, tally: Counter[int], values: list[int]) -> None:
        """Count durations whose buckets are known already."""
        counts = self.counts
        for index, times in tally.items():
            counts[index] = counts.get(index, 0) + times
        low, high = (value if value > 0 else 0 for value in (min(values), max(values)))
        self.count += len(values)
        self.sum += sum(values)
        if self.min is None or low < self.min:
            self.min = low
        if self.max is None or high > self.max:
            self.max = high

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts; exact."""
        for index, times in other.counts.items():
            self.counts[index] = self.counts.get(index, 0) + times
        self.count += other.count
        self.sum += other.sum
        if other.min is not None and (self.min is None or other.min < self.min):
            self.min = other.min
        if other.max is not None and (self.max is None or other.max > self.max):
            self.max = other.max

    def percentile(self, percent: float) -> int | None:
        """The value in ns that `percent` of the counted ones do not exceed (nearest rank); None when empty."""
        if not self.count:
            return None
        # The epsilon keeps 99.9 % of 1000 at rank 999 in spite of binary fractions.
        rank = max(1, math.ceil(self.count * percent / 100.0 - 1e-9))
        seen = 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= rank:
                return min(max(middle_of(index), self.min or 0), self.max or 0)
        return self.max

    def above(self, limit: int) -> int:
        """How many values lie in buckets that begin above `limit` ns."""
        return sum(times for index, times in self.counts.items() if bounds_of(index)[0] > limit)

    def flat(self) -> list[int]:
        """The sparse encoding: index, count, index, count, … with rising indexes."""
        return [number for index in sorted(self.counts) for number in (index, self.counts[index])]

    def to_list(self) -> list[Any]:
        """For the delta lines (JSON)."""
        return [self.count, self.sum, self.min, self.max, self.flat()]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Histogram:
        """Read `to_list` back."""
        histogram = cls()
        histogram.count, histogram.sum, histogram.min, histogram.max, flat = values
        histogram.counts = dict(pairs(flat))
        return histogram

    def to_record(self) -> dict[str, Any]:
        """The form in the probe record (docs/probe-result.md)."""
        record: dict[str, Any] = {
            "unit": "ns",
            "sub_bucket_bits": SUB_BUCKET_BITS,
            "count": self.count,
            "sum_ns": self.sum,
            "min_ns": self.min,
            "max_ns": self.max,
            "buckets": self.flat(),
            "mean_ms": round(self.sum / self.count / 1e6, 6) if self.count else None,
        }
        for name, percent in PERCENTILES:
            value = self.percentile(percent)
            record[name] = None if value is None else round(value / 1e6, 6)
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Histogram:
        """Read `to_record` back. Raises ValueError when the counts do not add up."""
        histogram = cls()
        histogram.counts = dict(pairs(record["buckets"]))
        histogram.count = record["count"]
        histogram.sum = record["sum_ns"]
        histogram.min = record["min_ns"]
        histogram.max = record["max_ns"]
        if sum(histogram.counts.values()) != histogram.count:
            raise ValueError("histogram: buckets do not add up to count")
        return histogram


def pairs(flat: list[int]) -> Iterator[tuple[int, int]]:
    """The (index, count) pairs of the sparse encoding."""
    return zip(flat[::2], flat[1::2])
