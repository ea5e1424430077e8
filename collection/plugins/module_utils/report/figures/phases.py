# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One measurement cut where the service was disturbed, into the phases before, during, recover and after.

Cut is along the record's 100 ms steps: the step in which the disturbance began belongs to `during`, the ones in which
it ended and in which the service got stable to the phase before the cut. So the phases' counts add up to the record's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...probe.distribution import COARSE, coarse_middle_ns, middle_ns
from ..read.probe_record import NOT_SENT, Run
from .recovery import Recovery, find_recovery

BEFORE, DURING, RECOVER, AFTER = NAMES = ("before", "during", "recover", "after")
Json = dict[str, Any]


class PhaseError(ValueError):
    """A measurement that cannot be cut into phases."""


@dataclass(frozen=True)
class Part:
    """A phase of one record: its figures as a record of their own, and the outages that began in it."""

    whole: Run
    run: Run
    outages: Sequence[Json]


@dataclass(frozen=True)
class Cut:
    """parts: phase -> the part of each record, in order of time, without the phases in which nothing was due."""

    recovery: Recovery
    parts: dict[str, list[Part]]


def cut(runs: Sequence[Run]) -> Cut | None:
    """Cut the disturbed measurement of one variant; None where it was not disturbed.

    Raises PhaseError: records that were disturbed at different times, or whose timeline does not hold all requests.
    """
    windows = {run.window for run in runs if run.window}
    if not windows:
        return None
    disturbed = [run for run in runs if run.window]
    window, *others = windows
    if others:
        raise PhaseError(f"{disturbed[0].variant}: expected one disturbance for all records of a variant")
    for run in runs:
        if not run.window and run.phase in NAMES:
            raise PhaseError(
                f"{run.path}: expected disturbed_from as for the variant's other records, or another phase"
            )
    recovery = find_recovery(disturbed, window)
    parts: dict[str, list[Part]] = {name: [] for name in NAMES}
    for run in disturbed:
        for name, part in _cut_one(run, recovery).items():
            parts[name].append(part)
    return Cut(recovery, {name: members for name, members in parts.items() if members})


def _cut_one(run: Run, recovery: Recovery) -> dict[str, Part]:
    rows: list[Json] = run.probe["timeline"]["rows"]
    counted = sum(sum(row["outcomes"].values()) for row in rows)
    if counted != run.probe["totals"]["due"]:
        due = run.probe["totals"]["due"]
        raise PhaseError(f"{run.path}: its timeline holds {counted} of {due} requests, so it cannot be cut into phases")
    until = max((row["i"] + 1 for row in rows), default=0)
    first = max(0, (recovery.window.from_ns - run.started_ns) // run.row_ns)
    second = max(first, _row_after(run, recovery.window.to_ns))
    third = max(second, until if recovery.stable_ns is None else _row_after(run, recovery.stable_ns))
    edges = [0, *(min(edge, until) for edge in (first, second, third)), until]
    end_ns = max(run.ended_ns, run.started_ns + until * run.row_ns)
    parts = {}
    for name, low, high in zip(NAMES, edges, edges[1:]):
        members = [row for row in rows if low <= row["i"] < high]
        if not members:
            continue
        outages = [one for one in run.probe["outages"]["list"] if low <= _row_of(run, one["first_bad_s"]) < high]
        began_ns = run.started_ns + low * run.row_ns
        over_ns = end_ns if high == until else run.started_ns + high * run.row_ns
        parts[name] = Part(run, _part(run, members, outages, began_ns, over_ns), outages)
    return parts


def _row_after(run: Run, at_ns: int) -> int:
    return -((run.started_ns - at_ns) // run.row_ns)


def _row_of(run: Run, seconds: float) -> int:
    return int(seconds * 1e9) // run.row_ns


def _part(run: Run, rows: Sequence[Json], outages: Sequence[Json], began_ns: int, over_ns: int) -> Run:
    """The figures that a timeline holds, as a record of its own; what it does not hold is empty."""
    offset_s = (began_ns - run.started_ns) / 1e9
    probe = {
        **run.probe,
        "started_unix_ns": began_ns,
        "elapsed_s": (over_ns - began_ns) / 1e9,
        "totals": _totals(rows, run.probe["totals"], offset_s, run.row_ns / 1e9),
        "identities": {
            key: _identities(rows, key, offset_s, run.row_ns / 1e9) for key in run.probe["identities"]
        },
        "outages": _outage_sums(outages),
    }  # fmt: skip
    return Run(run.variant, run.phase, run.path, probe)


def _totals(rows: Sequence[Json], whole: Json, offset_s: float, row_s: float) -> Json:
    outcomes: Json = {}
    good_rows = measured_rows = 0
    timed = whole["availability"]["time"]["of"] > 0
    for row in rows:
        at_s = row["i"] * row_s
        names = [name for name in row["outcomes"] if name not in NOT_SENT]
        measured_rows += bool(names)
        good_rows += names == ["ok"]
        for name, count in row["outcomes"].items():
            known = whole["outcomes"][name]
            first_s = max(at_s, known["first_s"]) - offset_s  # to a row, but never outside of what is known exactly
            last_s = min(at_s + row_s, known["last_s"]) - offset_s
            one = outcomes.setdefault(name, {"count": 0, "first_s": first_s, "example": known["example"]})
            one.update(count=one["count"] + count, last_s=last_s)
    completed = outcomes["ok"]["count"] if "ok" in outcomes else 0
    not_sent = sum(one["count"] for name, one in outcomes.items() if name in NOT_SENT)
    due = sum(one["count"] for one in outcomes.values())
    return {
        "due": due,
        "completed": completed,
        "failed": due - completed - not_sent,
        "not_sent": not_sent,
        "outcomes": outcomes,
        # A tool that counts by second alone tells no time without a failure, of its parts no more than of the whole.
        "availability": {"time": {"good": good_rows, "of": measured_rows} if timed else {"good": 0, "of": 0}},
        "latency": _latency(rows, whole["latency"]),
        "service_time": _NOTHING,
        "failure_time": _NOTHING,
    }


_NOTHING: Json = {"count": 0, "sum_ns": 0, "min_ns": None, "max_ns": None, "buckets": []}


def _latency(rows: Sequence[Json], whole: Json) -> Json:
    """A histogram of the rows' coarse buckets: values to 1.6 %, the maximum exact."""
    coarse: dict[int, int] = {}
    longest_ms = 0.0
    for row in rows:
        flat = row.get("latency", ())
        longest_ms = max(longest_ms, row.get("max_ms") or 0.0)
        for index, count in zip(flat[::2], flat[1::2]):
            coarse[index] = coarse.get(index, 0) + count
    if not coarse:
        return _NOTHING
    low_ns = int(middle_ns(min(coarse) * COARSE))
    return {
        "count": sum(coarse.values()),
        "sum_ns": sum(int(coarse_middle_ns(index)) * count for index, count in coarse.items()),
        "min_ns": max(low_ns, whole["min_ns"] or 0),
        "max_ns": round(longest_ms * 1e6),
        "buckets": [number for index in sorted(coarse) for number in (index * COARSE + COARSE // 2, coarse[index])],
    }


def _identities(rows: Sequence[Json], key: str, offset_s: float, row_s: float) -> Json:
    """Answers of each version or pod. Which of them broke an expectation, and how late, is not in the timeline."""
    groups: Json = {}
    for row in rows:
        at_s = row["i"] * row_s - offset_s
        for name, count in row.get("identities", {}).get(key, {}).items():
            seen = {"first_s": at_s, "last_s": at_s + row_s}
            group = groups.setdefault(name, {"due": 0, "failed": None, "latency": _NOTHING, "outcomes": {"seen": seen}})
            group["due"] += count
            group["outcomes"]["seen"]["last_s"] = seen["last_s"]
    return groups


def _outage_sums(outages: Sequence[Json]) -> Json:
    """The sums of these outages, of the worst lane, as the probe joins its lanes."""
    lanes: dict[str, list[Json]] = {}
    for one in outages:
        lanes.setdefault(one["lane"], []).append(one)
    each = [_lane_sums(members) for members in lanes.values()] or [_lane_sums(())]
    worst = max(each, key=lambda sums: (sums["total_s"], sums["longest_s"], sums["count"]))
    return {
        **worst,
        "longest_s": max(sums["longest_s"] for sums in each),
        "longest_stall_s": max(sums["longest_stall_s"] for sums in each),
        "requests_lost": sum(sums["requests_lost"] for sums in each),
        "isolated_failures": sum(sums["isolated_failures"] for sums in each),
    }


def _lane_sums(outages: Sequence[Mapping[str, Any]]) -> Json:
    long = [one["length_s"] for one in outages if one["kind"] == "outage" and not one["isolated"]]
    stalls = [one["length_s"] for one in outages if one["kind"] == "stall"]
    return {
        "count": len(long),
        "isolated_failures": sum(one["kind"] == "outage" and one["isolated"] for one in outages),
        "longest_s": max(long, default=0.0),
        "total_s": round(sum(long), 6),
        "requests_lost": sum(one["requests_lost"] for one in outages),
        "stalls": len(stalls),
        "longest_stall_s": max(stalls, default=0.0),
    }
