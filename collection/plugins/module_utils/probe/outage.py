# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Outages: runs of failed requests of one lane, in the order in which the requests began.

Answers come in any order, so every request has one byte in a ring (0 in flight, 1 ok, else its outcome's code) and
the ring is read in order up to the first request that is still in flight. Stretches without a failure, the normal
case, are skipped by two scans in C. Memory grows with the requests in flight, not with the requests made.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from . import outcome

_FIRST_SIZE = 1 << 12
_NOT_OK = re.compile(rb"[^\x01]")
#: More runs than this are counted, but not listed.
LIST_LIMIT = 10_000


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

    def close(self, next_good: int | None) -> None:
        """The next good request began. A stall ends when the late answers came, an outage with this request."""
        self.next_good = next_good
        if self.lost and next_good is not None:
            self.end = next_good

    @property
    def isolated(self) -> bool:
        """One single failed request is no outage yet."""
        return self.lost + self.slow == 1

    @property
    def length(self) -> int:
        """The best estimate in ns: from the first failed start to the end."""
        return self.end - self.first_bad

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

    def to_record(self, lane: str, control_failed: bool) -> dict[str, Any]:
        """The record's form; seconds from the start."""

        def at(value: int | None) -> float | None:
            return None if value is None else round(value / 1e9, 6)

        return {
            "lane": lane,
            "kind": "outage" if self.lost else "stall",
            "isolated": self.isolated,
            "last_good_s": at(self.last_good),
            "first_bad_s": at(self.first_bad),
            "last_bad_s": at(self.last_bad),
            "next_good_s": at(self.next_good),
            "end_s": at(self.end),
            "length_s": at(self.length),
            "resolution_s": at(self.resolution),
            "requests_lost": self.lost,
            "requests_slow": self.slow,
            "first_outcome": self.first_outcome,
            "first_error": self.first_error,
            "outcomes": self.outcomes,
            "control_failed": control_failed,
        }


class Tracker:
    """Puts the requests of one lane back in order and finds the runs.

    The event loop writes `ring[number & mask]` itself for ok answers; everything else goes through `end`.
    """

    __slots__ = ("cursor", "details", "last_good", "limit", "mask", "next", "ring", "run", "runs", "starts")

    def __init__(self) -> None:
        self.ring = bytearray(_FIRST_SIZE)
        self.starts = array("q", bytes(8 * _FIRST_SIZE))
        self.mask = _FIRST_SIZE - 1
        self.next = 0  # the number that the next request gets
        self.cursor = 0  # the first number that is not read yet
        self.limit = _FIRST_SIZE  # cursor + size: at this number `make_room` is due
        self.details: dict[int, tuple[int, str]] = {}
        self.runs: list[Run] = []
        self.run: Run | None = None
        self.last_good: int | None = None

    def begin(self, start: int) -> int:
        """Number a request that begins (is due) at `start`; starts never go down."""
        number = self.next
        if number >= self.limit:
            self.make_room()
        self.next = number + 1
        slot = number & self.mask
        self.ring[slot] = outcome.IN_FLIGHT_CODE
        self.starts[slot] = start
        return number

    def end(self, number: int, code: int, when: int, error: str = "") -> None:
        """A request ended with `code`; `when` is the time of its end."""
        self.ring[number & self.mask] = code
        if code != outcome.OK_CODE:
            self.details[number] = (when, error)

    def make_room(self) -> None:
        """Read what can be read, and double the ring when the oldest request in flight is too far behind."""
        self.advance()
        size = self.mask + 1
        if self.next - self.cursor < size:
            return
        ring, starts = bytearray(2 * size), array("q", bytes(16 * size))
        new_mask = 2 * size - 1
        for number in range(self.cursor, self.next):
            ring[number & new_mask] = self.ring[number & self.mask]
            starts[number & new_mask] = self.starts[number & self.mask]
        self.ring, self.starts, self.mask = ring, starts, new_mask
        self.limit = self.cursor + 2 * size

    def advance(self) -> None:
        """Read the ring in order, up to the first request in flight."""
        while self.cursor < self.next:
            first = self.cursor & self.mask
            stop = min(self.mask + 1, first + self.next - self.cursor)
            found = self.ring.find(b"\0", first, stop)
            end = stop if found < 0 else found
            if end > first:
                self._read(first, end)
                self.cursor += end - first
            if found >= 0:
                break
        self.limit = self.cursor + self.mask + 1

    def _read(self, first: int, end: int) -> None:
        position = first
        if self.ring.count(1, first, end) != end - first:
            for match in _NOT_OK.finditer(self.ring, first, end):
                slot = match.start()
                if slot > position:
                    self._good(position, slot - 1)
                self._bad(slot, self.cursor + slot - first)
                position = slot + 1
        if end > position:
            self._good(position, end - 1)

    def _good(self, first: int, last: int) -> None:
        if self.run is not None:
            self.run.close(self.starts[first])
            self.runs.append(self.run)
            self.run = None
        self.last_good = self.starts[last]

    def _bad(self, slot: int, number: int) -> None:
        code = self.ring[slot]
        when, error = self.details.pop(number)
        stalled = code == outcome.STALLED_CODE
        name = outcome.OK if stalled else outcome.OUTCOMES[code - 1]
        if name in outcome.CLIENT:
            return  # says nothing about the service
        start = self.starts[slot]
        if self.run is None:
            self.run = Run(self.last_good, start, name, error)
        self.run.add(name, start, when, stalled)

    def take(self) -> tuple[list[Run], Run | None]:
        """The runs that ended since the last call, and the one that goes on."""
        self.advance()
        ended, self.runs = self.runs, []
        return ended, self.run


def merge_workers(workers: Sequence[Iterable[Run]]) -> list[Run]:
    """The runs of one lane from several processes that each sent a part of it.

    A service is out only while no process has a good request: runs that overlap in all processes become one, between
    the latest last good and the earliest next good request. Where a process went on well, the others' failures stay
    runs of their own.
    """
    lists = [sorted(runs, key=lambda run: run.first_bad) for runs in workers]
    if len(lists) == 1:
        return lists[0]
    far = 1 << 62
    merged: list[Run] = []
    used: set[int] = set()
    for run in lists[0]:
        group = [run]
        low = -1 if run.last_good is None else run.last_good
        high = far if run.next_good is None else run.next_good
        for others in lists[1:]:
            partner = next(
                (
                    other
                    for other in others
                    if id(other) not in used
                    and max(low, -1 if other.last_good is None else other.last_good)
                    < min(high, far if other.next_good is None else other.next_good)
                ),
                None,
            )
            if partner is None:
                break
            low = max(low, -1 if partner.last_good is None else partner.last_good)
            high = min(high, far if partner.next_good is None else partner.next_good)
            group.append(partner)
        if len(group) == len(lists):
            used.update(id(part) for part in group)
            merged.append(_joined(group, low, high, far))
    merged += [run for runs in lists for run in runs if id(run) not in used]
    return sorted(merged, key=lambda run: run.first_bad)


def _joined(group: Sequence[Run], low: int, high: int, far: int) -> Run:
    first = min(group, key=lambda run: (max(run.first_bad, low), run.first_bad))
    run = Run(None if low < 0 else low, max(first.first_bad, low), first.first_outcome, first.first_error)
    run.last_bad = max(run.first_bad, min(max(part.last_bad for part in group), high))
    run.next_good = None if high == far else high
    run.lost = sum(part.lost for part in group)
    run.slow = sum(part.slow for part in group)
    run.end = high if run.lost and high != far else max(part.end for part in group)
    for part in group:
        for name, count in part.outcomes.items():
            run.outcomes[name] = run.outcomes.get(name, 0) + count
    return run


def summary(lane: str, runs: Sequence[Run], control: Sequence[Run] = ()) -> dict[str, Any]:
    """The record's `outages` of a lane. A run during which the control target failed too is marked."""
    outages = [run for run in runs if run.lost and not run.isolated]
    stalls = [run for run in runs if not run.lost]

    def control_failed(run: Run) -> bool:
        return any(other.first_bad <= run.end and run.first_bad <= other.end for other in control)

    return {
        "count": len(outages),
        "isolated_failures": sum(1 for run in runs if run.lost and run.isolated),
        "longest_s": round(max((run.length for run in outages), default=0) / 1e9, 6),
        "total_s": round(sum(run.length for run in outages) / 1e9, 6),
        "requests_lost": sum(run.lost for run in runs),
        "stalls": len(stalls),
        "longest_stall_s": round(max((run.length for run in stalls), default=0) / 1e9, 6),
        "list": [run.to_record(lane, control_failed(run)) for run in runs[:LIST_LIMIT]],
        "list_truncated": max(0, len(runs) - LIST_LIMIT),
    }
