# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The figures of one or more probe records taken together.

Counts and histograms add; percentiles and bounds are computed anew from the sums, never averaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...probe.confidence import share
from ...probe.distribution import merged
from ..read.probe_record import NOT_SENT, Run, version_key

Json = dict[str, Any]


def figures(runs: Sequence[Run]) -> Json:
    """Return the figures of these runs (shape: docs/result.schema.json, "figures").

    Runs of different phases follow each other: their outages add. Probes of the same phase watched at the
    same time: the worst of them counts, so that nothing is counted twice.
    """
    totals = [run.probe["totals"] for run in runs]
    due = sum(total["due"] for total in totals)
    completed = sum(total["completed"] for total in totals)
    failed = sum(total["failed"] for total in totals)
    duration_s = round(sum(max(run.probe["elapsed_s"] for run in group) for group in _by_phase(runs)), 6)
    shortest = _resolution_s(runs)
    return {
        "attempts": due,
        "ok": completed,
        "failed": failed,
        "not_sent": sum(total["not_sent"] for total in totals),
        "duration_s": duration_s,
        "rate_per_s": round(due / duration_s, 3) if duration_s else None,
        "availability": {
            "planned": _share(completed, due),
            "sent": _share(completed, completed + failed),
            "time": _share(
                sum(total["availability"]["time"]["good"] for total in totals),
                sum(total["availability"]["time"]["of"] for total in totals),
            ),
        },
        "error_rate_percent": round(100.0 * failed / (completed + failed), 9) if completed + failed else None,
        "shortest_visible_outage_s": shortest,
        "latency_ms": merged(total["latency"] for total in totals).figures_ms(),
        "service_time_ms": merged(total["service_time"] for total in totals).figures_ms(),
        "failure_time_ms": merged(total["failure_time"] for total in totals).figures_ms(),
        "outcomes": _outcomes(runs),
        "versions": identity_figures(runs, "version"),
        "pods": identity_figures(runs, "pod"),
        "outages": _outage_sums(runs),
    }


def identity_figures(runs: Sequence[Run], what: str) -> list[Json]:
    """Requests, failures, share, latency and the time seen (UTC, ns) of each version or pod that answered."""
    groups: dict[str, list[tuple[Run, Json]]] = {}
    for run in runs:
        key = version_key(run.probe["identities"]) if what == "version" else what
        for name, group in run.probe["identities"].get(key, {}).items():
            groups.setdefault(name, []).append((run, group))
    groups.pop("", None)
    answered = sum(group["due"] for parts in groups.values() for _unused, group in parts)
    rows = []
    for name, parts in groups.items():
        latency = merged(group["latency"] for _unused, group in parts).figures_ms()
        first, last = _seen(parts)
        rows.append(
            {
                "name": name,
                "requests": sum(group["due"] for _unused, group in parts),
                "failed": _sum_known(group["failed"] for _unused, group in parts),
                "share_percent": round(100.0 * sum(group["due"] for _unused, group in parts) / answered, 4),
                "p50_ms": latency["p50"],
                "p99_ms": latency["p99"],
                "first_unix_ns": first,
                "last_unix_ns": last,
            }
        )
    return sorted(rows, key=lambda row: (row["first_unix_ns"] or 0, row["name"]))


def outages_known(figure: Json) -> bool:
    """Whether it is known when requests failed: a tool's sums tell no moment of any request."""
    return not figure["failed"] or figure["availability"]["time"]["percent"] is not None


def outage_sum(figure: Json, name: str) -> float | None:
    """One of the sums of its outages; None where these are not known."""
    value: float | None = figure["outages"][name] if outages_known(figure) else None
    return value


def expectation_values(figure: Json) -> dict[str, float | None]:
    """The figures under the names of expectations: percent, seconds and counts."""
    availability = figure["availability"]
    latency = figure["latency_ms"]
    values: dict[str, float | None] = {
        "attempts": figure["attempts"],
        "ok": figure["ok"],
        "failed": figure["failed"],
        "not_sent": figure["not_sent"],
        "availability": availability["planned"]["percent"],
        "availability_sent": availability["sent"]["percent"],
        "availability_time": availability["time"]["percent"],
        "error_rate": figure["error_rate_percent"],
        "rate": figure["rate_per_s"],
        "duration": figure["duration_s"],
        "versions": len(figure["versions"]),
        "smallest_pod_share": min((pod["share_percent"] for pod in figure["pods"]), default=None),
        "outages": outage_sum(figure, "count"),
        "isolated_failures": outage_sum(figure, "isolated_failures"),
        "longest_outage": outage_sum(figure, "longest_s"),
        "total_outage": outage_sum(figure, "total_s"),
    }
    for name in ("p50", "p90", "p95", "p99", "p999", "max", "mean"):
        values[name] = None if latency[name] is None else latency[name] / 1000.0
    return values


def _sum_known(counts: Iterable[int | None]) -> int | None:
    """The sum; None where a part is not known, as which version's answers failed within a phase."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


def _share(good: int, of: int) -> Json:
    lower = share(good, of)["lower"]
    return {
        "percent": round(100.0 * good / of, 9) if of else None,
        "lower_percent": round(100.0 * lower, 6) if lower is not None else None,
        "good": good,
        "of": of,
    }


def _by_phase(runs: Sequence[Run]) -> list[list[Run]]:
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.variant, run.phase), []).append(run)
    return list(groups.values())


def _resolution_s(runs: Sequence[Run]) -> float | None:
    """The shortest outage that could not be missed: the best lane of each phase, the worst phase."""
    worst: float | None = None
    for group in _by_phase(runs):
        lanes = [lane.get("resolution_s") for run in group for lane in run.probe["lanes"].values()]
        known = [value for value in lanes if value is not None]
        if not known:
            return None
        worst = min(known) if worst is None else max(worst, min(known))
    return worst


def _outcomes(runs: Sequence[Run]) -> list[Json]:
    """Each outcome with its count and an example, ok first, then by count."""
    rows: dict[str, Json] = {}
    for run in runs:
        for name, outcome in run.probe["totals"]["outcomes"].items():
            first = run.started_ns + int(outcome["first_s"] * 1e9)
            last = run.started_ns + int(outcome["last_s"] * 1e9)
            row = rows.setdefault(
                name,
                {
                    "name": name,
                    "class": outcome_class(name),
                    "count": 0,
                    "first_unix_ns": first,
                    "last_unix_ns": last,
                    "example": outcome["example"],
                },
            )
            row["count"] += outcome["count"]
            row["first_unix_ns"] = min(row["first_unix_ns"], first)
            row["last_unix_ns"] = max(row["last_unix_ns"], last)
    return sorted(rows.values(), key=lambda row: (row["name"] != "ok", -row["count"], row["name"]))


def outcome_class(name: str) -> str:
    """completed, failed (the service's fault) or not_sent (the client's own)."""
    if name == "ok":
        return "completed"
    return "not_sent" if name in NOT_SENT else "failed"


def _outage_sums(runs: Sequence[Run]) -> Json:
    sums: Json = {
        "count": 0,
        "isolated_failures": 0,
        "longest_s": 0.0,
        "total_s": 0.0,
        "requests_lost": 0,
        "stalls": 0,
        "longest_stall_s": 0.0,
    }
    for group in _by_phase(runs):
        for name in sums:
            worst = max(run.probe["outages"][name] for run in group)
            sums[name] = max(sums[name], worst) if name.startswith("longest") else round(sums[name] + worst, 6)
    return sums


def _seen(parts: Sequence[tuple[Run, Json]]) -> tuple[int | None, int | None]:
    """The first and last time that an identity answered, from its outcomes."""
    times = [
        run.started_ns + int(outcome[edge] * 1e9)
        for run, group in parts
        for outcome in group["outcomes"].values()
        for edge in ("first_s", "last_s")
    ]
    return (min(times), max(times)) if times else (None, None)
