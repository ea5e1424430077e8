# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One track (lane and target) from all the workers that each sent a part of it.

A service is out where all that probe it see it out. Their requests are put into one order, that of their starts, and
read as if one worker had sent them: so any split of a plan gives the same outages, in whatever order the deltas come.
What may still be overtaken by a request in flight (behind the earliest frontier) waits.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from . import outcome
from .outage import Run
from .outages import Sums
from .track import Marks, Tracker

_FOREVER = 1 << 62


class Track:
    """The runs of one lane and target: `ended` in order, and those that are not over for sure. Times in ns."""

    def __init__(self) -> None:
        self.ended: list[Run] = []
        #: The run that goes on, if any; in a record that is recovered also those that were not merged yet.
        self.open: list[Run] = []
        #: Those of `ended` that the progress file does not have yet, and those that are not kept one by one.
        self.fresh: list[Run] = []
        self.left_out = Sums()
        #: The widest gap between two starts that a worker saw, by worker.
        self.widest: dict[int, int] = {}
        self._reader: Tracker | None = None
        self._pending: dict[int, Marks] = {}
        self._frontier: dict[int, int] = {}
        self._later: dict[int, int | None] = {}

    def add(self, worker: int, workers: int, told: dict[str, Any], stall_ns: int) -> None:
        """Take what a worker's delta says of this track (`Tracker.told`)."""
        self.widest[worker] = told["widest"]
        if "marks" not in told:
            self._take(map(Run.from_list, told["ended"]), map(Run.from_list, told["open"]))
            return
        if self._reader is None:
            self._reader = Tracker(stall_ns)
            self._frontier = dict.fromkeys(range(workers), -1)
        marks, fresh = self._pending.setdefault(worker, Marks()), Marks.from_list(told["marks"])
        begun = len(marks.codes)
        marks.starts += fresh.starts
        marks.codes += fresh.codes
        marks.details.update({begun + position: detail for position, detail in fresh.details.items()})
        if self._frontier[worker] < _FOREVER:
            self._frontier[worker] = told["frontier"]
        self._later[worker] = told["later"]
        self._merge()

    def gone(self, worker: int) -> None:
        """Nothing more comes from this worker: it has ended, or was lost."""
        if self._reader is not None:
            self._frontier[worker] = _FOREVER
            self._merge()

    @property
    def runs(self) -> list[Run]:
        """All runs in order; the one that goes on is the last."""
        return self.ended + self.open

    def unsettled(self) -> list[Run]:
        """The runs that are not over for sure, as they would be if nothing more came (a killed probe's last ones)."""
        reader = self._reader
        if reader is None or not any(marks.details for marks in self._pending.values()):
            return self.open
        ahead = reader.copy()
        self._read(ahead, _FOREVER)
        ended, current = ahead.take()
        return ended + ([current] if current else [])

    def _merge(self) -> None:
        """Read what no request in flight can overtake any more."""
        reader = self._reader
        if reader is None:
            return
        limit = min(self._frontier.values())
        parts = self._read(reader, limit)
        self._later = {worker: later for worker, later in self._later.items() if later is not None and later >= limit}
        for marks, count in parts:
            del marks.starts[:count]
            del marks.codes[:count]
            marks.details = {at - count: detail for at, detail in marks.details.items() if at >= count}
        ended, current = reader.take()
        self._take(ended, [current.ended_by(self._later_good(), reader.stall_ns)] if current else [])

    def _take(self, ended: Iterable[Run], current: Iterable[Run]) -> None:
        begun = len(self.ended)
        self.ended += ended
        self.fresh += self.ended[begun:]
        self.open = list(current)

    def _read(self, reader: Tracker, limit: int) -> list[tuple[Marks, int]]:
        """Give what began before `limit` to the reader, in order; returns what, and how much of it, that was.

        Of a worker that is gone also the good request behind those that it never told the end of.
        """
        goods = Marks()
        later = (start for start in self._later.values() if start is not None and start < limit)
        goods.starts += array("q", sorted(later))
        goods.codes += bytes([outcome.OK_CODE]) * len(goods.starts)
        told = [goods, *(self._pending[worker] for worker in sorted(self._pending))]
        parts = [(marks, bisect_left(marks.starts, limit)) for marks in told]
        if all(marks.codes.count(outcome.OK_CODE, 0, count) == count for marks, count in parts):
            edges = [marks.starts[edge] for marks, count in parts if count for edge in (0, count - 1)]
            for start in (min(edges), max(edges)) if edges else ():
                reader.end(reader.begin(start), outcome.OK_CODE, start)
        else:
            order = sorted(
                (marks.starts[position], part, position)
                for part, (marks, count) in enumerate(parts)
                for position in range(count)
            )
            for start, part, position in order:
                marks, _unused = parts[part]
                when, error = marks.details.get(position, (start, ""))
                reader.end(reader.begin(start), marks.codes[position], when, error)
        return parts

    def _later_good(self) -> int | None:
        """The start of the first good request behind what could be read."""
        found = [start for start in self._later.values() if start is not None]
        for marks in self._pending.values():
            position = marks.codes.find(outcome.OK_CODE)
            if position >= 0:
                found.append(marks.starts[position])
        return min(found, default=None)
