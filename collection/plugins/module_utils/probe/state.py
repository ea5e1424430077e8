# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The sum of all deltas: what the supervisor knows, and what `--recover` rebuilds from a progress file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import outcome
from .histogram import Histogram, pairs
from .outage import Run, merge_workers
from .tally import CellKey, Tally

_LOST = "its worker was lost before it told the outcome"


class State:
    """Merged figures of all workers. Times in ns from the start of the probe."""

    def __init__(self) -> None:
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
        self.finished: set[int] = set()
        self.due_by_worker: dict[int, int] = {}
        self._runs: dict[str, dict[int, list[Run]]] = {}
        self._open: dict[str, dict[int, Run | None]] = {}
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
        for lane, told in delta["runs"].items():
            ended = self._runs.setdefault(lane, {}).setdefault(worker, [])
            ended += [Run.from_list(values) for values in told["ended"]]
            current = told["open"]
            self._open.setdefault(lane, {})[worker] = Run.from_list(current) if current else None
        lateness = Histogram()
        lateness.count, lateness.sum, lateness.min, lateness.max, flat = delta["lateness"]
        lateness.counts = dict(pairs(flat))
        self.lateness[worker] = lateness
        for lane, (idle_closed, diagnoses) in delta["lanes"].items():
            self.lanes.setdefault(lane, {})[worker] = (idle_closed, diagnoses)
        self.in_flight_max[worker] = delta["in_flight_max"]
        self.descriptors_max[worker] = delta["descriptors_max"]
        self.cpu_s[worker] = delta["cpu_s"]
        self.memory_kib = max(self.memory_kib, delta["memory_kib"])
        if delta["users"]:
            low, high = delta["users"]
            self.users = [min(low, self.users[0]), max(high, self.users[1])] if self.users else [low, high]
        return tally

    def runs(self, lane: str) -> list[Run]:
        """The failed runs of a lane in order, over all workers; the one that goes on is the last."""
        workers = self._runs.get(lane, {})
        lists = []
        for worker, ended in workers.items():
            current = self._open[lane].get(worker)
            lists.append(ended + ([current] if current else []))
        return merge_workers(lists) if lists else []

    def current_outage_ns(self, lane: str) -> int:
        """How long the outage of a lane that goes on has lasted; 0 when some worker has good answers."""
        current = list(self._open.get(lane, {}).values())
        if not current or any(run is None or not run.lost or run.isolated for run in current):
            return 0
        return self.at - min(run.first_bad for run in current if run)

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
