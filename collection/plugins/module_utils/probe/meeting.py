# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Outages of one lane and target that several probers watched: the service is out where all of them see it out.

A record tells of each run the good requests on both sides; between them the service may have been out for this prober,
and so it may before its first good request and after its last. Where these times of all probers meet (a piece) no
request of anybody was good, so a failure inside belongs to an outage of the service. Of a run that another prober's
good request cuts, only the first and the last bad request are known one by one: what is not certain is not given to a
piece. It is counted as left over, and widens what outages can have lasted at most.

Everything is O(n log n) in the number of runs, and depends on the records alone, not on their order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from . import outcome
from .outage import Run

_FOREVER = 1 << 62


@dataclass(frozen=True)
class View:
    """What one prober saw of a track. Times in ns of the common axis.

    `first_good` and `last_good` are its first and its last good request, `gap` is the widest time between two of its
    requests (None: not known).
    """

    runs: Sequence[Run]
    first_good: int | None
    last_good: int | None
    gap: int | None

    def possible(self) -> list[tuple[int, int]]:
        """The open intervals in which this prober had no good request; in order, they do not meet."""
        runs, found = self.runs, []
        if not runs and self.first_good is None:
            return [(-_FOREVER, _FOREVER)]
        if self.first_good is not None and (not runs or runs[0].last_good is not None):
            found.append((-_FOREVER, self.first_good))
        for run in runs:
            found.append(_bounds(run))
        if self.last_good is not None and (not runs or runs[-1].next_good is not None):
            found.append((self.last_good, _FOREVER))
        return found


class Piece(Run):
    """A run of all probers together. `cut`: failures that are left over may lie in it, too."""

    __slots__ = ("cut", "late_end", "sure_end")

    def __init__(self, last_good: int | None, next_good: int | None) -> None:
        super().__init__(last_good, _FOREVER, "", "")
        self.last_bad = self.end = self.sure_end = -_FOREVER
        self.next_good = next_good
        self.cut = False
        self.late_end: int | None = None

    @property
    def isolated(self) -> bool:
        """One single bad request, of which it is certain."""
        return self.lost + self.slow == 1 and self.first_bad == self.last_bad

    @property
    def shortest(self) -> int:
        """The time in ns in which it was certainly out."""
        if self.lost:
            return self.last_bad - self.first_bad
        return max(0, min(self.sure_end, self.next_good or _FOREVER) - self.first_bad)

    def longest(self, ended_ns: int) -> int:
        """The time in ns in which it may have been out; of a stall that is cut, the last answer is not known."""
        if self.lost or not self.cut:
            return super().longest(ended_ns)
        return (ended_ns if self.late_end is None else self.late_end) - (self.last_good or 0)

    def to_record(self, lane: str, control_failed: bool, target: str = "", ended_ns: int = 0) -> dict[str, Any]:
        """The record's form; with `cut` where it holds more than what is certain."""
        return {**super().to_record(lane, control_failed, target, ended_ns), **({"cut": True} if self.cut else {})}


class Pieces:
    """Where the service may have been out for all probers, in order. `bounds` are open intervals."""

    def __init__(self, bounds: Sequence[tuple[int, int]]) -> None:
        self.all = [Piece(_known(begun), _known(ended)) for begun, ended in bounds]
        self.begins = [begun for begun, _unused in bounds]
        self.ends = [ended for _unused, ended in bounds]
        self._cut = [0] * (len(bounds) + 1)

    def at(self, time: int) -> Piece | None:
        """The piece in which a request that began then lies."""
        found = bisect_left(self.begins, time) - 1
        return self.all[found] if found >= 0 and time < self.ends[found] else None

    def between(self, begun: int, ended: int) -> range:
        """The numbers of the pieces that the open interval meets."""
        return range(bisect_right(self.ends, begun), bisect_left(self.begins, ended))

    def cut(self, run: Run) -> None:
        """Requests of this run may lie in any piece between its first and its last one."""
        met = self.between(run.first_bad - 1, run.last_bad + 1)
        if met:
            self._cut[met.start] += 1
            self._cut[met.stop] -= 1

    def finish(self, stall_ns: int) -> list[Run]:
        """The pieces in which it is certain that a request was bad, with their ends."""
        for piece, depth in zip(self.all, accumulate(self._cut)):
            piece.cut = depth > 0
            if piece.next_good is not None:
                piece.late_end = piece.next_good + stall_ns
                piece.end = piece.next_good if piece.lost else min(piece.end, piece.late_end)
        return [piece for piece in self.all if piece.lost + piece.slow]


@dataclass
class Met:
    """The runs of all probers together, and what could not be given to one of them."""

    runs: list[Run] = field(default_factory=list)
    #: Failed and late requests that are in no run for sure.
    failures: int = 0
    slow: int = 0
    #: What outages and stalls that are not among `runs` can have lasted at most, in ns.
    longest: int = 0
    total: int = 0
    longest_stall: int = 0


def meet(views: Sequence[View], ended_ns: int, stall_ns: int) -> Met:
    """Put the probers' runs of one track together; `ended_ns` is the end of the measurement of all."""
    pieces, met, torn = Pieces(_common([view.possible() for view in views])), Met(), []
    for run in (run for view in views for run in view.runs):
        lost, slow = _give(run, pieces, stall_ns)
        if not lost and not slow:
            continue
        met.failures += lost
        met.slow += slow
        begun, ended = (min(max(edge, 0), ended_ns) for edge in _bounds(run))
        if lost:
            torn.append((begun, ended))
        if slow:
            met.longest_stall = max(met.longest_stall, ended + stall_ns - begun)
    met.runs = pieces.finish(stall_ns)
    gaps = [view.gap for view in views]
    widest = max(_FOREVER if gap is None else gap for gap in gaps)
    for begun, ended in _union(torn):
        _leave_over(met, begun, ended, pieces, widest)
    return met


def _bounds(run: Run) -> tuple[int, int]:
    begun, ended = run.last_good, run.next_good
    return -_FOREVER if begun is None else begun, _FOREVER if ended is None else ended


def _known(edge: int) -> int | None:
    return edge if -_FOREVER < edge < _FOREVER else None


def _common(intervals: Sequence[Sequence[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Where one interval of each meets one of all others; open intervals that only touch do not meet."""
    edges = [(edge, step) for each in intervals for interval in each for edge, step in zip(interval, (1, -1))]
    found, depth, begun = [], 0, 0
    for edge, step in sorted(edges):  # at equal times the ends come first
        if step > 0:
            begun = edge
        elif depth == len(intervals) and edge > begun:
            found.append((begun, edge))
        depth += step
    return found


def _give(run: Run, pieces: Pieces, stall_ns: int) -> tuple[int, int]:
    """Give a prober's run to the pieces: whole where it lies inside one, else its first and its last bad request.

    Returns how many failed and late requests are left over.
    """
    first, last = pieces.at(run.first_bad), pieces.at(run.last_bad)
    if first is not None and first is last:
        _note(first, run.first_bad, run.first_outcome, run.first_error)
        first.last_bad = max(first.last_bad, run.last_bad)
        first.end = max(first.end, run.end)
        first.sure_end = max(first.sure_end, run.end)
        first.lost += run.lost
        first.slow += run.slow
        for name, times in run.outcomes.items():
            first.outcomes[name] = first.outcomes.get(name, 0) + times
        return 0, 0
    lost, slow, rest = run.lost, run.slow, dict(run.outcomes)
    unknown = lost + slow - 2  # those between the first and the last one
    # When its answers came is not told of a run that failures are in, too.
    end = run.end if run.next_good is None or not lost or not slow else run.next_good + stall_ns
    for piece, time in ((first, run.first_bad), (last, run.last_bad)):
        name = run.first_outcome if rest == run.outcomes else _only(rest)
        if name:
            rest[name] -= 1
        if piece is None:
            continue
        _note(piece, time, name or run.first_outcome, run.first_error if time == run.first_bad else "")
        piece.end = max(piece.end, end)
        late = name == outcome.OK
        if late:
            piece.sure_end = max(piece.sure_end, time + stall_ns)
        elif not name and run.slow and rest.get(outcome.OK):
            unknown += 1  # it was late, or it failed
            continue
        piece.lost += not late
        piece.slow += late
        lost, slow = lost - (not late), slow - late
        if name:
            piece.outcomes[name] = piece.outcomes.get(name, 0) + 1
    if unknown > 0:
        pieces.cut(run)
    return lost, slow


def _only(outcomes: dict[str, int]) -> str:
    """The one outcome that is left; "" where there are several."""
    left = [name for name, times in outcomes.items() if times > 0]
    return left[0] if len(left) == 1 else ""


def _note(piece: Piece, time: int, name: str, error: str) -> None:
    """A bad request at this time: the first one of all says how it began."""
    known = (piece.first_bad, piece.first_outcome, piece.first_error)
    piece.first_bad, piece.first_outcome, piece.first_error = min(known, (time, name, error))
    piece.last_bad = max(piece.last_bad, time)


def _union(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for begun, ended in sorted(intervals):
        if found and begun <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ended))
        else:
            found.append((begun, ended))
    return found


def _leave_over(met: Met, begun: int, ended: int, pieces: Pieces, widest: int) -> None:
    """Failures that no run has for sure lie in this time: how long outages there can have been.

    Outside the pieces somebody had good requests, so that they were shorter than the widest gap between anybody's.
    """
    at = begun
    for number in pieces.between(begun, ended):
        low, high = max(pieces.begins[number], begun), min(pieces.ends[number], ended)
        met.total += low - at
        met.longest = max(met.longest, min(low - at, widest))
        if not pieces.all[number].lost:
            met.total += high - low
            met.longest = max(met.longest, high - low)
        at = high
    met.total += ended - at
    met.longest = max(met.longest, min(ended - at, widest))
