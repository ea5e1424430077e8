# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Objectives such as `availability >= 99.9`, `p99{lane=new} < 50ms` or `longest_outage < 1s`, and how they are read."""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Callable

from .metric import METRICS, metric_of

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


def in_words(value: float) -> str:
    """A limit or a value for people: at most four decimals."""
    return f"{value:.4f}".rstrip("0").rstrip(".")
