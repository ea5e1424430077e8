# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Objectives such as `availability >= 99.9`, `p99{lane=new} < 50ms` or `longest_outage < 1s`, and their verdict."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from .histogram import Histogram

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_SHARES = ("availability", "availability_sent", "availability_time", "availability_lower", "error_rate")
_OUTAGE_TIMES = ("longest_outage", "total_outage", "longest_stall")
_COUNTS = ("outages", "isolated_failures", "stalls", "failed", "completed", "not_sent", "requests")
_LATENCY = re.compile(r"(service_)?(?:p(\d{2,4}|\d{1,2}\.\d+)|mean|max|min)")
_TIMES_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_TEXT = re.compile(
    r"\s*([a-z_0-9.]+)\s*(?:\{\s*([\w-]+)\s*=\s*([^}]*?)\s*\})?\s*(<=|>=|==|<|>)\s*(-?\d+(?:\.\d+)?)\s*(%|us|ms|s|m)?\s*"
)


class ObjectiveError(ValueError):
    """An objective cannot be read; the text names the option and what was expected."""


@dataclass(frozen=True)
class Objective:
    """`metric` of the requests in `scope` compared with `limit` (in `unit`: %, ms, s or none)."""

    text: str
    metric: str
    scope: tuple[str, str] | None
    operator: str
    limit: float
    unit: str

    def holds(self, value: float) -> bool:
        """Whether the value meets the limit."""
        return _OPERATORS[self.operator](value, self.limit)


def parse_objective(option: str, text: str) -> Objective:
    """Read an objective's text. Raises ObjectiveError."""
    match = _TEXT.fullmatch(str(text))
    if match is None:
        raise ObjectiveError(f"{option}: {text!r}, expected for example availability >= 99.9 or p99{{lane=new}} < 50ms")
    metric, scope_name, scope_value, sign, number, unit = match.groups()
    limit = float(number)
    if metric in _SHARES:
        canonical = "%"
    elif metric in _OUTAGE_TIMES:
        canonical = "s"
    elif metric in _COUNTS:
        canonical = ""
    elif _LATENCY.fullmatch(metric):
        canonical = "ms"
    else:
        known = ", ".join((*_SHARES, *_OUTAGE_TIMES, *_COUNTS, "p50, p99.9, mean, max, min, service_p99"))
        raise ObjectiveError(f"{option}: {metric!r} in {text!r} is unknown, expected one of {known}")
    allowed = ["us", "ms", "s", "m"] if canonical in ("s", "ms") else ["", "%"] if canonical else [""]
    factor = _TIMES_MS[unit] / (1e3 if canonical == "s" else 1.0) if unit in _TIMES_MS else 1.0
    if (unit or "") not in allowed:
        units = " or ".join(repr(u) if u else "no unit" for u in allowed)
        raise ObjectiveError(f"{option}: the unit {unit or 'none'!r} in {text!r} does not fit, expected {units}")
    scope = None if scope_name is None else (scope_name, scope_value)
    return Objective(str(text).strip(), metric, scope, sign, limit * factor, canonical)


def percent_of(metric: str) -> float | None:
    """`p99` is 99, `p999` 99.9, `p99.9` 99.9; None for a metric that is no percentile."""
    match = _LATENCY.fullmatch(metric)
    if match is None or match.group(2) is None:
        return None
    digits = match.group(2)
    return float(digits) if "." in digits or len(digits) == 2 else float(f"{digits[:2]}.{digits[2:]}")


def _group(record: Mapping[str, Any], scope: tuple[str, str] | None) -> Mapping[str, Any] | None:
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
    return found


def _share_range(metric: str, figures: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The share in percent with the unsent requests once taken as bad and once as good."""
    due, unsent = figures["due"], figures["not_sent"]
    if metric == "availability" and due:
        return 100.0 * figures["completed"] / due, 100.0 * (figures["completed"] + unsent) / due
    if metric == "error_rate" and due:
        return 100.0 * (figures["failed"] + unsent) / due, 100.0 * figures["failed"] / due
    kind, part = {
        "availability_sent": ("sent", "value"),
        "availability_time": ("time", "value"),
        "availability_lower": ("planned", "lower"),
    }.get(metric, ("sent", "value"))
    value = figures["availability"][kind][part] if due else None
    percent = None if value is None else 100.0 * value
    return percent, percent


def _latency(metric: str, figures: Mapping[str, Any]) -> tuple[float | None, int]:
    histogram = Histogram.from_record(figures["service_time" if metric.startswith("service_") else "latency"])
    if not histogram.count:
        return None, 0
    percent = percent_of(metric)
    if percent is not None:
        return (histogram.percentile(percent) or 0) / 1e6, histogram.count
    kind = metric.rpartition("_")[2]
    value = {"mean": histogram.sum / histogram.count, "max": histogram.max or 0, "min": histogram.min or 0}[kind]
    return value / 1e6, histogram.count


def judge(objective: Objective, record: Mapping[str, Any], scope: tuple[str, str] | None = None) -> dict[str, Any]:
    """One entry of the record's `objectives`; `scope` overrides the objective's own (a lane's verdict)."""
    metric, scope = objective.metric, scope or objective.scope
    figures = _group(record, scope)
    where = f"{{{scope[0]}={scope[1]}}}" if scope else ""
    worst: float | None = None
    best: float | None = None
    samples = 0
    if figures is not None and figures["due"]:
        samples = figures["due"]
        if metric in _SHARES:
            worst, best = _share_range(metric, figures)
        elif _LATENCY.fullmatch(metric):
            worst, samples = _latency(metric, figures)
            best = worst
        elif metric in ("failed", "completed", "not_sent", "requests"):
            worst = best = float(figures["due" if metric == "requests" else metric])
        elif "outages" in figures:
            key = {"longest_outage": "longest_s", "total_outage": "total_s", "longest_stall": "longest_stall_s"}.get(
                metric
            )
            key = key or {"outages": "count"}.get(metric, metric)
            worst = best = float(figures["outages"][key])
    if worst is None or best is None:
        verdict, reason = INCONCLUSIVE, f"{metric}{where} was not measured"
    elif objective.holds(worst) and objective.holds(best):
        verdict, reason = PASS, ""
    elif not objective.holds(worst) and not objective.holds(best):
        verdict = FAIL
        limit = f"{objective.operator} {_number(objective.limit)}{objective.unit}"
        reason = f"{metric}{where} is {_number(worst)}{objective.unit}, expected {limit}"
    else:
        verdict = INCONCLUSIVE
        reason = f"{metric}{where} depends on {figures['not_sent'] if figures else 0} requests that were not sent"
    return {
        "text": objective.text,
        "metric": metric,
        "scope": {} if scope is None else {scope[0]: scope[1]},
        "operator": objective.operator,
        "limit": objective.limit,
        "unit": objective.unit,
        "value": worst,
        "samples": samples,
        "verdict": verdict,
        "reason": reason,
    }


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def can_abort(objective: Objective) -> bool:
    """Whether `out_of_reach` can tell anything about the objective."""
    known = objective.metric in ("availability", "error_rate", "failed", "longest_outage", "total_outage")
    percentile = percent_of(objective.metric) is not None and objective.metric.startswith("p")
    return (known or percentile) and (objective.scope is None or objective.scope[0] == "lane")


def out_of_reach(
    objective: Objective, planned: int | None, failed: int, latency: Histogram, outage_s: tuple[float, float]
) -> str:
    """Why the objective can no longer be met, whatever the rest of the plan brings; "" while it can.

    `planned` is the number of requests in the plan, None when only time ends it; `outage_s` are the longest outage
    (with the one that goes on) and the sum of all.
    """
    metric, upper = objective.metric, objective.operator in ("<", "<=")
    value = {
        "longest_outage": outage_s[0],
        "total_outage": outage_s[1],
        "failed": float(failed),
        "error_rate": 100.0 * failed / planned if planned else None,
    }.get(metric)
    reason = ""
    if value is not None and (upper or objective.operator == "=="):
        # These only grow: at the limit of `<`, or beyond any limit, there is no way back.
        if value > objective.limit or (value == objective.limit and objective.operator == "<"):
            reason = f"{metric} is {_number(value)}{objective.unit} already"
    elif planned and metric == "availability" and objective.operator in (">", ">=", "=="):
        best = 100.0 * (planned - failed) / planned
        if not objective.holds(best) and best < 100.0:
            reason = f"at most {_number(best)} % of the plan can still succeed"
    elif planned and upper and metric.startswith("p"):
        slow = latency.above(int(objective.limit * 1e6))
        if slow > planned * (100.0 - (percent_of(metric) or 100.0)) / 100.0:
            reason = f"{slow} of {planned} requests took more than {_number(objective.limit)} ms already"
    return reason
