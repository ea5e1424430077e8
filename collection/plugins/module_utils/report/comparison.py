# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Is the candidate better or worse than the baseline? Each run is one observation.

Failed requests come in clusters, so a run's thousand requests are not a thousand observations: intervals and tests are
over runs, and two sides of few runs are said to be too few instead of equal. One new run can only be held against what
the earlier ones allow: their P99 and a grace.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance
from typing import Any, Callable

from ..probe.confidence import incomplete_beta
from .expectation import duration, percent

Json = dict[str, Any]
FEWEST_RUNS = 4  # of each side: with 3 and 3 no rank test can reach 5 %, whatever it sees
FEWEST_HISTORY = 5
SIGNIFICANCE = 0.05
GRACE_SHARE = 0.2  # on top of what history has seen; or the figure's own grace, if that is more
MOST_EXACT = 40  # runs of both sides together: above it the normal approximation is as good
BETTER, WORSE, NO_EVIDENCE, TOO_FEW = "better", "worse", "no evidence", "too few runs"


@dataclass(frozen=True)
class RunFigures:
    """What a comparison needs of one run of one variant. None: the run has no such figure."""

    availability_percent: float | None
    longest_outage_s: float
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True)
class Allowance:
    """A figure of a run that may be as bad as history's P99 plus a grace, in the figure's unit."""

    title: str
    grace: float
    pick: Callable[[RunFigures], float | None]
    show: Callable[[float], str]


ALLOWANCES = {
    "longest_outage": Allowance(
        "longest outage", 0.5, lambda run: run.longest_outage_s, lambda value: duration(value) if value else "none"
    ),
    "failed_share": Allowance(
        "failed share",
        0.1,
        lambda run: None if run.availability_percent is None else 100 - run.availability_percent,
        percent,
    ),
    "slow_answers": Allowance("p99", 10.0, lambda run: run.p99_ms, lambda value: duration(value / 1000)),
}


def compare(baseline: Sequence[RunFigures], candidate: Sequence[RunFigures]) -> Json:
    """Return {verdict, baseline_runs, candidate_runs, availability, p50, p99, and each of ALLOWANCES}.

    Each part has a `verdict` and a `text`. The whole is worse if one part is, else better if one is, else too few runs
    where history is too short or has no data, else no evidence: too little is never a pass. That fewer than
    FEWEST_RUNS new runs bear no test does not matter where history tells what it allows.
    """
    parts = {
        "availability": _availability(
            [run.availability_percent for run in baseline], [run.availability_percent for run in candidate]
        ),
        "p50": _latency("p50", [run.p50_ms for run in baseline], [run.p50_ms for run in candidate]),
        "p99": _latency("p99", [run.p99_ms for run in baseline], [run.p99_ms for run in candidate]),
        **{name: _allowed(one, baseline, candidate) for name, one in ALLOWANCES.items()},
    }
    tested = len(candidate) >= FEWEST_RUNS
    verdicts = [
        part["verdict"]
        for name, part in parts.items()
        if tested or name in ALLOWANCES or part["verdict"] in (WORSE, BETTER)
    ]
    verdict = next(word for word in (WORSE, BETTER, TOO_FEW, NO_EVIDENCE) if word in verdicts)
    return {"verdict": verdict, "baseline_runs": len(baseline), "candidate_runs": len(candidate), **parts}


def _availability(baseline: Sequence[float | None], candidate: Sequence[float | None]) -> Json:
    """Difference of the means with its 95 % interval over runs (Welch)."""
    old, new = _known(baseline), _known(candidate)
    if min(len(old), len(new)) < FEWEST_RUNS:
        return _too_few("availability", old, new)
    difference = fmean(new) - fmean(old)
    low, high = _welch_interval(old, new)
    verdict = BETTER if low > 0 else WORSE if high < 0 else NO_EVIDENCE
    text = (
        f"availability {fmean(old):.4f} % to {fmean(new):.4f} %: {difference:+.4f} points, "
        f"95 % interval {low:+.4f} to {high:+.4f}: {verdict}"
    )
    return {"verdict": verdict, "difference_points": difference, "low": low, "high": high, "text": text}


def _latency(name: str, baseline: Sequence[float | None], candidate: Sequence[float | None]) -> Json:
    """Medians over runs, and the rank test of Mann and Whitney: latency is skewed, a mean would follow one slow run."""
    old, new = _known(baseline), _known(candidate)
    if min(len(old), len(new)) < FEWEST_RUNS:
        return _too_few(f"latency {name}", old, new)
    p = mann_whitney_p(old, new)
    faster = median(new) < median(old)
    verdict = NO_EVIDENCE if p > SIGNIFICANCE or median(new) == median(old) else BETTER if faster else WORSE
    text = (
        f"latency {name} {duration(median(old) / 1000)} to {duration(median(new) / 1000)} (medians of runs), "
        f"p = {p:.3f}: {verdict}"
    )
    return {"verdict": verdict, "baseline_ms": median(old), "candidate_ms": median(new), "p_value": p, "text": text}


def _allowed(one: Allowance, baseline: Sequence[RunFigures], candidate: Sequence[RunFigures]) -> Json:
    """The worst of the new runs against what history allows: its P99 plus the grace."""
    old, new = _known([one.pick(run) for run in baseline]), _known([one.pick(run) for run in candidate])
    if len(old) < FEWEST_HISTORY or not new:
        text = f"{one.title}: {len(old)} earlier runs are too little history, {FEWEST_HISTORY} are needed"
        if not new:
            text = f"{one.title}: no new run has data"
        return {"verdict": TOO_FEW, "allowed": None, "found": max(new, default=None), "text": text}
    seen = sorted(old)[math.ceil(0.99 * len(old)) - 1]
    allowed, found = seen + max(one.grace, GRACE_SHARE * seen), max(new)
    verdict = WORSE if found > allowed else NO_EVIDENCE
    word = "more than" if found > allowed else "within"
    text = f"{one.title} {one.show(found)}: {word} the {one.show(allowed)} that history allows"
    return {"verdict": verdict, "allowed": allowed, "found": found, "text": text}


def _too_few(what: str, old: Sequence[float], new: Sequence[float]) -> Json:
    text = f"{what}: {len(old)} and {len(new)} runs are too few to tell, {FEWEST_RUNS} of each are needed"
    return {"verdict": TOO_FEW, "text": text}


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _welch_interval(old: Sequence[float], new: Sequence[float]) -> tuple[float, float]:
    """95 % interval of mean(new) - mean(old), unequal variances, degrees of freedom by Welch and Satterthwaite."""
    difference = fmean(new) - fmean(old)
    a, b = variance(old) / len(old), variance(new) / len(new)
    if a + b == 0:  # every run of a side agrees with the others
        return difference, difference
    freedom = (a + b) ** 2 / (a**2 / (len(old) - 1) + b**2 / (len(new) - 1))
    margin = student_t_quantile(1 - SIGNIFICANCE / 2, freedom) * math.sqrt(a + b)
    return difference - margin, difference + margin


def student_t_quantile(probability: float, freedom: float) -> float:
    """The value that a t-distributed variable stays below with `probability` (0.5 to 1), by bisection."""
    low, high = 0.0, 1e4
    for _unused in range(80):
        middle = (low + high) / 2
        below = 1 - 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + middle * middle))
        low, high = (middle, high) if below < probability else (low, middle)
    return (low + high) / 2


def mann_whitney_p(old: Sequence[float], new: Sequence[float]) -> float:
    """Two-sided p-value of the rank test: exact without ties, else the normal approximation corrected for ties."""
    n, m = len(old), len(new)
    wins = sum((a < b) + 0.5 * (a == b) for a in old for b in new)
    everything = [*old, *new]
    if len(set(everything)) == n + m <= MOST_EXACT:
        ways = _rank_sums(n, m)
        tail = sum(ways[: int(min(wins, n * m - wins)) + 1])
        return min(1.0, 2 * tail / math.comb(n + m, n))
    ties = sum(count**3 - count for count in (everything.count(value) for value in set(everything)))
    spread = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if spread <= 0:
        return 1.0
    distance = max(0.0, abs(wins - n * m / 2) - 0.5) / math.sqrt(spread)
    return math.erfc(distance / math.sqrt(2))


def _rank_sums(n: int, m: int) -> list[int]:
    """How many of the orders of n and m values give each number of wins, 0 to n*m (Gaussian binomial)."""
    ways = [[0] * (n * m + 1) for _unused in range(n + 1)]
    ways[0][0] = 1
    for rank in range(1, n + m + 1):
        for chosen in range(min(rank, n), 0, -1):
            shift = rank - chosen
            if shift > m:
                continue
            for wins in range(n * m, shift - 1, -1):
                ways[chosen][wins] += ways[chosen - 1][wins - shift]
    return ways[n]
