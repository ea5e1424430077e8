# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Variants side by side. A figure is called better or worse only where the measurement carries the difference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from ..figures.figures import outage_sum
from ..figures.quantities import duration, percent

Json = dict[str, Any]
SIGNIFICANT = 0.05  # as compare/proof.py
SAMPLES = {"p50": 100, "p99": 1000}  # of fewer answers a percentile is chance
SAME = {"p50": 0.05, "p99": 0.2}  # closer than this, as a share of the higher one, is the noise between two runs
SAME_MS = 0.5

Pick = Callable[[Json], Any]
# Whether the difference of two variants' figures is more than chance; None: one sample each, which carries nothing
Carries = Optional[Callable[[Json, Json], bool]]


def failures_carry(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether one variant failed more often than the other, by more than chance.

    Failures come in clusters, so requests are no samples: each outage and each single failure is one. If both failed
    equally often, each of these events fell to either by its share of the time: an exact test of that, both sides.
    """
    counts = [figure["outages"]["count"] + figure["outages"]["isolated_failures"] for figure in (one, other)]
    time_s = one["duration_s"] + other["duration_s"]
    if not sum(counts) or not time_s:
        return False
    share = one["duration_s"] / time_s
    chances = [_binomial(sum(counts), k, share) for k in range(sum(counts) + 1)]
    return sum(chance for chance in chances if chance <= chances[counts[0]] * (1 + 1e-9)) < SIGNIFICANT


def _binomial(n: int, k: int, share: float) -> float:
    if not 0 < share < 1:
        return 1.0 if k == (n if share >= 1 else 0) else 0.0
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(log + k * math.log(share) + (n - k) * math.log(1 - share))


def _latencies_carry(name: str) -> Callable[[Json, Json], bool]:
    def carry(one: Json, other: Json) -> bool:
        low, high = sorted((one["latency_ms"][name], other["latency_ms"][name]))
        enough = min(one["ok"], other["ok"]) >= SAMPLES[name]
        return bool(enough and high - low > max(SAME[name] * high, SAME_MS))

    return carry


def _outage(key: str) -> Pick:
    return lambda figure: outage_sum(figure, key)


# name, figure -> value, value -> text, whether more is better, what carries a difference
ROWS: tuple[tuple[str, Pick, Callable[[Any], str], bool, Carries], ...] = (
    ("availability over the plan", lambda f: f["availability"]["planned"]["percent"], percent, True, failures_carry),
    ("availability over time", lambda f: f["availability"]["time"]["percent"], percent, True, failures_carry),
    ("requests failed", lambda f: f["failed"], lambda value: f"{value:,}", False, failures_carry),
    ("outages", _outage("count"), lambda value: f"{value:,}", False, failures_carry),
    ("longest outage", _outage("longest_s"), lambda v: duration(v) if v else "none", False, None),
    ("all outages", _outage("total_s"), lambda v: duration(v) if v else "none", False, failures_carry),
    ("latency p50", lambda f: f["latency_ms"]["p50"], lambda v: duration(v / 1000), False, _latencies_carry("p50")),
    ("latency p99", lambda f: f["latency_ms"]["p99"], lambda v: duration(v / 1000), False, _latencies_carry("p99")),
    ("slowest answer", lambda f: f["latency_ms"]["max"], lambda v: duration(v / 1000), False, None),
)


def contrast_rows(variants: Sequence[Json]) -> list[Json]:
    """One row a figure, one cell a variant: {text, width of its bar in percent, rank: best, worst or ""}.

    Empty with fewer than two variants. Only a difference that the figures carry gets a rank.
    """
    if len(variants) < 2:
        return []
    figures = [variant["figures"] for variant in variants]
    rows = []
    for name, pick, show, more, carries in ROWS:
        values = [pick(figure) for figure in figures]
        known = [value for value in values if value is not None]
        ranks = _ranks(figures, values, more, carries)
        cells = [
            {"text": "no data" if value is None else show(value), "width": _width(value, known), "rank": rank}
            for value, rank in zip(values, ranks)
        ]
        rows.append({"name": name, "cells": cells})
    return rows


def _width(value: float | None, known: Sequence[float]) -> float:
    most = max(known, default=0)
    return round(100.0 * value / most, 1) if value and most else 0.0


def _ranks(figures: Sequence[Json], values: Sequence[Any], more: bool, carries: Carries) -> list[str]:
    """Best and worst, where a test between one of each finds more than chance."""
    none = [""] * len(values)
    known = [value for value in values if value is not None]
    if carries is None or len(known) < 2 or min(known) == max(known):
        return none
    best, worst = (max(known), min(known)) if more else (min(known), max(known))
    if not carries(figures[values.index(best)], figures[values.index(worst)]):
        return none
    return ["best" if value == best else "worst" if value == worst else "" for value in values]
