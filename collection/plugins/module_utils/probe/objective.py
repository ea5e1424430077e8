# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Objectives such as `availability >= 99.9`, `p99{lane=new} < 50ms` or `longest_outage < 1s`, and their verdict."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Callable

from .brownout import LEAST_FAILED, WINDOW_S, worst_track
from .histogram import Histogram
from .metric import BROWNOUT, COUNT, INTERVAL, LATENCY, METRICS, NUMBER, SHARE, metric_of, percent_of
from .rows import BUCKET_NS

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
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
    known = metric_of(metric)
    if known is None:
        names = ", ".join((*METRICS, "p50, p99.9, p100, mean, max, min, service_p99"))
        raise ObjectiveError(f"{option}: {metric!r} in {text!r} is unknown, expected one of {names}")
    canonical = known.unit
    allowed = ["us", "ms", "s", "m"] if canonical in ("s", "ms") else ["", "%"] if canonical else [""]
    factor = _TIMES_MS[unit] / (1e3 if canonical == "s" else 1.0) if unit in _TIMES_MS else 1.0
    if (unit or "") not in allowed:
        units = " or ".join(repr(u) if u else "no unit" for u in allowed)
        raise ObjectiveError(f"{option}: the unit {unit or 'none'!r} in {text!r} does not fit, expected {units}")
    if limit < 0 or (canonical == "%" and limit > 100):
        raise ObjectiveError(
            f"{option}: no {metric} can be {number}{unit or ''} in {text!r}, expected 0 or more (100 %)"
        )
    if metric.startswith("availability") and 0 < limit <= 1 and not unit:
        raise ObjectiveError(
            f"{option}: {number} in {text!r} is {number} %; expected percent, such as {100 * limit:g}, or {number}%"
        )
    scope = None if scope_name is None else (scope_name, scope_value)
    return Objective(str(text).strip(), metric, scope, sign, limit * factor, canonical)


def parse_scoped(
    option: str, texts: Iterable[str], values: Mapping[str, Collection[str]], identify: Iterable[str]
) -> list[Objective]:
    """Read objectives whose scope is one that there is. Raises ObjectiveError.

    values: the lanes and targets. identify: names of what answers are told apart by; their values are not known before.
    """
    names = {*values, *identify}
    found = [parse_objective(option, text) for text in texts]
    for objective in found:
        name, value = objective.scope or ("", "")
        if name and name not in names:
            raise ObjectiveError(f"{option}: {objective.text!r}, expected a scope of {', '.join(sorted(names))}")
        if name in values and value not in values[name]:
            raise ObjectiveError(f"{option}: {objective.text!r}, expected as {name} one of {', '.join(values[name])}")
    return found


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


def _interval(key: str, figures: Mapping[str, Any], resolution_s: float) -> tuple[float | None, float | None]:
    """Outages and stalls in s: the longest that they can have been, and the shortest.

    An outage between two requests leaves no trace: the longest may be as long as the widest gap between them.
    """
    outages = figures.get("outages")
    if outages is None:
        return None, None
    estimate = float(outages[f"{key}_s"])
    least, most = outages.get(f"{key}_between_s", (estimate, estimate))  # records before 2026-11-25 have no ends
    return (max(float(most), resolution_s) if key == "longest" else float(most)), float(least)


def _number_of(key: str, figures: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """How many; of a merged record's failures some may be outages of their own, or belong to those that are told."""
    outages = figures.get("outages")
    if outages is None:
        return None, None
    between = outages.get("failures_between", 0) + outages.get("slow_between", 0)
    return float(outages[key] + between), float(outages[key] if key == "count" else max(0, outages[key] - between))


def _brownout(
    key: str, record: Mapping[str, Any], scope: tuple[str, str] | None, resolution_s: float
) -> tuple[float | None, float | None]:
    """A brown-out is told in whole buckets: each of its ends may be one off, in a merged record two."""
    found = _worst_brownouts(record, scope)
    if found is None or (not found["count"] and resolution_s * LEAST_FAILED > WINDOW_S):
        return None, None  # so few requests cannot show one
    ends_s = 2 * record["brownouts"].get("ends_off_s", BUCKET_NS / 1e9)
    bucket_s = ends_s * {"count": 0, "longest_s": bool(found["count"])}.get(key, found["count"])
    return round(found[key] + bucket_s, 6), round(max(found[key] - bucket_s, 0.0), 6)


def _worst_brownouts(record: Mapping[str, Any], scope: tuple[str, str] | None) -> dict[str, Any] | None:
    if "brownouts" not in record or (scope and scope[0] not in ("lane", "target")):
        return None
    return worst_track(t for t in record["brownouts"]["tracks"] if scope is None or t[scope[0]] == scope[1])


def _range(
    objective: Objective, record: Mapping[str, Any], scope: tuple[str, str] | None, figures: Mapping[str, Any]
) -> tuple[float | None, float | None]:
    """The value at its worst and at its best; None where it was not measured."""
    known = metric_of(objective.metric)
    if known is None or not figures["due"] or (known.kind != COUNT and figures["due"] == figures["not_sent"]):
        return None, None
    if known.kind == SHARE:
        return _share(objective.metric, figures)
    if known.kind == LATENCY:
        return _latency(objective.metric, figures)
    gaps = [lane.get("resolution_s") or 0.0 for lane in record.get("lanes", {}).values()]
    own = figures.get("resolution_s")
    resolution_s = min(gaps, default=0.0) if own is None else own
    if known.kind == INTERVAL:
        return _interval(known.key, figures, resolution_s)
    if known.kind == BROWNOUT:
        return _brownout(known.key, record, scope, resolution_s)
    return _number_of(known.key, figures) if known.kind == NUMBER else _count(objective.metric, figures)


def judge(objective: Objective, record: Mapping[str, Any], scope: tuple[str, str] | None = None) -> dict[str, Any]:
    """One entry of the record's `objectives`; `scope` overrides the objective's own (a lane's verdict).

    The objective must hold at the value's worst and at its best; between them nobody knows.
    """
    metric, scope = objective.metric, scope or objective.scope
    figures = _group(record, scope)
    where = f"{{{scope[0]}={scope[1]}}}" if scope else ""
    worst, best = (None, None) if figures is None else _range(objective, record, scope, figures)
    limit = f"{objective.operator} {_number(objective.limit)}{objective.unit}"
    if worst is None or best is None or figures is None:
        verdict, reason = INCONCLUSIVE, f"{metric}{where} was not measured"
    elif objective.holds(worst) and objective.holds(best):
        verdict, reason = PASS, ""
    elif not objective.holds(worst) and not objective.holds(best):
        verdict = FAIL
        said = f"is {_number(best)}{objective.unit}"
        if math.isinf(best):
            said = f"was not reached by any answer, as {figures['failed']} of {figures['due']} requests failed"
        reason = f"{metric}{where} {said}, expected {limit}"
    else:
        verdict = INCONCLUSIVE
        reason = f"{metric}{where} {_doubt(objective, figures, worst, best)}, expected {limit}"
    value = _estimate(objective, record, scope, figures, worst)
    return {
        "text": objective.text,
        "metric": metric,
        "scope": {} if scope is None else {scope[0]: scope[1]},
        "operator": objective.operator,
        "limit": objective.limit,
        "unit": objective.unit,
        "value": value,
        "samples": 0 if figures is None else figures["due"],
        "verdict": verdict,
        "reason": reason,
    }


def _estimate(
    objective: Objective,
    record: Mapping[str, Any],
    scope: tuple[str, str] | None,
    figures: Mapping[str, Any] | None,
    worst: float | None,
) -> float | None:
    """The value that is shown: the likeliest one of an interval; none where it is infinite."""
    known = metric_of(objective.metric)
    if worst is None or math.isinf(worst):
        return None
    if known is not None and known.kind in (INTERVAL, NUMBER) and figures is not None:
        return float(figures["outages"][f"{known.key}_s" if known.kind == INTERVAL else known.key])
    if known is not None and known.kind == BROWNOUT:
        found = _worst_brownouts(record, scope)
        return None if found is None else float(found[known.key])
    return worst


def _doubt(objective: Objective, figures: Mapping[str, Any], worst: float, best: float) -> str:
    known = metric_of(objective.metric)
    if figures.get("nameless"):
        return f"depends on {figures['nameless']} failed requests that name nobody"
    if known is not None and known.kind in (INTERVAL, BROWNOUT):
        return f"is between {_number(best)}s and {_number(worst)}s, as far as requests can tell"
    if known is not None and known.kind == NUMBER:
        return f"is between {_number(best)} and {_number(worst)}, as far as merged records can tell"
    return f"depends on {figures['not_sent']} requests that were not sent"


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def can_abort(objective: Objective) -> str:
    """Why `out_of_reach` can never tell anything about the objective; "" when it can."""
    known = metric_of(objective.metric)
    if known is None or not known.aborts or (objective.scope is not None and objective.scope[0] != "lane"):
        names = ", ".join(name for name, metric in METRICS.items() if metric.aborts)
        return f"cannot be decided before the end; expected a percentile or one of {names}, of all or of a lane"
    wrong = ("<", "<=") if known.more_is_better else (">", ">=")
    if objective.operator in wrong:
        return f"is what must not be; expected what must hold, such as {'>=' if known.more_is_better else '<='}"
    return ""


def out_of_reach(
    objective: Objective, planned: int | None, failed: int, latency: Histogram, outage_s: tuple[float, float]
) -> str:
    """Why the objective can no longer be met, whatever the rest of the plan brings; "" while it can.

    `planned` is the number of requests in the plan, None when only time ends it; `outage_s` are the longest outage
    (with the one that goes on) and the sum of all, each as short as it can be.
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
