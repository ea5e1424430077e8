# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One record from the records of several probers that shared a plan, or watched a service from several places.

docs/probe-result.md, "Merge", says what each figure of it means.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .arguments import OptionError
from .brownout import Brownouts
from .confidence import share
from .histogram import Histogram
from .joint_plan import gaps_of, plan_of, resolution_s, self_check_of, stopped_by, unlisted_of
from .judge import PASS
from .lane import CONTROL
from .meeting import View, meet
from .objective import ObjectiveError, parse_scoped
from .outage import Run
from .outages import Sums, joined, summary
from .part import Part, ended_us, in_order, micros, parts_of, reading_of, started_us, tracks, view_of
from .result import ENGINE, SCHEMA_VERSION, utc
from .rows import BUCKET_NS
from .together import Group, Together
from .verdict import judge_record

#: Each end of a brown-out is up to a row off, and each row up to one beside its own.
_BROWNOUT_ENDS_OFF_S = 2 * BUCKET_NS / 1e9
_SAME = "expected records of probers that watched the same things in the same way"


class Joint:
    """Takes records one after the other; nothing of them is kept but sums and parts."""

    def __init__(self) -> None:
        self._sums = Together()
        self._parts: list[Part] = []
        self._files: list[str] = []
        self._options: dict[str, Any] = {}
        self._reading: dict[str, float] = {}
        self._identify: list[str] = []
        self._objectives: list[tuple[str, list[str]]] = []
        self._argv: list[str] = []

    def add(self, file: str, record: Mapping[str, Any]) -> None:
        """One more record, named by its file. Raises OptionError."""
        try:
            reading, identify = reading_of(record), sorted(record["identities"])
            if not self._files:
                self._reading, self._identify, self._options = reading, identify, dict(record["options"])
            for name, value in reading.items():
                if self._reading[name] != value:
                    raise OptionError(
                        f"merge: {name} is {self._reading[name]:g} in {self._files[0]} and {value:g} in {file}, {_SAME}"
                    )
            if identify != self._identify:
                said = [", ".join(names) or "nothing" for names in (self._identify, identify)]
                raise OptionError(f"merge: {self._files[0]} identifies {said[0]}, {file} {said[1]}, {_SAME}")
            options = record["options"]
            self._options = {
                name: value for name, value in self._options.items() if name in options and options[name] == value
            }
            self._objectives.append((file, [objective["text"] for objective in record["objectives"]]))
            parts = parts_of(file, record)
            self._sums.add(record)
            _read_through(parts)
            self._parts += parts
            self._files.append(file)
        except OptionError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise OptionError(f"merge: {file} is no whole record ({error!r}), expected what --result wrote") from error

    def record(self, argv: Sequence[str] = (), objectives: Sequence[str] | None = None) -> dict[str, Any]:
        """The record of all; `objectives` take the place of the records' own. Raises OptionError."""
        parts = in_order(self._parts)
        texts = self._common_objectives() if objectives is None else list(objectives)
        origin_us, ended = started_us(parts[0]), max(map(ended_us, parts))
        ended_ns, sums = (ended - origin_us) * 1000, self._sums
        sums.settle()
        builder = _Builder(parts, sums, origin_us, ended_ns, int(self._reading["stall_after_s"] * 1e9))
        control = None if sums.control is None else builder.lane(CONTROL, sums.control, [])
        control_runs = [] if sums.control is None else builder.runs(CONTROL, CONTROL)
        lanes = {name: builder.lane(name, sums.lanes[name], control_runs) for name in sorted(sums.lanes)}
        names = {part["name"] for part in parts}
        record: dict[str, Any] = {
            "record": "probe",
            "schema_version": SCHEMA_VERSION,
            "engine": {**ENGINE, "python": platform.python_version()},
            "name": names.pop() if len(names) == 1 else "",
            "vantage": _vantage(parts),
            "argv": list(argv),
            "options": self._options,
            "plan": plan_of(parts),
            "started_at": utc(parts[0]["started_unix_ns"]),
            "started_unix_ns": parts[0]["started_unix_ns"],
            "started_monotonic_ns": parts[0]["started_monotonic_ns"],
            "ended_at": utc(ended * 1000),
            "elapsed_s": (ended - origin_us) / 1e6,
            "complete": all(part["complete"] and not unlisted_of(part) for part in parts),
            "stopped_by": stopped_by(parts),
            "totals": sums.totals.to_record(origin_us, sums.time_share(("outcomes",))),
            "lanes": lanes,
            "targets": {name: builder.target(name, sums.targets[name]) for name in sorted(sums.targets)},
            "identities": {
                name: {
                    value: groups[value].to_record(origin_us, share(0, 0))  # rows do not tell their outcomes
                    for value in sorted(groups)
                }
                for name, groups in sorted(sums.identities.items())
            },
            "control": control,
            "timeline": sums.timeline(origin_us),
            "outages": joined(lane["outages"] for lane in lanes.values()),
            "self_check": self_check_of(parts, sums.lateness),
            "merge": {"parts": parts},
        }
        brownouts = builder.brownouts(self._reading["brownout_percent"])
        if brownouts is not None:
            record["brownouts"] = brownouts
        try:
            parse_scoped("objectives", texts, {"lane": lanes, "target": record["targets"]}, record["identities"])
        except ObjectiveError as error:
            raise OptionError(str(error)) from error
        judge_record(record, texts, gaps=gaps_of(parts))
        return record

    def _common_objectives(self) -> list[str]:
        first, texts = self._objectives[0]
        for file, others in self._objectives[1:]:
            if others != texts:
                raise OptionError(
                    f"merge: {first} and {file} have different objectives, expected --objectives with those of all"
                )
        return texts


def _read_through(parts: Sequence[Part]) -> None:
    """Raise KeyError, TypeError or ValueError now, while the file can be named, where the parts lack something."""
    plan_of(parts), self_check_of(parts, Histogram()), gaps_of(parts)
    for lane in {lane for part in parts for lane in part["lanes"]}:
        for target, part, told in tracks(parts, lane):
            view_of(part, told, target, started_us(part))


def _vantage(parts: Iterable[Part]) -> dict[str, Any]:
    cores: dict[str, int] = {}
    for part in parts:
        cores[part["host"]] = max(cores.get(part["host"], 0), part["cores"])
    return {
        "host": ", ".join(sorted(cores)),
        "cores": sum(cores.values()),
        "processes": sum(part["processes"] for part in parts),
    }


class _Builder:
    """The groups that have outages: they come from the parts, all else of them from the sums."""

    def __init__(self, parts: Sequence[Part], sums: Together, origin_us: int, ended_ns: int, stall_ns: int) -> None:
        self._parts, self._sums = parts, sums
        self._origin_us, self._ended_ns, self._stall_ns = origin_us, ended_ns, stall_ns
        self._met: dict[tuple[str, str], tuple[list[Run], dict[str, Any]]] = {}

    def lane(self, name: str, group: Group, control: Sequence[Run]) -> dict[str, Any]:
        """A lane of all probers that have it."""
        targets = sorted({target for target, _part, _lane in tracks(self._parts, name)})
        where = ("control",) if name == CONTROL else ("lanes", name)
        outages = joined(self.track(name, target, control) for target in targets)
        for told in (part["lanes"][name]["outages"] for part in self._parts if name in part["lanes"]):
            # Of the runs that are not listed nothing is known but these.
            outages["failures_between"] += told["requests_lost"] - sum(run["requests_lost"] for run in told["list"])
        return {
            **group.to_record(self._origin_us, self._sums.time_share(where)),
            "policy": group.policy,
            "outages": outages,
            "resolution_s": resolution_s(self._parts, name),
            "answered_s": self._answered(name),
            "kept_connection_failures": group.diagnoses,
            "idle_closed": group.idle_closed,
            "verdict": PASS,
            "reasons": [],
        }

    def runs(self, lane: str, target: str) -> list[Run]:
        """The runs of a track that `track` has put together."""
        return self._met[lane, target][0]

    def track(self, lane: str, target: str, control: Sequence[Run]) -> dict[str, Any]:
        """The outages of a target in a lane, over all probers that watched it there."""
        if (lane, target) not in self._met:
            views, lanes = [], []
            for name, part, told in tracks(self._parts, lane):
                if name == target:
                    views.append(view_of(part, told, target, self._origin_us))
                    lanes.append(told["outages"])
            self._met[lane, target] = self._summed(lane, target, views, lanes, control)
        return self._met[lane, target][1]

    def _summed(
        self, lane: str, target: str, views: Sequence[View], lanes: Sequence[Mapping[str, Any]], control: Sequence[Run]
    ) -> tuple[list[Run], dict[str, Any]]:
        met, left_out = meet(views, self._ended_ns, self._stall_ns), Sums()
        unlisted = sum(told["list_truncated"] for told in lanes)
        if unlisted:  # each outage of all lies inside one that each prober counted
            met.longest = max(met.longest, *(_most_ns(told, "longest") for told in lanes))
            met.total = max(met.total, sum(_most_ns(told, "total") for told in lanes))
            met.longest_stall = max(met.longest_stall, *(_most_ns(told, "longest_stall") for told in lanes))
        left_out.longest[2], left_out.total[2], left_out.longest_stall[2] = met.longest, met.total, met.longest_stall
        told = summary(lane, met.runs, control, target=target, ended_ns=self._ended_ns, left_out=left_out)
        told["list_truncated"] += unlisted
        return met.runs, {**told, "failures_between": met.failures, "slow_between": met.slow}

    def target(self, name: str, group: Group) -> dict[str, Any]:
        """A target over all lanes and probers."""
        every = [track for (lane, target), (_runs, track) in self._met.items() if target == name and lane != CONTROL]
        return {
            **group.to_record(self._origin_us, self._sums.time_share(("targets", name))),
            "outages": {key: value for key, value in joined(every).items() if not key.startswith("list")},
            **group.tls_record(self._origin_us),
        }

    def _answered(self, lane: str) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for target, part, told in tracks(self._parts, lane):
            view = view_of(part, {**told, "outages": {"list": []}}, target, self._origin_us)
            if view.first_good is not None and view.last_good is not None:
                times = [view.first_good / 1e9, view.last_good / 1e9]
                seen = found.get(target, times)
                found[target] = [min(seen[0], times[0]), max(seen[1], times[1])]
        return found

    def brownouts(self, share_percent: float) -> dict[str, Any] | None:
        """Counted anew over the rows, where those are of 100 ms and tell each lane and target; else not known."""
        lanes, targets = sorted(self._sums.lanes), sorted(self._sums.targets)
        if not self._sums.fine or (len(lanes) > 1 and len(targets) > 1):
            return None
        found, first = Brownouts(lanes, share_percent), self._origin_us * 1000 // BUCKET_NS
        if len(targets) > 1:
            places = {("targets", target): (lanes[0], index) for index, target in enumerate(targets)}
        else:
            places = {("lanes", lane): (lane, 0) for lane in lanes}
        for number in sorted(self._sums.rows):
            groups = self._sums.rows[number].groups
            found.add(number - first, {
                ((*place, ()), name): times
                for where, place in places.items()
                for name, times in groups.get(where, {}).items()
            })  # fmt: skip
        return {**found.to_record(targets), "ends_off_s": _BROWNOUT_ENDS_OFF_S}


def _most_ns(outages: Mapping[str, Any], key: str) -> int:
    return micros(outages.get(f"{key}_between_s", [0.0, outages[f"{key}_s"]])[1]) * 1000
