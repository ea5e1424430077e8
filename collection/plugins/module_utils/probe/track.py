# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Puts the requests of one lane and target back in the order in which they began, and finds the failed runs in it.

Answers come in any order, so every request has one byte in a ring (0 in flight, 1 ok, else its outcome's code) and
the ring is read in order up to the first request that is still in flight. Stretches without a failure, the normal
case, are skipped by two scans in C. Memory grows with the requests in flight, not with the requests made.
"""

from __future__ import annotations

import base64
import re
from array import array
from collections.abc import Sequence
from typing import Any

from . import outcome
from .outage import Run

_FIRST_SIZE = 1 << 12
_NOT_OK = re.compile(rb"[^\x01]")
#: Of more good requests a second than this, a worker that shares its plan tells the others' merger every n-th.
MARKS = 10_000
_FOREVER = 1 << 62


class Tracker:
    """The requests of one lane and target in one worker.

    The event loop writes `ring[number & mask]` itself for ok answers; everything else goes through `end`. Where the
    plan is shared by several workers (`whole` is False) the runs can only be found among all their requests: what was
    read is kept as marks for the merger (merge.py).
    """

    __slots__ = (
        "cursor",
        "details",
        "last_good",
        "last_start",
        "limit",
        "marks",
        "mask",
        "next",
        "ring",
        "run",
        "runs",
        "stall_ns",
        "starts",
        "whole",
        "widest",
    )

    def __init__(self, stall_ns: int = _FOREVER, whole: bool = True) -> None:
        self.stall_ns = stall_ns
        self.whole = whole
        self.marks = Marks()
        self.widest = 0  # the longest time between two starts, in ns
        self.last_start: int | None = None
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
        if self.last_start is not None:
            self.widest = max(self.widest, self.starts[first] - self.last_start)
        self.last_start = self.starts[end - 1]
        self._measure(first, end)
        if not self.whole:
            self._mark(first, end)
            return
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

    def _measure(self, first: int, end: int) -> None:
        """The widest gap in these slots: only halves that are longer than it are looked at."""
        starts = self.starts
        if end - first < 2 or starts[end - 1] - starts[first] <= self.widest:
            return
        if end - first == 2:
            self.widest = starts[end - 1] - starts[first]
            return
        middle = (first + end) // 2
        self._measure(first, middle + 1)
        self._measure(middle, end)

    def _mark(self, first: int, end: int) -> None:
        marks, begun = self.marks, len(self.marks.codes)
        marks.starts += self.starts[first:end]
        marks.codes += self.ring[first:end]
        for match in _NOT_OK.finditer(self.ring, first, end):
            slot = match.start()
            marks.details[begun + slot - first] = self.details.pop(self.cursor + slot - first)

    def _good(self, first: int, last: int) -> None:
        if self.run is not None:
            self.run.close(self.starts[first], self.stall_ns)
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

    def copy(self) -> Tracker:
        """A tracker that goes on from here; everything of this one was read."""
        other = Tracker(self.stall_ns)
        other.run = self.run.copy() if self.run else None
        other.last_good = self.last_good
        return other

    def take(self) -> tuple[list[Run], Run | None]:
        """The runs that ended since the last call, and the one that goes on.

        A run is over although a request after it is still in flight, when one that began still later was good.
        """
        self.advance()
        ended, self.runs = self.runs, []
        if self.run is None:
            return ended, None
        return ended, self.run.ended_by(self.later_good(), self.stall_ns)

    def later_good(self) -> int | None:
        """The start of the first good request behind those that were read in order."""
        first = self.cursor & self.mask
        waiting = self.next - self.cursor
        for low, high in ((first, min(self.mask + 1, first + waiting)), (0, first + waiting - self.mask - 1)):
            found = self.ring.find(b"\1", low, high) if high > low else -1
            if found >= 0:
                return self.starts[found]
        return None

    def told(self, now: int) -> dict[str, Any]:
        """What the delta line says of this track (JSON); `now` bounds what may still come."""
        if self.whole:
            ended, current = self.take()
            return {
                "ended": [run.to_list() for run in ended],
                "open": [current.to_list()] if current else [],
                "widest": self.widest,
            }
        self.advance()
        marks, self.marks = self.marks, Marks()
        return {
            "marks": marks.to_list(),
            "frontier": self.starts[self.cursor & self.mask] if self.cursor < self.next else now,
            "later": self.later_good(),
            "widest": self.widest,
        }


class Marks:
    """Starts (ns) and codes of requests in order, and end and error of those that were not ok, by position."""

    __slots__ = ("codes", "details", "starts")

    def __init__(self) -> None:
        self.starts = array("q")
        self.codes = bytearray()
        self.details: dict[int, tuple[int, str]] = {}

    def to_list(self) -> list[Any]:
        """For the delta lines (JSON)."""
        starts, codes = self.starts, self.codes
        step = len(codes) // MARKS + 1
        if step > 1 and not self.details:
            starts, codes = starts[::step], codes[::step]
        packed = [base64.b64encode(data).decode("ascii") for data in (starts.tobytes(), bytes(codes))]
        return [*packed, [[position, when, error] for position, (when, error) in self.details.items()]]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Marks:
        """Read `to_list` back."""
        marks = cls()
        marks.starts.frombytes(base64.b64decode(values[0]))
        marks.codes += base64.b64decode(values[1])
        marks.details = {position: (when, error) for position, when, error in values[2]}
        return marks
