# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The figures of a run that are compared, and the smallest difference of each that matters to anybody."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

from ..figures.quantities import duration

DEFAULT_OBJECTIVE_PERCENT = 99.9  # where the runs had no objective of availability
BUDGET_SHARE = 0.1  # of the failed share that the objective allows: 0.01 points at three nines
LATENCY_SHARE = 0.1
LATENCY_MS = 1.0  # or LATENCY_SHARE, if that is more
OUTAGE_S = 0.1  # an outage's ends are known to a step of the timeline

Relevant = Callable[[str, float], float]  # figure, its value -> the smallest difference that matters


@dataclass(frozen=True)
class RunFigures:
    """What a comparison needs of one run of one variant. None: the run has no such figure.

    objective_percent: the availability that the run had to reach; None: it had no such objective.
    """

    availability_percent: float | None
    longest_outage_s: float | None
    p50_ms: float | None
    p99_ms: float | None
    objective_percent: float | None = None


@dataclass(frozen=True)
class Figure:
    """One tested figure.

    even: the scale on which runs spread alike whatever their size, so that one wild run does not hide the others: the
    logarithm of a time, the root of a failed share or an outage, which can be 0 (Bartlett, The Use of Transformations,
    1947). It grows with the figure. median: the centre that is told; a mean of latencies would follow one slow run.
    """

    name: str
    title: str
    pick: Callable[[RunFigures], float | None]
    even: Callable[[float], float]
    show: Callable[[float], str]
    points: Callable[[float], str]
    median: bool = False
    more_is_better: bool = False


def _milliseconds(value: float) -> str:
    return duration(value / 1000)


def _logarithm(value: float) -> float:
    return math.log(max(value, 1e-6))  # ms; no answer takes a nanosecond


FIGURES = {
    one.name: one
    for one in (
        Figure(
            "availability",
            "availability",
            lambda run: run.availability_percent,
            lambda value: -math.sqrt(max(0.0, 100 - value)),
            lambda value: f"{value:.4f} %",
            lambda value: f"{value:.4g} points",
            more_is_better=True,
        ),
        Figure("longest_outage", "longest outage", lambda run: run.longest_outage_s, math.sqrt, duration, duration),
        Figure("p50", "latency p50", lambda run: run.p50_ms, _logarithm, _milliseconds, _milliseconds, median=True),
        Figure("p99", "latency p99", lambda run: run.p99_ms, _logarithm, _milliseconds, _milliseconds, median=True),
    )
}


def smallest_relevant(runs: Sequence[RunFigures]) -> Relevant:
    """(figure, its value before) -> the smallest difference that matters, in the figure's unit.

    Availability is measured in the error budget of the strictest objective that any of the runs had: 0.1 points are
    nothing at 90 % and the whole budget at 99.9 %.
    """
    objectives = [run.objective_percent for run in runs if run.objective_percent is not None]
    budget = 100 - max(objectives, default=DEFAULT_OBJECTIVE_PERCENT)

    def least(figure: str, before: float) -> float:
        if figure == "availability":
            return BUDGET_SHARE * budget
        return OUTAGE_S if figure == "longest_outage" else max(LATENCY_MS, LATENCY_SHARE * before)

    return least
