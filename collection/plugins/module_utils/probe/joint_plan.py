# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What several probers were asked for together, and what they say of themselves: from the parts of a merged record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .histogram import Histogram
from .part import Part, ended_us, labels, micros, started_us

#: Plans that begin this close to each other begin together.
_TOGETHER_US = 100_000
MIXED = "mixed"
#: How a probe can have ended, from the best to the worst.
_ENDS = ("plan", "abort_on", "signal", "running", "killed")


def plan_of(parts: Sequence[Part]) -> dict[str, Any]:
    """The plan of all together. Requests, rates and users add; what differs otherwise is `mixed` or null."""
    plans = [part["plan"] for part in parts]
    lasts = [plan["duration_s"] for plan in plans]
    ends = [started_us(part) - started_us(parts[0]) + micros(last or 0) for part, last in zip(parts, lasts)]
    stages = _stages(parts)
    return {
        "model": _common(plans, "model", MIXED),
        "arrivals": _common(plans, "arrivals", MIXED),
        "stages": stages,
        "requests": _sum(plan["requests"] for plan in plans),
        "duration_s": None if None in lasts else lasts[0] if _as_one(parts) else max(ends) / 1e6,
        "connections_peak": sum(plan["connections_peak"] for plan in plans),
        "think_time_s": _common(plans, "think_time_s", None),
        "iteration_s": _common(plans, "iteration_s", None),
        "lanes": sorted({lane for plan in plans for lane in plan["lanes"]}),
    }


def _common(plans: Sequence[Mapping[str, Any]], name: str, otherwise: Any) -> Any:
    return plans[0][name] if all(plan[name] == plans[0][name] for plan in plans) else otherwise


def _sum(values: Iterable[int | None]) -> int | None:
    found = list(values)
    return None if None in found else sum(value for value in found if value is not None)


def _as_one(parts: Sequence[Part]) -> bool:
    """All begin within 100 ms, and their stages are equally long: their rates add stage by stage."""
    lengths = [[stage["duration_s"] for stage in part["plan"]["stages"]] for part in parts]
    starts = [started_us(part) for part in parts]
    return max(starts) - min(starts) <= _TOGETHER_US and all(length == lengths[0] for length in lengths)


def _stages(parts: Sequence[Part]) -> list[dict[str, float]]:
    """The rates (or users) of all together on the common axis; none where models are mixed or one has no stages."""
    plans = [part["plan"] for part in parts]
    if not all(plan["stages"] for plan in plans) or _common(plans, "model", MIXED) == MIXED:
        return []
    if _as_one(parts):
        return [
            {
                "duration_s": together[0]["duration_s"],
                **{edge: math.fsum(stage[edge] for stage in together) for edge in ("from", "to")},
            }
            for together in zip(*(plan["stages"] for plan in plans))
        ]
    lines = []  # (begin, end, value at the begin, value at the end) of each stage of each prober
    for part in parts:
        begun = started_us(part) - started_us(parts[0])
        for stage in part["plan"]["stages"]:
            ended = begun + micros(stage["duration_s"])
            lines.append((begun, ended, stage["from"], stage["to"]))
            begun = ended
    edges = sorted({edge for line in lines for edge in line[:2]} | {0})
    return [
        {
            "duration_s": (ended - begun) / 1e6,
            "from": _value(lines, begun, ended, begun),
            "to": _value(lines, begun, ended, ended),
        }
        for begun, ended in zip(edges, edges[1:])
    ]


def _value(lines: Sequence[tuple[int, int, float, float]], begun: int, ended: int, at: int) -> float:
    """The sum at a moment of those lines that last from `begun` to `ended`."""
    return math.fsum(
        value + (last - value) * (at - first) / (until - first)
        for first, until, value, last in lines
        if first <= begun and ended <= until
    )


def stopped_by(parts: Iterable[Part]) -> str:
    """How the worst of them ended."""
    return max((str(part["stopped_by"]) for part in parts), key=_ENDS.index)


def gaps_of(parts: Sequence[Part]) -> list[str]:
    """Why a record of these parts cannot be a pass, beside what its figures show."""
    found = []
    for label, part in zip(labels(parts), parts):
        if part["stopped_by"] != "plan":
            how = "was stopped by abort_on" if part["stopped_by"] == "abort_on" else "was stopped"
            found.append(f"{label}: the probe {how} after {part['elapsed_s']:.1f} s, before the plan's end")
        unlisted = unlisted_of(part)
        if unlisted:
            found.append(f"{label}: {unlisted} of its outages are not listed, so that those of all are not known")
    return found


def unlisted_of(part: Part) -> int:
    """How many runs of the prober's record are counted and not listed."""
    return sum(lane["outages"]["list_truncated"] for lane in part["lanes"].values())


def resolution_s(parts: Iterable[Part], lane: str) -> float | None:
    """The shortest outage that cannot have been missed: that of the closest prober, at the worst moment."""
    found = [
        (started_us(part), ended_us(part), float(part["lanes"][lane]["resolution_s"]))
        for part in parts
        if lane in part["lanes"] and part["lanes"][lane]["resolution_s"] is not None
    ]
    edges = sorted({edge for begun, ended, _gap in found for edge in (begun, ended)})
    closest = [
        min((gap for first, until, gap in found if first <= begun and ended <= until), default=None)
        for begun, ended in zip(edges, edges[1:])
    ]
    return max((gap for gap in closest if gap is not None), default=None)


def self_check_of(parts: Sequence[Part], lateness: Histogram) -> dict[str, Any]:
    """What the probers know about themselves: rates add, of all else the worst counts; reasons name the prober."""
    checks = [part["self_check"] for part in parts]
    reasons = [f"{label}: {why}" for label, check in zip(labels(parts), checks) for why in check["reasons"]]
    limits = [check["limits"] for check in checks]
    rates = [check["planned_rate"] for check in checks]
    achieved = [check["achieved_share"] for check in checks if check["achieved_share"] is not None]

    def most(name: str) -> Any:
        return max(check.get(name, 0) for check in checks)

    def added(name: str) -> Any:
        return math.fsum(check[name] for check in checks)

    return {
        "ok": all(check["ok"] for check in checks),
        "reasons": reasons,
        "lateness": lateness.to_record(),
        "planned_rate": None if None in rates else math.fsum(rates),
        "achieved_rate": added("achieved_rate"),
        "achieved_share": min(achieved, default=None),
        "in_flight_max": int(added("in_flight_max")),
        "descriptors_max": most("descriptors_max"),
        "descriptors_limit": min(check["descriptors_limit"] for check in checks),
        "steal_percent": most("steal_percent"),
        "throttled_percent": most("throttled_percent"),
        "withheld": _shifted(parts, "withheld"),
        "cpu_percent": most("cpu_percent"),
        "peak_memory_kib": most("peak_memory_kib"),
        "workers_lost": int(added("workers_lost")),
        "pauses": _shifted(parts, "pauses"),
        "limits": {
            "lateness_p99_ms": min(limit["lateness_p99_ms"] for limit in limits),
            "achieved_share": max(limit["achieved_share"] for limit in limits),
            "steal_percent": min(limit["steal_percent"] for limit in limits),
            "descriptors_share": min(limit["descriptors_share"] for limit in limits),
        },
    }


def _shifted(parts: Sequence[Part], name: str) -> list[dict[str, Any]]:
    """Times of all probers on the common axis; a worker's number counts the workers of the probers before, too."""
    found, workers = [], 0
    for part in parts:
        shift_us = started_us(part) - started_us(parts[0])
        for entry in part["self_check"].get(name, ()):
            moved = {edge: (micros(entry[edge]) + shift_us) / 1e6 for edge in ("start_s", "end_s")}
            worker = {"worker": entry["worker"] + workers} if "worker" in entry else {}
            found.append({**entry, **moved, **worker})
        workers += part["processes"]
    return sorted(found, key=lambda entry: entry["start_s"])
