# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a record says of an objective's metric: the value at its worst, at its best, and the likeliest one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .brownout import LEAST_FAILED, WINDOW_S, worst_track
from .histogram import Histogram
from .metric import BROWNOUT, COUNT, INTERVAL, LATENCY, NUMBER, SHARE, metric_of, percent_of
from .rows import BUCKET_NS

Scope = tuple[str, str]


@dataclass(frozen=True)
class Value:
    """In the metric's unit. `likeliest` is the one that is shown: None where it is infinite, or was not measured."""

    worst: float
    best: float
    likeliest: float | None


def figures_of(record: Mapping[str, Any], scope: Scope | None) -> Mapping[str, Any] | None:
    """The record's figures of all requests, or of those of a scope; None where there is no such."""
    if scope is None:
        return {**record["totals"], "outages": record["outages"]}
    name, value = scope
    found: Mapping[str, Any] | None
    if name == "lane":
        found = record["lanes"].get(value)
    elif name == "target":
        found = record["targets"].get(value)
    else:
        found = record["identities"].get(name, {}).get(value)
        nameless = record["identities"].get(name, {}).get("")
        if found is not None and nameless is not None:
            # A request without an answer names nobody: it may have been this one's, or not.
            found = {**found, "nameless": nameless["failed"]}
    return found


def _share(metric: str, figures: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The share in percent, (worst, best): what is unsent, or failed namelessly, once taken as bad and once as good."""
    due, unsent, other = figures["due"], figures["not_sent"], figures.get("nameless", 0)
    if metric == "availability":
        return 100.0 * figures["completed"] / (due + other), 100.0 * (figures["completed"] + unsent) / due
    if metric == "error_rate":
        return 100.0 * (figures["failed"] + unsent + other) / (due + other), 100.0 * figures["failed"] / due
    kind, part = {"availability_sent": ("sent", "value"), "availability_time": ("time", "value")}.get(
        metric, ("planned", "lower")
    )
    value = figures["availability"][kind][part]
    percent = None if value is None else 100.0 * value
    return (0.0 if other else percent), percent


def _count(metric: str, figures: Mapping[str, Any]) -> tuple[float, float]:
    count = float(figures["due" if metric == "requests" else metric])
    return (count + figures.get("nameless", 0) if metric in ("failed", "requests") else count), count


def _latency(metric: str, figures: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """In ms. A request that failed was not answered within any time: it counts as infinitely slow."""
    histogram = Histogram.from_record(figures["service_time" if metric.startswith("service_") else "latency"])

    def over(failed: int) -> float | None:
        total = histogram.count + failed
        kind = metric.rpartition("_")[2]
        percent = 100.0 if kind == "max" else percent_of(metric)
        if not total or (kind == "min" and not histogram.count):
            return None
        if percent is not None:
            rank = max(1, math.ceil(total * percent / 100.0 - 1e-9))
            if rank > histogram.count:
                return math.inf
            exact = histogram.max or 0
            return (
                exact if rank == histogram.count else histogram.percentile(100.0 * rank / histogram.count) or 0
            ) / 1e6
        if kind == "min":
            return (histogram.min or 0) / 1e6
        return math.inf if failed else histogram.sum / histogram.count / 1e6

    return over(figures["failed"] + figures.get("nameless", 0)), over(figures["failed"])


def _interval(key: str, outages: Mapping[str, Any], resolution_s: float) -> tuple[float, float]:
    """Outages and stalls in s: the longest that they can have been, and the shortest.

    An outage between two requests leaves no trace: the longest may be as long as the widest gap between them.
    """
    estimate = float(outages[f"{key}_s"])
    least, most = outages.get(f"{key}_between_s", (estimate, estimate))  # records before 2026-11-25 have no ends
    return (max(float(most), resolution_s) if key == "longest" else float(most)), float(least)


def _number_of(key: str, outages: Mapping[str, Any]) -> tuple[float, float]:
    """How many; of a merged record's failures some may be outages of their own, or belong to those that are told."""
    between = outages.get("failures_between", 0) + outages.get("slow_between", 0)
    return float(outages[key] + between), float(outages[key] if key == "count" else max(0, outages[key] - between))


def _brownout(key: str, found: Mapping[str, Any], ends_off_s: float) -> tuple[float, float]:
    """A brown-out is told in whole buckets: each of its ends may be one off, in a merged record two."""
    ends_s = 2 * ends_off_s * {"count": 0, "longest_s": bool(found["count"])}.get(key, found["count"])
    return round(found[key] + ends_s, 6), round(max(found[key] - ends_s, 0.0), 6)


def _worst_brownouts(record: Mapping[str, Any], scope: Scope | None, resolution_s: float) -> dict[str, Any] | None:
    """None where they were not looked for, or so few requests cannot show one."""
    if "brownouts" not in record or (scope and scope[0] not in ("lane", "target")):
        return None
    found = worst_track(t for t in record["brownouts"]["tracks"] if scope is None or t[scope[0]] == scope[1])
    return None if not found["count"] and resolution_s * LEAST_FAILED > WINDOW_S else found


def _resolution_s(record: Mapping[str, Any], figures: Mapping[str, Any]) -> float:
    """The widest gap between requests: the scope's own, or, of all, that of the densest lane."""
    own = figures.get("resolution_s")
    if own is not None:
        return float(own)
    return min((lane.get("resolution_s") or 0.0 for lane in record.get("lanes", {}).values()), default=0.0)


def value_of(metric: str, record: Mapping[str, Any], scope: Scope | None, figures: Mapping[str, Any]) -> Value | None:
    """The metric's value in the record; None where it was not measured. `figures` are those of the scope."""
    known = metric_of(metric)
    if known is None or not figures["due"] or (known.kind != COUNT and figures["due"] == figures["not_sent"]):
        return None
    ends: tuple[float | None, float | None]
    likeliest: float | None = None
    resolution_s = _resolution_s(record, figures)
    if known.kind == BROWNOUT:
        found = _worst_brownouts(record, scope, resolution_s)
        if found is None:
            return None
        ends = _brownout(known.key, found, record["brownouts"].get("ends_off_s", BUCKET_NS / 1e9))
        likeliest = float(found[known.key])
    elif known.kind in (INTERVAL, NUMBER):
        if "outages" not in figures:
            return None
        outages = figures["outages"]
        ends = _interval(known.key, outages, resolution_s) if known.kind == INTERVAL else _number_of(known.key, outages)
        likeliest = float(outages[f"{known.key}_s" if known.kind == INTERVAL else known.key])
    else:
        of_kind = {SHARE: _share, LATENCY: _latency, COUNT: _count}[known.kind]
        ends = of_kind(metric, figures)
        likeliest = ends[0]
    worst, best = ends
    if worst is None or best is None:
        return None
    return Value(worst, best, None if likeliest is None or math.isinf(likeliest) or math.isinf(worst) else likeliest)
