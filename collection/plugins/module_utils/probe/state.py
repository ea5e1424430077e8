# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The sum of all deltas: what the supervisor knows, and what `--recover` rebuilds from a progress file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import outcome
from .histogram import Histogram, pairs
from .merge import Track
from .outage import Run
from .tally import CellKey, Tally

_LOST = "its worker was lost before it told the outcome"


class State:
    """Merged figures of all workers. Times in ns from the start of the probe."""

    def __init__(self, stall_ns: int = 1 << 62) -> None:
        self._stall_ns = stall_ns
        self.tally = Tally()
        self.lateness: dict[int, Histogram] = {}
        self.at = 0
        self.in_flight_max: dict[int, int] = {}
        self.descriptors_max: dict[int, int] = {}
        self.memory_kib = 0
        self.cpu_s: dict[int, float] = {}
        self.users: list[int] | None = None
        self.lanes: dict[str, dict[int, tuple[int, dict[str, int]]]] = {}
        self.workers_lost = 0
        #: (from, to, worker): when a worker stood still
        self.pauses: list[tuple[int, int, int]] = []
        self.finished: set[int] = set()
        self.due_by_worker: dict[int, int] = {}
        #: lane -> number of the target -> its runs
        self.tracks: dict[str, dict[int, Track]] = {}
        self._written: dict[tuple[str, int], int] = {}
        self._keys: dict[CellKey, CellKey] = {}

    def add(self, delta: dict[str, Any]) -> Tally:
        """Add a worker's delta; returns its own tally (the last second)."""
        worker = int(delta["worker"])
        tally = Tally.from_delta(delta["tally"], self._keys)
        self.tally.merge(tally)
        self.at = max(self.at, delta["at"])
        if delta["last"]:
            self.finished.add(worker)
        self.due_by_worker[worker] = self.due_by_worker.get(worker, 0) + sum(tally.due.values())
        for lane, target, told in delta.get("tracks", ()):
            track = self.tracks.setdefault(lane, {}).setdefault(target, Track())
            track.add(worker, delta["workers"], told, self._stall_ns)
        if delta["last"]:
            self.gone(worker)
        lateness = Histogram()
        lateness.count, lateness.sum, lateness.min, lateness.max, flat = delta["lateness"]
        lateness.counts = dict(pairs(flat))
        self.lateness[worker] = lateness
        for lane, (idle_closed, diagnoses) in delta["lanes"].items():
            self.lanes.setdefault(lane, {})[worker] = (idle_closed, diagnoses)
        self.pauses += [(begun, ended, worker) for begun, ended in delta.get("pauses", ())]
        self.in_flight_max[worker] = delta["in_flight_max"]
        self.descriptors_max[worker] = delta["descriptors_max"]
        self.cpu_s[worker] = delta["cpu_s"]
        self.memory_kib = max(self.memory_kib, delta["memory_kib"])
        if delta["users"]:
            low, high = delta["users"]
            self.users = [min(low, self.users[0]), max(high, self.users[1])] if self.users else [low, high]
        return tally

    def gone(self, worker: int) -> None:
        """Nothing more comes from this worker."""
        for targets in self.tracks.values():
            for track in targets.values():
                track.gone(worker)

    def fresh_runs(self) -> list[list[Any]]:
        """The runs that ended since the last call, and those that go on, for the progress file (JSON)."""
        told = []
        for lane, targets in self.tracks.items():
            for target, track in targets.items():
                begun = self._written.get((lane, target), 0)
                self._written[(lane, target)] = len(track.ended)
                ended = [run.to_list() for run in track.ended[begun:]]
                told.append([lane, target, {
                    "ended": ended, "open": track.open.to_list() if track.open else None,
                    "widest": min(track.widest.values(), default=0),
                }])  # fmt: skip
        return told

    def add_runs(self, told: list[list[Any]]) -> None:
        """Read `fresh_runs` back."""
        for lane, target, entry in told:
            self.tracks.setdefault(lane, {}).setdefault(target, Track()).add(0, 1, entry, self._stall_ns)

    def runs(self, lane: str) -> dict[int, list[Run]]:
        """The failed runs of each target of a lane in order, over all workers; the one that goes on is the last."""
        return {target: track.runs for target, track in self.tracks.get(lane, {}).items()}

    def current_outage_ns(self, lane: str) -> int:
        """How long the longest outage of a lane's targets that goes on has lasted; 0 when none does."""
        current = [track.open for track in self.tracks.get(lane, {}).values()]
        begun = [run.first_bad for run in current if run and run.lost and not run.isolated and run.next_good is None]
        return max((self.at - first for first in begun), default=0)

    def widest_gap_ns(self, lane: str) -> int:
        """The longest time between two requests to a target, in the worst of them.

        A worker that shares the plan knows its own requests only: all together were never further apart than those of
        the closest.
        """
        gaps = [min(track.widest.values(), default=0) for track in self.tracks.get(lane, {}).values()]
        return max(gaps, default=0)

    def all_lateness(self) -> Histogram:
        """How late the sends were, over all workers."""
        total = Histogram()
        for histogram in self.lateness.values():
            total.merge(histogram)
        return total

    def account_for_lost(self, missing_plan: int, lanes: list[str], nobody: tuple[str, ...]) -> None:
        """Book what a lost worker left open, and `missing_plan` arrivals it never came to, as not sent."""
        for lane in lanes:
            if missing_plan:
                self.tally.due[(lane, 0)] = self.tally.due.get((lane, 0), 0) + missing_plan
        for (lane, target), due in list(self.tally.due.items()):
            booked = self.booked(lambda key, lane=lane, target=target: key[0] == lane and key[1] == target)  # type: ignore[misc]
            if due > booked:
                key: CellKey = (lane, target, nobody if lane in lanes else ())
                self.tally.cell(key).outcome(outcome.NOT_SENT, self.at, _LOST, due - booked)
                self.tally.row(self.at, key, outcome.NOT_SENT, due - booked)

    def booked(self, chosen: Callable[[CellKey], bool]) -> int:
        """How many requests of the chosen cells have an outcome."""
        return sum(
            entry[0] for key, figures in self.tally.cells.items() if chosen(key) for entry in figures.outcomes.values()
        )
