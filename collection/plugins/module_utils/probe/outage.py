# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A run: failed (or slow) requests of one lane and target with no good one between them.

Every run says three lengths: the shortest that it can have had (from its first to its last failure), an estimate (to
the next good request), and the longest (between the good requests on both sides of it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Run:
    """Failed (and stalled) requests with no good one between them. Times in ns from the start of the probe."""

    __slots__ = (
        "end",
        "first_bad",
        "first_error",
        "first_outcome",
        "last_bad",
        "last_good",
        "lost",
        "next_good",
        "outcomes",
        "slow",
    )

    def __init__(self, last_good: int | None, first_bad: int, first_outcome: str, first_error: str) -> None:
        self.last_good = last_good
        self.first_bad = first_bad
        self.last_bad = first_bad
        self.next_good: int | None = None
        self.end = first_bad
        self.lost = 0
        self.slow = 0
        self.first_outcome = first_outcome
        self.first_error = first_error
        self.outcomes: dict[str, int] = {}

    def add(self, name: str, start: int, end: int, stalled: bool) -> None:
        """One more request of the run; `end` is when its answer or failure came."""
        self.last_bad = max(self.last_bad, start)
        self.outcomes[name] = self.outcomes.get(name, 0) + 1
        if stalled:
            self.slow += 1
        else:
            self.lost += 1
        self.end = max(self.end, end)

    def close(self, next_good: int | None, stall_ns: int = 1 << 62) -> None:
        """The next good request began. An outage ends with it; a stall when the late answers came.

        A request counts as good when it was answered within `stall_ns`: a stall cannot have lasted longer than that
        after its start, however late a single answer before it came.
        """
        self.next_good = next_good
        if next_good is not None:
            self.end = next_good if self.lost else min(self.end, next_good + stall_ns)

    def ended_by(self, next_good: int | None, stall_ns: int) -> Run:
        """This run as far as it is known: closed, when a good request began after it."""
        if next_good is None:
            return self
        known = self.copy()
        known.close(next_good, stall_ns)
        return known

    def copy(self) -> Run:
        """A run like this one, which can be added to."""
        other = Run.from_list(self.to_list())
        other.outcomes = dict(self.outcomes)
        return other

    @property
    def isolated(self) -> bool:
        """One single failed request is no outage yet."""
        return self.lost + self.slow == 1

    @property
    def length(self) -> int:
        """The best estimate in ns: from the first failed start to the end."""
        return self.end - self.first_bad

    @property
    def shortest(self) -> int:
        """The time in ns in which it was certainly out: first to last failure, or to the next prompt answer."""
        if self.lost:
            return self.last_bad - self.first_bad
        return max(0, (self.end if self.next_good is None else min(self.end, self.next_good)) - self.first_bad)

    def longest(self, ended_ns: int) -> int:
        """The time in ns in which it may have been out: between good requests, or the ends of the measurement."""
        begun = self.last_good or 0
        end = self.end if self.next_good is not None and not self.lost else self.next_good
        return max((ended_ns if end is None else end) - begun, self.length)

    @property
    def resolution(self) -> int:
        """How far off `length` can be at either end, in ns."""
        before = 0 if self.last_good is None else self.first_bad - self.last_good
        after = 0 if self.next_good is None else self.next_good - self.last_bad
        return max(before, after, 0)

    def to_list(self) -> list[Any]:
        """For the delta lines (JSON)."""
        return [getattr(self, name) for name in Run.__slots__]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Run:
        """Read `to_list` back."""
        run = cls(None, 0, "", "")
        for name, value in zip(cls.__slots__, values):
            setattr(run, name, value)
        return run

    def to_record(self, lane: str, control_failed: bool, target: str = "", ended_ns: int = 0) -> dict[str, Any]:
        """The record's form; seconds from the start, `ended_ns` is the end of the measurement."""

        def at(value: int | None) -> float | None:
            return None if value is None else round(value / 1e9, 6)

        return {
            "lane": lane,
            "target": target,
            "kind": "outage" if self.lost else "stall",
            "isolated": self.isolated,
            "last_good_s": at(self.last_good),
            "first_bad_s": at(self.first_bad),
            "last_bad_s": at(self.last_bad),
            "next_good_s": at(self.next_good),
            "end_s": at(self.end),
            "length_s": at(self.length),
            "shortest_s": at(min(self.shortest, self.length)),
            "longest_s": at(self.longest(ended_ns)),
            "resolution_s": at(self.resolution),
            "requests_lost": self.lost,
            "requests_slow": self.slow,
            "first_outcome": self.first_outcome,
            "first_error": self.first_error,
            "outcomes": self.outcomes,
            "control_failed": control_failed,
        }
