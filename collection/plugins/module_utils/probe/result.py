# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The probe record (docs/probe-result.md): built from the merged state, judged, written whole or not at all."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import outcome
from .confidence import share
from .histogram import Histogram
from .judge import PASS
from .lane import CONTROL
from .outage import Run
from .outages import joined, summary
from .rows import BUCKET_NS, CellKey, latency_record
from .schedule import Stage, widest_gap_s
from .selfcheck import self_check
from .state import State
from .tally import Figures
from .timeline import Group
from .verdict import judge_record
from .withheld import Withheld

ENGINE = {"name": "availability.lab http_probe", "version": "0.1.0"}
SCHEMA_VERSION = 1
DIAGNOSES = ("reset", "stalled", "outage", "new_fails")


def utc(unix_ns: int) -> str:
    """A wall clock time as ISO 8601 in UTC, to the microsecond."""
    moment = datetime.datetime.fromtimestamp(unix_ns // 1000 / 1e6, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def figures_record(figures: Figures, due: int, time_share: dict[str, Any]) -> dict[str, Any]:
    """A group's figures, of which so many requests were due; `time_share` is its availability over time."""
    handshakes = {"handshake_time": figures.handshake_time.to_record()} if figures.handshake_time.count else {}
    completed, failed, not_sent = figures.completed, figures.failed, figures.not_sent
    return {
        "due": due,
        "sent": completed + failed,
        "completed": completed,
        "failed": failed,
        "not_sent": not_sent,
        "outcomes": {
            name: {
                "count": figures.outcomes[name][0],
                "first_s": round(figures.outcomes[name][1] / 1e9, 6),
                "last_s": round(figures.outcomes[name][2] / 1e9, 6),
                "example": figures.outcomes[name][3],
            }
            for name in outcome.OUTCOMES
            if name in figures.outcomes
        },
        "statuses": dict(sorted(figures.statuses.items())),
        "bytes_sent": figures.bytes_sent,
        "bytes_received": figures.bytes_received,
        "body_bytes": figures.body_bytes,
        "connections_opened": figures.connections_opened,
        "requests_on_kept_connections": figures.requests_on_kept_connections,
        "availability": {
            "planned": share(completed, due),
            "sent": share(completed, completed + failed),
            "time": time_share,
        },
        "latency": figures.latency.to_record(),
        "service_time": figures.service_time.to_record(),
        "connect_time": figures.connect_time.to_record(),
        "failure_time": figures.failure_time.to_record(),
        **handshakes,
    }


class _Builder:
    """Builds the parts of one record."""

    def __init__(self, header: Mapping[str, Any], state: State) -> None:
        self.header = header
        self.state = state
        self.lanes: list[str] = header["plan"]["lanes"]
        state.settle()
        self.keys = [key for key in state.tally.cells if key[0] in self.lanes]

    def group(self, keys: Iterable[CellKey], group: Group, due: int | None = None) -> dict[str, Any]:
        figures = self.state.tally.total(set(keys).__contains__)
        if due is None:  # a group by answers: a request belongs to it by its outcome
            due = sum(entry[0] for entry in figures.outcomes.values())
        return figures_record(figures, due, self.state.timeline.shares.of(group))

    def due(self, lane: str | None = None, target: int | None = None) -> int:
        return sum(
            times
            for (name, index), times in self.state.tally.due.items()
            if (name in self.lanes if lane is None else name == lane) and target in (None, index)
        )

    def lane(self, name: str, policy: str, control: list[Run]) -> dict[str, Any]:
        told = self.state.lanes.get(name, {}).values()
        diagnoses = {kind: sum(entry[1][kind] for entry in told) for kind in DIAGNOSES}
        return {
            **self.group((key for key in self.state.tally.cells if key[0] == name), ("lane", name), self.due(name)),
            "policy": policy,
            "outages": joined(self.tracks(name, control)),
            "resolution_s": self.resolution(name),
            "answered_s": self.answered(name),
            "kept_connection_failures": diagnoses,
            "idle_closed": sum(entry[0] for entry in told),
            "verdict": PASS,
            "reasons": [],
        }

    def tracks(self, lane: str, control: list[Run]) -> list[dict[str, Any]]:
        """The outages of each target of a lane."""
        names = self.header["targets"] if lane != CONTROL else [CONTROL]
        return [self.track(lane, index, name, control) for index, name in enumerate(names)]

    def track(self, lane: str, index: int, name: str, control: Sequence[Run] = ()) -> dict[str, Any]:
        """The outages of one target in a lane."""
        state = self.state
        runs, left_out = state.runs(lane).get(index, []), state.left_out(lane, index)
        return summary(lane, runs, control, target=name, ended_ns=state.at, left_out=left_out)

    def target(self, index: int, name: str) -> dict[str, Any]:
        """The figures of a target, and its outages in the lanes."""
        tracks = [self.track(lane, index, name) for lane in self.lanes]
        sums = {key: value for key, value in joined(tracks).items() if not key.startswith("list")}
        tls = self.state.handshakes.to_record(index, self.header["started_unix_ns"] / 1e9)
        return {
            **self.group((key for key in self.keys if key[1] == index), ("target", index), self.due(target=index)),
            "outages": sums,
            **({"tls": tls} if tls else {}),
        }

    def answered(self, lane: str) -> dict[str, list[float]]:
        """When the first and the last answered request of each target began: of what lies outside nothing is known."""
        found: dict[str, list[float]] = {}
        for (name, index, _unused), figures in self.state.tally.cells.items():
            if name == lane and outcome.OK in figures.outcomes:
                times = [round(time / 1e9, 6) for time in figures.outcomes[outcome.OK][1:3]]
                target = self.header["targets"][index] if lane != CONTROL else CONTROL
                seen = found.get(target, times)
                found[target] = [min(seen[0], times[0]), max(seen[1], times[1])]
        return found

    def resolution(self, name: str) -> float | None:
        """The widest gap between two requests of a target, plus how late 99 % of them were sent at most."""
        due = self.due(name)
        if not due:
            return None
        plan = self.header["plan"]
        late_s: float = (self.state.all_lateness().percentile(99.0) or 0) / 1e9
        gap_s = self.state.widest_gap_ns(name) / 1e9
        if name == CONTROL:
            gap_s = 1.0 / float(self.header["control_rate"])
        elif plan["arrivals"] == "constant" and len(self.header["targets"]) == 1:
            stages = [Stage(s["duration_s"], s["from"], s["to"]) for s in plan["stages"]]
            # What one worker saw of a plan that several share is wider than the plan's own gaps.
            gap_s = widest_gap_s(stages, plan["requests"] // len(self.lanes))
        return round(gap_s + late_s, 6) if gap_s else None

    def identities(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for position, name in enumerate(self.header["identify"]):
            values = sorted({key[2][position] for key in self.keys})
            found[name] = {
                value: self.group((k for k in self.keys if k[2][position] == value), ("identity", position, value))
                for value in values
            }
        return found

    def timeline(self) -> dict[str, Any]:
        source, names = self.state.timeline.rows, self.header["identify"]
        targets = self.header["targets"]
        rows = []
        for bucket in sorted(source.counts):
            row: dict[str, Any] = {"i": bucket, "outcomes": {}}

            def count(group: str, value: str, name: str, times: int, row: dict[str, Any] = row) -> None:
                counts = row.setdefault(group, {}).setdefault(value, {})
                counts[name] = counts.get(name, 0) + times

            for ((lane, target, who), name), times in source.counts[bucket].items():
                if lane == CONTROL:
                    control = row.setdefault("control", {})
                    control[name] = control.get(name, 0) + times
                    continue
                row["outcomes"][name] = row["outcomes"].get(name, 0) + times
                count("lanes", lane, name, times)
                if len(targets) > 1:
                    count("targets", targets[target], name, times)
                for identity, value in zip(names, who):
                    count("identities", identity, value, times)
            # Taken out, not copied: in a long run the rows are most of the memory, and are here a second time.
            latency = source.latency.pop(bucket, None)
            if latency:
                row.update(latency_record(latency, source.longest[bucket]))
            rows.append(row)
        return {"bucket_ms": source.width * BUCKET_NS // 1_000_000, "rows": rows}


def build(
    header: Mapping[str, Any],
    state: State,
    ended_unix_ns: int,
    stopped_by: str,
    *,
    withheld: Withheld | None = None,
    extra: Iterable[str] = (),
) -> dict[str, Any]:
    """The whole record. `header` is what was known before the first request; `extra` are reasons for a fail."""
    builder = _Builder(header, state)
    elapsed_s = max(0.0, (ended_unix_ns - header["started_unix_ns"]) / 1e9)
    control_runs = state.runs(CONTROL).get(0, [])
    lanes = {name: builder.lane(name, name, control_runs) for name in builder.lanes}
    record: dict[str, Any] = {
        "record": "probe",
        "schema_version": SCHEMA_VERSION,
        "engine": {**ENGINE, "python": platform.python_version()},
        "name": header["name"],
        "vantage": {"host": header["host"], "cores": header["cores"], "processes": header["processes"]},
        "argv": header["argv"],
        "options": header["options"],
        "plan": header["plan"],
        "started_at": utc(header["started_unix_ns"]),
        "started_unix_ns": header["started_unix_ns"],
        "started_monotonic_ns": header["started_monotonic_ns"],
        "ended_at": utc(ended_unix_ns),
        "elapsed_s": round(elapsed_s, 6),
        "complete": stopped_by == "plan" and not state.workers_lost,
        "stopped_by": stopped_by,
        "totals": builder.group(builder.keys, ("all",), builder.due()),
        "lanes": lanes,
        "targets": {name: builder.target(index, name) for index, name in enumerate(header["targets"])},
        "identities": builder.identities(),
        "control": builder.lane(CONTROL, "new", []) if header["control"] else None,
        "brownouts": state.timeline.brownouts.to_record(header["targets"]),
        "timeline": builder.timeline(),
        "outages": joined(lane["outages"] for lane in lanes.values()),
        "self_check": self_check(dict(header), state, elapsed_s, withheld),
    }
    if state.users:
        record["users"] = {"min": state.users[0], "max": state.users[1]}
    early = f"the probe was stopped after {elapsed_s:.1f} s, before the plan's end"
    gaps = [] if stopped_by in ("plan", "abort_on") else [early]
    judge_record(record, header["objectives"], gaps=gaps, extra=extra)
    return record


def longest_outage_s(state: State, lanes: Iterable[str]) -> tuple[float, float]:
    """The longest outage, with the one that goes on, and the sum of all, of the worst lane and target, in seconds.

    Each as short as it can be: a request that is still in flight says nothing yet.
    """
    tracks = [runs for lane in lanes for runs in state.runs(lane).values()]
    lengths = [[run.shortest for run in runs if run.lost and not run.isolated] for runs in tracks]
    return max(map(max, filter(None, lengths)), default=0) / 1e9, max(map(sum, lengths), default=0) / 1e9


def latency_of(state: State, lanes: Iterable[str]) -> Histogram:
    """The latencies of all completed requests."""
    chosen = set(lanes)
    return state.tally.total(lambda key: key[0] in chosen).latency
