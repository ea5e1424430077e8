# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What every client says about its run, in one form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figures:
    """A client's own words: requests, rate, percentiles of latency in ms, and what it called good and bad.

    `peak_mib` and `cpu_s` are measured from outside (usage.py). `extra` holds what only some say.
    """

    requests: int
    elapsed_s: float
    good: int
    bad: Mapping[str, int]
    p50_ms: float | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    cpu_s: float = 0.0
    peak_mib: float = 0.0
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def cpu_us(self) -> float:
        """CPU microseconds for a request."""
        return self.cpu_s * 1e6 / self.requests if self.requests else 0.0


def middle(values: Iterable[float | None]) -> float | None:
    """The median of the values that are there; None when none is."""
    present = [value for value in values if value is not None]
    return median(present) if present else None
