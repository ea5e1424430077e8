# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a run cost: its share of the error budget, what one retry would have saved, which requests were carried out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..read.probe_record import Run
from .error_budget import ServiceLevel, error_budget
from .executed import executed
from .one_retry import from_timeline, one_retry
from .quantities import duration, percent

Json = dict[str, Any]


def costs(runs: Sequence[Run], figure: Json, level: ServiceLevel) -> Json:
    """{error_budget, one_retry, executed} of a variant's runs, with the variant's figures."""
    served: dict[str, int] | None = None
    for run in runs:  # counts since a pod's start: the last one holds those of the phases before
        for pod, count in (run.served or {}).items():
            served = served or {}
            served[pod] = max(count, served.get(pod, 0))
    ended = {pod["pod"]: pod["requests"] for run in runs if run.explained for pod in run.explained["race"]["pods"]}
    if served is not None:  # asked of the pods that lived; those that ended said it in their last words
        served = {pod: count for pod, count in ended.items() if count is not None} | served
    return {
        "error_budget": error_budget(figure, level),
        "one_retry": one_retry(
            [run.retry or from_timeline(run.probe) for run in runs], figure["ok"], figure["attempts"]
        ),
        "executed": executed(figure, served, ended),
    }


def cost_table(variants: Sequence[Json]) -> tuple[str, list[str], list[list[str]], list[str]]:
    """Title, header, rows and notes of the variants that lost requests; no row where none did."""
    losing = [variant for variant in variants if variant["figures"]["failed"]]
    rows = [
        [
            variant["name"],
            *_budget(variant["error_budget"]),
            _retry(variant["one_retry"]),
            *_executed(variant["executed"]),
        ]
        for variant in losing
    ]
    header = ["variant", "error budget used", "such runs a month", "with one retry*", "lost requests", "lost answers"]
    notes = [
        "* estimate: what clients would have seen that repeat a failed request once, at once, on a new connection",
        "lost requests never reached the server; lost answers were carried out, and a retry repeats them",
    ]
    budget = next((variant["error_budget"] for variant in losing if variant["error_budget"]), None)
    if budget:
        allowed = duration(budget["allowed"]) if budget["unit"] == "s" else f"{budget['allowed']:,.0f} failed requests"
        notes.append(f"error budget of {budget['slo_percent']:g} %: {allowed} in 30 days")
    notes += [f"{variant['name']}: {variant['executed']['note']}" for variant in losing if variant["executed"]["note"]]
    return "What it cost", header, rows, notes


def _budget(budget: Json | None) -> tuple[str, str]:
    if budget is None:
        return "no data", ""
    many = budget["rollouts_a_month"]
    return f"{budget['used_percent']:.2f} %", "any number" if many is None else f"{many:,}"


def _retry(retry: Json | None) -> str:
    return "no data" if retry is None else percent(retry["availability_percent"])


def _executed(found: Json) -> tuple[str, str]:
    return _range(found["lost_requests"]), _range(found["lost_answers"])


def _range(bounds: Json) -> str:
    least, most = bounds["at_least"], bounds["at_most"]
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"
