# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The sum of all deltas: what the supervisor knows, and what `probe recover` rebuilds from a progress file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import outcome
from .handshakes import Handshakes
from .histogram import Histogram
from .lane import CONTROL
from .merge import Track
from .outage import Run
from .outages import Sums, keep_longest
from .rows import BUCKET_NS, CellKey
from .tally import Tally
from .timeline import Timeline

#: Of more pauses than this only the longest are kept.
PAUSES = 10_000
_FOREVER = 1 << 62
#: A request that is sent later than this after it was due has long failed the self-check.
_LATE_S = 5.0
#: What is told of each worker alone.
_BY_WORKER = ("in_flight_max", "descriptors_max", "cpu_s", "due_by_worker", "_told")
_LOST = "its worker was lost before it told the outcome"


@dataclass(frozen=True)
class Limits:
    """How requests are read: slower answers are stalls, none is in flight for longer, and what a brown-out is."""

    stall_ns: int
    in_flight_ns: int
    brownout_percent: float

    @classmethod
    def of(cls, reading: Mapping[str, Any]) -> Limits:
        """The limits of a run (`Options.reading`). Raises KeyError."""
        return cls(
            int(reading["stall_after_s"] * 1e9),
            int((reading["timeout_s"] + _LATE_S) * 1e9),
            reading["brownout_percent"],
        )


class State:
    """Merged figures of all workers. Times in ns from the start of the probe."""

    def __init__(self, lanes: Sequence[str], limits: Limits) -> None:
        self._limits = limits
        self.tally = Tally()
        self.timeline = Timeline(lanes, limits.brownout_percent)
        self.handshakes = Handshakes()
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
        #: How far each worker has told, in ns.
        self._told: dict[int, int] = {}
        self._keys: dict[CellKey, CellKey] = {}

    def add(self, delta: dict[str, Any]) -> Tally:
        """Add a worker's delta; returns its own tally (the last second)."""
        worker = int(delta["worker"])
        tally = Tally.from_delta(delta["tally"], self._keys)
        self.tally.merge(tally)
        self.at = max(self.at, delta["at"])
        self._told[worker] = delta["at"]
        if delta["last"]:
            self.finished.add(worker)
        self.due_by_worker[worker] = self.due_by_worker.get(worker, 0) + sum(tally.due.values())
        for lane, target, told in delta.get("tracks", ()):
            track = self.tracks.setdefault(lane, {}).setdefault(target, Track())
            track.add(worker, delta["workers"], told, self._limits.stall_ns)
            self._bound(track)
        if delta["last"]:
            self.gone(worker)
        if len(self._told) == delta["workers"]:
            told_ns = min(self._told.values())
            self.settle((min(told_ns, self.at) - self._limits.in_flight_ns) // BUCKET_NS)
        self.lateness[worker] = Histogram.from_list(delta["lateness"])
        for lane, (idle_closed, diagnoses) in delta["lanes"].items():
            self.lanes.setdefault(lane, {})[worker] = (idle_closed, diagnoses)
        self.handshakes.merge(delta.get("tls", ()))
        self.pauses += [(begun, ended, worker) for begun, ended in delta.get("pauses", ())]
        if len(self.pauses) > 2 * PAUSES:
            self.pauses = sorted(self.pauses, key=lambda pause: pause[0] - pause[1])[:PAUSES]
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
        self._told[worker] = _FOREVER
        for targets in self.tracks.values():
            for track in targets.values():
                track.gone(worker)

    def settle(self, before: int = _FOREVER) -> None:
        """Rows before this one are complete (without it: all are, the measurement is over)."""
        self.timeline.settle(self.tally.rows, before)

    def fresh_runs(self) -> list[list[Any]]:
        """The runs that ended since the last call, and those that go on, for the progress file (JSON)."""
        told = []
        for lane, targets in self.tracks.items():
            for target, track in targets.items():
                ended, track.fresh = track.fresh, []
                told.append([lane, target, _told(track, ended)])
        return told

    def add_runs(self, told: list[list[Any]]) -> None:
        """Read `fresh_runs` back."""
        for lane, target, entry in told:
            track = self.tracks.setdefault(lane, {}).setdefault(target, Track())
            track.add(0, 1, entry, self._limits.stall_ns)
            if "left_out" in entry:
                track.left_out = Sums.from_list(entry["left_out"])
            self._bound(track)

    def snapshot(self) -> dict[str, Any]:
        """All that is known, in place of the deltas that told it (JSON)."""
        return {
            "tally": self.tally.to_delta(),
            "timeline": self.timeline.to_dict(),
            "at": self.at,
            "memory_kib": self.memory_kib,
            "users": self.users,
            "pauses": self.pauses,
            "tls": self.handshakes.to_list(),
            "finished": sorted(self.finished),
            "lanes": [[lane, list(workers.items())] for lane, workers in self.lanes.items()],
            "workers": {name: list(getattr(self, name).items()) for name in _BY_WORKER},
            "lateness": [[worker, h.to_list()] for worker, h in self.lateness.items()],
            "runs": [
                [lane, target, {**_told(track, track.ended), "left_out": track.left_out.to_list()}]
                for lane, targets in self.tracks.items()
                for target, track in targets.items()
            ],
        }

    def load(self, values: dict[str, Any]) -> None:
        """Read `snapshot` back, into a new state."""
        self.tally = Tally.from_delta(values["tally"], self._keys)
        self.timeline.load(values["timeline"], self._keys)
        self.at, self.memory_kib, self.users = values["at"], values["memory_kib"], values["users"]
        self.pauses = [(begun, ended, worker) for begun, ended, worker in values["pauses"]]
        self.handshakes.merge(values.get("tls", ()))
        self.finished = set(values["finished"])
        self.lanes = {lane: {w: (idle, told) for w, (idle, told) in workers} for lane, workers in values["lanes"]}
        for name in _BY_WORKER:
            setattr(self, name, dict(values["workers"][name]))
        self.lateness = {worker: Histogram.from_list(flat) for worker, flat in values["lateness"]}
        self.add_runs(values["runs"])

    def _bound(self, track: Track) -> None:
        control = self.tracks.get(CONTROL, {}).get(0)
        track.ended = keep_longest(track.ended, track.left_out, control.ended if control else ())

    def runs(self, lane: str) -> dict[int, list[Run]]:
        """The failed runs of each target of a lane in order, over all workers; the one that goes on is the last."""
        return {target: track.runs for target, track in self.tracks.get(lane, {}).items()}

    def left_out(self, lane: str, target: int) -> Sums:
        """The runs that were too many and too short to be kept one by one."""
        track = self.tracks.get(lane, {}).get(target)
        return track.left_out if track else Sums()

    def current_outage_ns(self, lane: str) -> int:
        """How long the longest outage of a lane's targets that goes on has lasted; 0 when none does."""
        current = [run for track in self.tracks.get(lane, {}).values() for run in track.open]
        begun = [run.first_bad for run in current if run.lost and not run.isolated and run.next_good is None]
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


def _told(track: Track, ended: list[Run]) -> dict[str, Any]:
    return {
        "ended": [run.to_list() for run in ended],
        "open": [run.to_list() for run in track.unsettled()],
        "widest": min(track.widest.values(), default=0),
    }
