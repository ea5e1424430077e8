# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Are two sides of runs different in any of several figures? One exact test for all figures together.

If both sides follow one law, any run could as well have stood on the other side. So the runs are dealt anew, in every
way there is, each run with all its figures, and the largest distance of any figure is noted. A figure's p-value is the
share of the ways in which *some* figure lies at least as far apart as this one does (the single-step maxT of Westfall
and Young, Resampling-Based Multiple Testing, 1993, 2.3). That keeps the chance of any false verdict at SIGNIFICANCE,
for any number of runs, any law of the figures, and figures that depend on each other; and it holds for those that did
not change where others did, because the largest of more distances is never smaller.

What it needs is that runs can be exchanged: one machine, in turns. A drift between the sides is a difference, too.

The distance is that of the means in standard deviations of all runs together: it does not depend on how the runs are
dealt, and over all ways each figure has the same variance, so that none drowns the others. A figure that hardly varies
is measured by what matters of it instead: one blip in twenty runs is no reason to overlook all else.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import TypeVar

SIGNIFICANCE = 0.05
MOST_EXACT = 2000  # ways to deal the runs: above it DRAWS of them are looked at, which is as valid and less sharp
DRAWS = 1999
SEED = 7  # the same runs always give the same verdict
ROUNDING = 1e-9  # equal distances, summed in another order

Name = TypeVar("Name", bound=Hashable)


def can_tell(old: int, new: int) -> bool:
    """Whether so many runs of each side can reach SIGNIFICANCE, whatever they show.

    At best the way they came is the only one of all that is so far apart, or with equal numbers one of two: the sides
    changed over are as far apart.
    """
    if min(old, new) < 1:
        return False
    return (2 if old == new else 1) <= SIGNIFICANCE * math.comb(old + new, new)


def fewest_earlier(new: int) -> int:
    """The fewest runs of the other side with which `new` runs (1 or more) can tell anything: 19 for one."""
    return next(old for old in itertools.count(1) if can_tell(old, new))


@dataclass(frozen=True)
class Sample:
    """A figure of each run of both sides; None: the run has no such figure. least: the smallest spread it is given."""

    old: Sequence[float | None]
    new: Sequence[float | None]
    least: float = 0.0


def p_values(figures: Mapping[Name, Sample]) -> dict[Name, float]:
    """Name -> p-value, two-sided, of figures that have the same runs in the same order.

    A figure that cannot be told apart in any way has p = 1.
    """
    sides = [(len(one.old), len(one.new)) for one in figures.values()]
    if not sides or min(sides[0]) < 1:
        return dict.fromkeys(figures, 1.0)
    n, m = sides[0]
    scaled = {name: _scaled([*one.old, *one.new], one.least) for name, one in figures.items()}
    found = {name: _distance(values, range(n, n + m)) for name, values in scaled.items()}
    telling = [scaled[name] for name in figures if any(scaled[name])]
    largest = [max((_distance(values, dealt) for values in telling), default=0.0) for dealt in _ways(n, m)]
    # Drawn ways leave out the one that came; it counts as one of them (Phipson and Smyth, 2010).
    own = 0 if math.comb(n + m, m) <= MOST_EXACT else 1
    return {
        name: (own + sum(one >= distance - ROUNDING for one in largest)) / (own + len(largest))
        for name, distance in found.items()
    }


def _ways(n: int, m: int) -> Iterable[Sequence[int]]:
    """Which of the n + m runs stand on the new side."""
    if math.comb(n + m, m) <= MOST_EXACT:
        return itertools.combinations(range(n + m), m)
    draw, runs = random.Random(SEED), range(n + m)  # noqa: S311 - resampling, no secret
    return (draw.sample(runs, m) for _unused in range(DRAWS))


def _scaled(values: Sequence[float | None], least: float) -> list[float | None]:
    known = [value for value in values if value is not None]
    centre, spread = (fmean(known), pstdev(known)) if known else (0.0, 0.0)
    if spread <= ROUNDING * abs(centre):  # all the same, but for rounding
        return [None if value is None else 0.0 for value in values]
    return [None if value is None else (value - centre) / max(spread, least) for value in values]


def _distance(values: Sequence[float | None], new: Sequence[int]) -> float:
    """Of the means of both sides. 0 where a side has no value. The mean of all values is 0."""
    if None in values:
        there = [value for value in (values[run] for run in new) if value is not None]
        others = len(values) - values.count(None) - len(there)
        if not there or not others:
            return 0.0
        return abs(sum(there)) * (1 / len(there) + 1 / others)
    return abs(sum([values[run] for run in new])) * (1 / len(new) + 1 / (len(values) - len(new)))  # type: ignore[misc]
