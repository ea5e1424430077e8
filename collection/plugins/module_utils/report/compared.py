# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""From result files to a comparison of each variant, and its text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .comparison import BETTER, NO_EVIDENCE, TOO_FEW, WORSE, compare, run_figures
from .record_file import RecordError, line_of, read_record, read_text
from .result import KIND, SCHEMA_VERSION

Json = dict[str, Any]
PARTS = ("availability", "longest_outage", "p50", "p99")


class ComparisonError(ValueError):
    """The runs cannot be compared: another scenario, or no variant in common."""


def compare_files(baseline: Sequence[str], candidate: Sequence[str], variants: Sequence[str]) -> Json:
    """Return {verdict, variants: {name: comparison}, summary} of result files.

    variants: which to compare; all that every run has where it is empty.
    Raises RecordError: a file is not a whole result. ComparisonError: there is nothing to compare.
    """
    old = [(path, read_record(path, KIND, SCHEMA_VERSION)) for path in baseline]
    new = [(path, read_record(path, KIND, SCHEMA_VERSION)) for path in candidate]
    scenarios = sorted({result["scenario"] for _, result in [*old, *new]})
    if len(scenarios) > 1:
        raise ComparisonError(f"runs of different scenarios say nothing about each other: {', '.join(scenarios)}")
    twice = sorted(set(baseline) & set(candidate))
    if twice:
        raise ComparisonError(f"{twice[0]} is on both sides")
    names = list(variants) or _common([result for _, result in [*old, *new]])
    found = {}
    for name in names:
        sides = [[_figures(path, result, name) for path, result in side] for side in (old, new)]
        found[name] = compare(*sides)
    verdicts = [one["verdict"] for one in found.values()]
    verdict = next(word for word in (WORSE, TOO_FEW, BETTER, NO_EVIDENCE) if word in verdicts)
    return {"verdict": verdict, "variants": found, "summary": _summary(scenarios[0], verdict, found)}


def _common(results: Sequence[Json]) -> list[str]:
    sets = [{variant["name"] for variant in result["variants"]} for result in results]
    names = [one["name"] for one in results[0]["variants"] if all(one["name"] in members for members in sets)]
    if not names:
        raise ComparisonError("the runs have no variant in common; name them with variants")
    return names


def _figures(path: str, result: Json, name: str) -> Any:
    try:
        return run_figures(result, name)
    except KeyError:
        there = ", ".join(variant["name"] for variant in result["variants"])
        text = f"no variant {name!r}; there are {there}"
        raise RecordError(path, line_of(read_text(path), "variants"), text) from None


def _summary(scenario: str, verdict: str, found: Json) -> str:
    lines = [f"{scenario}: {verdict.upper()}"]
    for name, one in found.items():
        lines.append(f"  {name}: {one['verdict']} ({one['baseline_runs']} earlier runs, {one['candidate_runs']} new)")
        lines += [f"    {one[part]['text']}" for part in PARTS]
    return "\n".join(lines) + "\n"
