# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Is the candidate better or worse than the baseline? Each run is one observation.

Failed requests come in clusters, so a run's thousand requests are not a thousand observations. A figure is worse where
its runs differ by more than chance (permutation.py: at most one false verdict in twenty for all parts together) and by
more than a smallest relevant effect (relevance.py). Too few runs to tell are said to be too few, never equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any, Callable

from ..figures.quantities import duration, percent
from .permutation import ROUNDING, SIGNIFICANCE, Sample, can_tell, fewest_earlier, p_values
from .relevance import FIGURES, Figure, Relevant, RunFigures, smallest_relevant

Json = dict[str, Any]
BETTER, WORSE, NO_EVIDENCE, TOO_FEW = "better", "worse", "no evidence", "too few runs"
# The same tests seen from the worst new run: part -> the figure that is tested, its title, its bad side, its words.
LIMITS: dict[str, tuple[str, str, Callable[[float], float], Callable[[float], str]]] = {
    "longest_outage": ("longest_outage", "longest outage", lambda value: value, duration),
    "failed_share": ("availability", "failed share", lambda value: 100 - value, percent),
    "slow_answers": ("p99", "p99", lambda value: value, lambda value: duration(value / 1000)),
}


def compare(baseline: Sequence[RunFigures], candidate: Sequence[RunFigures]) -> Json:
    """compare_variants() of runs of a single variant."""
    return compare_variants({"": (baseline, candidate)})[""]


def compare_variants(variants: Mapping[str, tuple[Sequence[RunFigures], Sequence[RunFigures]]]) -> dict[str, Json]:
    """Variant -> {verdict, baseline_runs, candidate_runs, availability, p50, p99, and each of LIMITS}.

    variants: the runs of (baseline, candidate), the same ones in the same order for each: all parts of all variants
    together give at most one false verdict in twenty.
    Each part has a `verdict`, a `text`, and a `p_value` (None where it was not tested). Six parts, four tests: the
    share of failed requests is availability's, slow answers are p99's. A variant is worse if a part is; else too few
    runs if a part has too few; else better if one is and availability is not relevantly lower, be that chance or not;
    else no evidence.
    """
    relevant = {name: smallest_relevant([*old, *new]) for name, (old, new) in variants.items()}
    samples = {
        (name, figure): _sample(one, old, new, relevant[name])
        for name, (old, new) in variants.items()
        for figure, one in FIGURES.items()
    }
    p = p_values(samples)
    return {
        name: _compared(old, new, {figure: p[name, figure] for figure in FIGURES}, relevant[name])
        for name, (old, new) in variants.items()
    }


def _sample(one: Figure, old: Sequence[RunFigures], new: Sequence[RunFigures], relevant: Relevant) -> Sample:
    known = _known([one.pick(run) for run in [*old, *new]])
    least = 0.0
    if known:
        middle = median(known)
        effect = relevant(one.name, middle)
        least = abs(one.even(middle) - one.even(middle - effect if one.more_is_better else middle + effect))
    return Sample([_even(one, run) for run in old], [_even(one, run) for run in new], least)


def _compared(
    baseline: Sequence[RunFigures], candidate: Sequence[RunFigures], p: Mapping[str, float], relevant: Relevant
) -> Json:
    sides = {
        name: (_known([one.pick(run) for run in baseline]), _known([one.pick(run) for run in candidate]))
        for name, one in FIGURES.items()
    }
    tested = {name: _tested(FIGURES[name], old, new, p[name], relevant) for name, (old, new) in sides.items()}
    parts = {
        **{name: part for name, part in tested.items() if name not in LIMITS},
        **{name: _limit(name, *sides[figure], tested[figure], relevant) for name, (figure, *_unused) in LIMITS.items()},
    }
    return {
        "verdict": _whole([*parts.values()], tested["availability"], relevant),
        "baseline_runs": len(baseline),
        "candidate_runs": len(candidate),
        **parts,
    }


def _whole(parts: Sequence[Json], available: Json, relevant: Relevant) -> str:
    words = [part["verdict"] for part in parts]
    verdict = next(word for word in (WORSE, TOO_FEW, BETTER, NO_EVIDENCE) if word in words)
    lower = -available.get("difference", 0.0)
    if verdict == BETTER and lower > 0 and lower >= relevant("availability", available["baseline"]) - ROUNDING:
        return NO_EVIDENCE
    return verdict


def _tested(one: Figure, old: Sequence[float], new: Sequence[float], p: float, relevant: Relevant) -> Json:
    """A figure's centres over the runs of each side, its p-value and verdict."""
    if not can_tell(len(old), len(new)):
        return {"verdict": TOO_FEW, "p_value": None, "text": _too_few(one.title, len(old), len(new))}
    centre = median if one.median else fmean
    before, after = centre(old), centre(new)
    difference, least = after - before, relevant(one.name, before)
    verdict, why = NO_EVIDENCE, ""
    # What is tested and what is told can point apart: then neither is told.
    same_way = difference * (fmean(map(one.even, new)) - fmean(map(one.even, old))) > 0
    if p <= SIGNIFICANCE and same_way:
        if abs(difference) >= least - ROUNDING:
            verdict = BETTER if (difference > 0) == one.more_is_better else WORSE
        else:
            why = f", less than the {one.points(least)} that matter"
    words = f"{one.title} {one.show(before)} to {one.show(after)} ({'medians' if one.median else 'means'} of runs)"
    text = f"{words}, p = {p:.3f}{why}: {verdict}"
    return {
        "verdict": verdict,
        "p_value": p,
        "baseline": before,
        "candidate": after,
        "difference": difference,
        "relevant": least,
        "text": text,
    }


def _limit(name: str, old: Sequence[float], new: Sequence[float], part: Json, relevant: Relevant) -> Json:
    """The worst of the new runs beside what history has seen: its P99 plus the smallest relevant effect.

    To be beyond it is no verdict of its own: the worst of five runs is beaten by chance in one of six cases.
    """
    figure, title, bad, show = LIMITS[name]
    found = max(map(bad, new), default=None)
    if part["verdict"] == TOO_FEW or found is None:
        text = _too_few(title, len(old), len(new))
        if found is not None and old:  # seen is seen, though it proves nothing
            text += f"; {show(found)} was found, {show(max(map(bad, old)))} at most before"
        return {"verdict": TOO_FEW, "p_value": None, "allowed": None, "found": found, "text": text}
    seen = sorted(map(bad, old))[math.ceil(0.99 * len(old)) - 1]
    allowed = seen + relevant(figure, seen)
    verdict = WORSE if part["verdict"] == WORSE else NO_EVIDENCE
    if name == figure:  # told nowhere else
        verdict = part["verdict"]
    word = "more than" if found > allowed + ROUNDING else "within"
    text = f"{title} {show(found) if found else 'none'}: {word} the {show(allowed)} that history allows"
    return {
        "verdict": verdict,
        "p_value": part["p_value"],
        "allowed": allowed,
        "found": found,
        "text": f"{text}, p = {part['p_value']:.3f}: {verdict}",
    }


def _too_few(title: str, old: int, new: int) -> str:
    if not new:
        return f"{title}: no new run has data"
    return (
        f"{title}: {old} earlier and {new} new runs are too few to tell, {fewest_earlier(new)} earlier ones are needed"
    )


def _even(one: Figure, run: RunFigures) -> float | None:
    value = one.pick(run)
    return None if value is None else one.even(value)


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]
