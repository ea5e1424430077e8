# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Runs as a comparison sees them: from result.json, or from the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...probe.objective import ObjectiveError, parse_objective
from ..figures.figures import outage_sum
from ..read.result_record import read_result
from .relevance import RunFigures

Json = dict[str, Any]


class ComparisonError(ValueError):
    """The runs cannot be compared: another scenario or profile, or no variant in common."""


@dataclass(frozen=True)
class Observed:
    """One run. where: the file or key it came from; profile: None where it was not told."""

    where: str
    scenario: str
    profile: str | None
    started_unix_ns: int
    variants: Mapping[str, RunFigures]


def observed_result(path: str) -> Observed:
    """A result.json. Raises RecordError: not a whole result."""
    result = read_result(path)
    variants = {
        one["name"]: RunFigures(
            one["figures"]["availability"]["planned"]["percent"],
            outage_sum(one["figures"], "longest_s"),
            one["figures"]["latency_ms"]["p50"],
            one["figures"]["latency_ms"]["p99"],
            _objective_percent(one),
        )
        for one in result["variants"]
    }
    return Observed(path, result["scenario"], None, result["started_unix_ns"], variants)


def _objective_percent(variant: Json) -> float | None:
    """The strictest availability that the variant's probes had to reach; None where there was none.

    Of all requests, not of one lane or target: the figures are of all, too.
    """
    limits = []
    for phase in variant["phases"]:
        for row in phase.get("objectives", ()):
            try:
                one = parse_objective("objectives", row["text"])
            except ObjectiveError:  # another tool's
                continue
            if one.scope is None and one.metric.startswith("availability") and one.operator in (">", ">=", "=="):
                limits.append(one.limit)
            elif one.scope is None and one.metric == "error_rate" and one.operator in ("<", "<=", "=="):
                limits.append(100 - one.limit)
    return max(limits, default=None)


def observed_entry(number: int, entry: Any) -> Observed:
    """An entry of the history (docs/history.md). Raises ComparisonError: it is none."""
    where = f"history[{number}]"
    try:
        variants = {
            one["name"]: RunFigures(one["availability_percent"], one["longest_outage_s"], one["p50_ms"], one["p99_ms"])
            for one in entry["variants"]
        }
        return Observed(where, entry["scenario"], entry["profile"], int(entry["started_unix_ns"]), variants)
    except (KeyError, TypeError, ValueError) as error:
        raise ComparisonError(
            f"{where} is no entry of the history, expected what availability_history returns: {error!r}"
        ) from error


def alternated(baseline: Sequence[Observed], candidate: Sequence[Observed]) -> bool:
    """Whether the sides took turns: in the order of time they change at least as often as the shorter one has runs."""
    order = sorted([(run.started_unix_ns, 0) for run in baseline] + [(run.started_unix_ns, 1) for run in candidate])
    changes = sum(one[1] != other[1] for one, other in zip(order, order[1:]))
    return changes >= min(len(baseline), len(candidate))
