# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The record's `outages`: sums over all runs of a lane and target, and the longest of them as a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .histogram import Histogram
from .outage import Run

#: More runs than this are counted, but only the longest are listed.
LIST_LIMIT = 10_000
#: What adds over tracks; the last two are in merged records alone.
_ADDED = ("requests_lost", "isolated_failures", "control_failed", "failures_between", "slow_between")


class Sums:
    """Numbers and times of runs, in ns; adds. `lengths` are those of all outages that are more than one failure."""

    __slots__ = (
        "control_failed",
        "isolated",
        "lengths",
        "longest",
        "longest_stall",
        "lost",
        "outages",
        "runs",
        "stalls",
        "total",
    )

    def __init__(self) -> None:
        self.runs = self.outages = self.isolated = self.stalls = self.lost = self.control_failed = 0
        #: [certainly, the estimate, possibly]; the last of outages counts single failures too
        self.longest = [0, 0, 0]
        self.total = [0, 0, 0]
        self.longest_stall = [0, 0, 0]
        self.lengths = Histogram()

    def add(self, run: Run, ended_ns: int, control_failed: bool) -> None:
        """One more run; `ended_ns` is the end of the measurement (so far)."""
        lengths = (min(run.shortest, run.length), run.length, run.longest(ended_ns))
        self.runs += 1
        self.lost += run.lost
        if not run.lost:
            self.stalls += 1
            stall = (run.shortest, *lengths[1:])
            self.longest_stall = [max(pair) for pair in zip(self.longest_stall, stall)]
            return
        self.outages += not run.isolated
        self.isolated += run.isolated
        self.control_failed += control_failed and not run.isolated
        if not run.isolated:
            self.lengths.add(run.length)
        known = (0, 0, lengths[2]) if run.isolated else lengths
        self.longest = [max(pair) for pair in zip(self.longest, known)]
        self.total = [sum(pair) for pair in zip(self.total, known)]

    def to_list(self) -> list[Any]:
        """For the progress file (JSON)."""
        return [*(getattr(self, name) for name in _PLAIN), self.lengths.to_list()]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Sums:
        """Read `to_list` back."""
        sums = cls()
        for name, value in zip(_PLAIN, values):
            setattr(sums, name, value)
        sums.lengths = Histogram.from_list(values[-1])
        return sums


_PLAIN = [name for name in Sums.__slots__ if name != "lengths"]


def keep_longest(runs: list[Run], sums: Sums, control: Sequence[Run]) -> list[Run]:
    """The longest runs, in order, where there are far more than the record lists; the others go into `sums`.

    All runs are over: none depends on the end of the measurement any more.
    """
    if len(runs) < 2 * LIST_LIMIT:
        return runs
    marked = _overlapping(runs, control)
    kept = _longest(runs)
    known = set(map(id, kept))
    for run in runs:
        if id(run) not in known:
            sums.add(run, 0, id(run) in marked)
    return kept


def _longest(runs: Sequence[Run]) -> list[Run]:
    """As many as the record lists, in order."""
    if len(runs) <= LIST_LIMIT:
        return list(runs)
    longest = sorted(runs, key=lambda run: run.length, reverse=True)[:LIST_LIMIT]
    return sorted(longest, key=lambda run: run.first_bad)


def summary(
    lane: str,
    runs: Sequence[Run],
    control: Sequence[Run] = (),
    *,
    target: str = "",
    ended_ns: int = 0,
    left_out: Sums | None = None,
) -> dict[str, Any]:
    """The record's `outages` of one lane and target. A run during which the control target failed too is marked.

    `left_out` are runs that were not kept one by one.
    """
    sums = Sums() if left_out is None else Sums.from_list(left_out.to_list())
    marked = _overlapping(runs, control)
    for run in runs:
        sums.add(run, ended_ns, id(run) in marked)
    listed = _longest(runs)

    def seconds(values_ns: list[int]) -> list[float]:
        return [round(value / 1e9, 6) for value in values_ns]

    longest_s, total_s, stall_s = seconds(sums.longest), seconds(sums.total), seconds(sums.longest_stall)
    return {
        "count": sums.outages,
        "isolated_failures": sums.isolated,
        "longest_s": longest_s[1],
        "longest_between_s": [longest_s[0], longest_s[2]],
        "total_s": total_s[1],
        "total_between_s": [total_s[0], total_s[2]],
        "requests_lost": sums.lost,
        "stalls": sums.stalls,
        "longest_stall_s": stall_s[1],
        "longest_stall_between_s": [stall_s[0], stall_s[2]],
        "control_failed": sums.control_failed,
        "lengths": sums.lengths.to_record(),
        "list": [run.to_record(lane, id(run) in marked, target, ended_ns) for run in listed],
        "list_truncated": sums.runs - len(listed),
    }


def _overlapping(runs: Sequence[Run], control: Sequence[Run]) -> set[int]:
    """The ids of the runs during which the control failed; both are in the order of their starts."""
    marked: set[int] = set()
    position = 0
    for run in runs:
        while position < len(control) and control[position].end < run.first_bad:
            position += 1
        if any(other.first_bad <= run.end and run.first_bad <= other.end for other in control[position : position + 1]):
            marked.add(id(run))
    return marked


def joined(each: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Several tracks (targets of a lane, lanes of a probe) as one: all lists and lengths, the sums of the worst.

    They were watched at the same time: adding their times would count the same time twice.
    """
    tracks = list(each)
    worst = max(tracks, key=lambda track: (track["total_s"], track["longest_s"], track["count"]))
    between = ("longest_between_s", "total_between_s", "longest_stall_between_s")
    lengths = Histogram()
    for track in tracks:
        lengths.merge(Histogram.from_record(track["lengths"]))
    return {
        **worst,
        **{name: [max(track[name][end] for track in tracks) for end in (0, 1)] for name in between},
        "longest_s": max(track["longest_s"] for track in tracks),
        "stalls": max(track["stalls"] for track in tracks),
        "longest_stall_s": max(track["longest_stall_s"] for track in tracks),
        **{name: sum(track[name] for track in tracks) for name in _ADDED if name in worst},
        "lengths": lengths.to_record(),
        "list": sorted(
            (entry for track in tracks for entry in track["list"]),
            key=lambda entry: (entry["first_bad_s"], entry["lane"], entry["target"]),
        ),
        "list_truncated": sum(track["list_truncated"] for track in tracks),
    }
