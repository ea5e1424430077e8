# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""From runs to a comparison of each variant, and its text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .comparison import BETTER, LIMITS, NO_EVIDENCE, TOO_FEW, WORSE, compare_variants
from .observed import ComparisonError, Observed, alternated, observed_entry, observed_result
from .permutation import can_tell, fewest_earlier
from .relevance import RunFigures

Json = dict[str, Any]
PARTS = ("availability", *LIMITS, "p50", "p99")


def compare_files(baseline: Sequence[str], candidate: Sequence[str], variants: Sequence[str]) -> Json:
    """Return {verdict, variants: {name: comparison}, alternated, summary} of result files.

    variants: which to compare; all that every run has where it is empty.
    Raises RecordError: a file is not a whole result. ComparisonError: there is nothing to compare.
    """
    twice = sorted(set(baseline) & set(candidate))
    if twice:
        raise ComparisonError(f"{twice[0]} is on both sides")
    return _compared(
        [observed_result(path) for path in baseline], [observed_result(path) for path in candidate], variants
    )


def compare_with_history(entries: Sequence[Any], candidate: Sequence[str], variants: Sequence[str]) -> Json:
    """As compare_files, against entries of the history; the new runs' own entries are left out.

    No entry at all is too little history, not an error: the first run of a scenario has none.
    """
    new = [observed_result(path) for path in candidate]
    starts = {run.started_unix_ns for run in new}
    old = [observed_entry(number, entry) for number, entry in enumerate(entries)]
    profiles = sorted({str(run.profile) for run in old})
    if len(profiles) > 1:
        raise ComparisonError(
            f"history has runs of the profiles {', '.join(profiles)}, which say nothing about each other: "
            "list those of one profile"
        )
    return _compared([run for run in old if run.started_unix_ns not in starts], new, variants)


def _compared(old: Sequence[Observed], new: Sequence[Observed], variants: Sequence[str]) -> Json:
    scenarios = sorted({run.scenario for run in [*old, *new]})
    if len(scenarios) > 1:
        raise ComparisonError(f"runs of different scenarios say nothing about each other: {', '.join(scenarios)}")
    names = list(variants) or _common([*old, *new])
    found = compare_variants(
        {name: ([_figures(run, name) for run in old], [_figures(run, name) for run in new]) for name in names}
    )
    verdicts = [one["verdict"] for one in found.values()]
    verdict = next(word for word in (WORSE, TOO_FEW, BETTER, NO_EVIDENCE) if word in verdicts)
    turns = alternated(old, new)
    return {
        "verdict": verdict,
        "variants": found,
        "alternated": turns,
        "summary": _summary(scenarios[0], verdict, found, (len(old), len(new)), turns),
    }


def _common(runs: Sequence[Observed]) -> list[str]:
    names = [name for name in runs[-1].variants if all(name in run.variants for run in runs)]
    if not names:
        raise ComparisonError("the runs have no variant in common; name them with variants")
    return names


def _figures(run: Observed, name: str) -> RunFigures:
    if name not in run.variants:
        raise ComparisonError(f"{run.where}: no variant {name!r}; there are {', '.join(run.variants)}")
    return run.variants[name]


def _summary(scenario: str, verdict: str, found: Mapping[str, Json], runs: tuple[int, int], turns: bool) -> str:
    if not can_tell(*runs):
        # A young history is the usual case and no finding: one line is enough.
        earlier, new = runs
        return (
            f"{scenario}: {earlier} earlier runs are too little history for {new} new, "
            f"{fewest_earlier(new)} are needed\n"
        )
    lines = [f"{scenario}: {verdict.upper()}"]
    for name, one in found.items():
        lines.append(f"  {name}: {one['verdict']} ({one['baseline_runs']} earlier runs, {one['candidate_runs']} new)")
        lines += [f"    {one[part]['text']}" for part in PARTS]
    if not turns:
        lines.append("  the runs did not take turns: what changed on the machine meanwhile counts as a difference, too")
    return "\n".join(lines) + "\n"
