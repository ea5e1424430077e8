# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a scenario is expected to show, said on its figures.

An expectation compares two sides::

    availability == 100                  every variant, all its phases together
    noprobes: failed > 0                 one variant
    probes.during: p99 < 250ms           one phase of one variant
    starved.p95 > 2 * good.p95           one variant against another
    versions >= 2

A side is a number with an optional unit (``%``, ``us``, ``ms``, ``s``, ``m``) or a figure, optionally
``variant.figure`` or ``variant.phase.figure``, optionally with a factor in front. A figure without data
satisfies nothing: no data is never a pass.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .cause.explain import TITLES
from .figures.quantities import show
from .figures.writes import COUNTS

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
# Dimension and factor to the figure's own unit: percent for shares, seconds for times.
UNITS = {"%": ("percent", 1.0), "us": ("time", 1e-6), "ms": ("time", 1e-3), "s": ("time", 1.0), "m": ("time", 60.0)}
FIGURES = {
    "attempts": "count",
    "ok": "count",
    "failed": "count",
    "not_sent": "count",
    "availability": "percent",
    "availability_sent": "percent",
    "availability_time": "percent",
    "error_rate": "percent",
    "rate": "count",
    "duration": "time",
    "p50": "time",
    "p90": "time",
    "p95": "time",
    "p99": "time",
    "p999": "time",
    "max": "time",
    "mean": "time",
    "versions": "count",
    "outages": "count",
    "isolated_failures": "count",
    "longest_outage": "time",
    "total_outage": "time",
    "smallest_pod_share": "percent",
    "replicas_max": "count",
    "time_to_recovery": "time",
    "error_budget": "percent",
    "availability_with_retry": "percent",
    "explained": "percent",
    **{f"lost_to_{cause}": "count" for cause in TITLES},
    **{f"writes_{name}": "count" for name in COUNTS},
}
# figures that a phase does not have
OF_VARIANT = (
    "time_to_recovery",
    "replicas_max",
    "error_budget",
    "availability_with_retry",
    "explained",
    *(f"lost_to_{cause}" for cause in TITLES),
    *(f"writes_{name}" for name in COUNTS),
)
_NAME = r"[A-Za-z_][\w-]*"
_SPLIT = re.compile(r"^(.*?)(==|!=|>=|<=|>|<)(.*)$")
_SCOPE = re.compile(rf"^\s*({_NAME})(?:\.({_NAME}))?\s*:(.*)$")
_NUMBER = re.compile(r"^([-+]?\d+(?:\.\d+)?)\s*(%|us|ms|s|m)?$")
_REFERENCE = re.compile(rf"^(?:(\d+(?:\.\d+)?)\s*\*\s*)?({_NAME}(?:\.{_NAME}){{0,2}})$")

# variant -> phase ("all" for the phases together) -> figure -> value in its unit, None without data
Values = Mapping[str, Mapping[str, Mapping[str, Optional[float]]]]
# variant -> figure -> why there is no data
Gaps = Mapping[str, Mapping[str, str]]
ALL = "all"


class ExpectationError(ValueError):
    """An expectation that cannot be read, or that names something the run does not have."""


@dataclass(frozen=True)
class Reference:
    """A figure of a variant and phase; variant None is each variant in turn."""

    figure: str
    variant: str | None
    phase: str
    factor: float


@dataclass(frozen=True)
class Expectation:
    """One comparison. `text` is what the user wrote."""

    text: str
    left: float | Reference
    compare: str
    right: float | Reference


def parse(text: str, variants: Mapping[str, Any]) -> Expectation:
    """Read one expectation. variants: variant -> its phases, as run.

    Raises ExpectationError: the text, figure, unit, variant or phase is not one that is known; says which are.
    """
    scope_variant: str | None = None
    scope_phase = ALL
    body = text
    scope = _SCOPE.match(text)
    if scope:
        scope_variant, scope_phase, body = scope[1], scope[2] or ALL, scope[3]
    parts = _SPLIT.match(body)
    if not parts:
        raise ExpectationError(f"{text!r}: expected <figure> <{' '.join(COMPARE)}> <number or figure>")
    left, left_dimension = _side(text, parts[1].strip(), scope_variant, scope_phase)
    right, right_dimension = _side(text, parts[3].strip(), scope_variant, scope_phase)
    if not isinstance(left, Reference) and not isinstance(right, Reference):
        raise ExpectationError(f"{text!r}: expected a figure on at least one side")
    if left_dimension and right_dimension and left_dimension != right_dimension:
        raise ExpectationError(f"{text!r}: compares a {left_dimension} with a {right_dimension}")
    for side, dimension, other in ((left, left_dimension, right_dimension), (right, right_dimension, left_dimension)):
        if dimension is None and other == "time" and side != 0:
            raise ExpectationError(f"{text!r}: expected a unit (us, ms, s, m) on the time {side:g}")
    for side in (left, right):
        if isinstance(side, Reference):
            _check_reference(text, side, variants)
    return Expectation(text, left, parts[2], right)


def check(expectation: Expectation, values: Values, gaps: Gaps | None = None) -> list[dict[str, Any]]:
    """Return one row a variant the expectation speaks of: what, variant, expected, found, ok.

    gaps: why a figure has no data, said instead of "no data".
    """
    rows = []
    for variant in _variants_of(expectation, values):
        left = _value(expectation.left, variant, values)
        right = _value(expectation.right, variant, values)
        ok = left is not None and right is not None and COMPARE[expectation.compare](left, right)
        rows.append(
            {
                "what": expectation.text,
                "variant": variant,
                "expected": _expected(expectation, right),
                "found": _found(expectation, variant, left, right, gaps or {}),
                "ok": ok,
            }
        )
    return rows


def _side(text: str, side: str, variant: str | None, phase: str) -> tuple[float | Reference, str | None]:
    number = _NUMBER.match(side)
    if number:
        dimension, factor = UNITS[number[2]] if number[2] else (None, 1.0)
        return float(number[1]) * factor, dimension
    found = _REFERENCE.match(side)
    if not found:
        raise ExpectationError(f"{text!r}: {side!r} is neither a number nor a figure")
    *where, figure = found[2].split(".")
    if figure not in FIGURES:
        raise ExpectationError(f"{text!r}: no figure {figure!r}; there are {', '.join(FIGURES)}")
    factor = float(found[1]) if found[1] else 1.0
    own_variant = where[0] if where else variant
    own_phase = where[1] if len(where) == 2 else (ALL if where else phase)
    return Reference(figure, own_variant, own_phase, factor), FIGURES[figure]


def _check_reference(text: str, side: Reference, variants: Mapping[str, Any]) -> None:
    if side.figure in OF_VARIANT and side.phase != ALL:
        raise ExpectationError(f"{text!r}: {side.figure} is a figure of a variant, not of one of its phases")
    if side.variant is not None and side.variant not in variants:
        raise ExpectationError(f"{text!r}: no variant {side.variant!r}; there are {', '.join(variants)}")
    for variant, phases in variants.items():
        if side.variant in (None, variant) and side.phase not in (*phases, ALL):
            raise ExpectationError(
                f"{text!r}: variant {variant!r} has no phase {side.phase!r}; there are {', '.join(phases)}"
            )


def _variants_of(expectation: Expectation, values: Values) -> list[str]:
    sides = [side for side in (expectation.left, expectation.right) if isinstance(side, Reference)]
    named = [side.variant for side in sides if side.variant is not None]
    if len(named) == len(sides):
        return [named[0]]
    return list(values)


def _value(side: float | Reference, variant: str, values: Values) -> float | None:
    if not isinstance(side, Reference):
        return side
    value = values[side.variant or variant].get(side.phase, {}).get(side.figure)
    return None if value is None else value * side.factor


def _dimension(expectation: Expectation) -> str:
    sides = (expectation.left, expectation.right)
    return next(FIGURES[side.figure] for side in sides if isinstance(side, Reference))


def _expected(expectation: Expectation, right: float | None) -> str:
    return f"{expectation.compare} {show(right, _dimension(expectation))}"


def _found(expectation: Expectation, variant: str, left: float | None, right: float | None, gaps: Gaps) -> str:
    """Both numbers, so that a contrast that did not appear can be judged from the text alone."""
    dimension = _dimension(expectation)
    shown = []
    for side, value in ((expectation.left, left), (expectation.right, right)):
        if isinstance(side, Reference):
            why = gaps.get(side.variant or variant, {}).get(side.figure)
            shown.append(why if value is None and why else show(value, dimension))
    return " against ".join(shown)
