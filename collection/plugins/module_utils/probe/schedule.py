# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""When is request n due? Open arrivals from stages of rates, and how many users are active in a closed model.

An arrival process is a rate r(t); request n is due when the integral of r reaches n (constant arrivals) or the n-th
point of a Poisson process of rate 1 (Poisson arrivals: independent clients, Lewis and Shedler's time change).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NS = 1_000_000_000


@dataclass(frozen=True)
class Stage:
    """`duration_s` in which the rate (1/s) or the number of users goes in a straight line from `start` to `end`."""

    duration_s: float
    start: float
    end: float

    def integral(self, elapsed_s: float) -> float:
        """The integral over the first `elapsed_s` of the stage (requests, when the values are rates)."""
        if elapsed_s >= self.duration_s:
            return (self.start + self.end) / 2.0 * self.duration_s
        return self.start * elapsed_s + (self.end - self.start) * elapsed_s * elapsed_s / (2.0 * self.duration_s)

    def reached(self, amount: float) -> float:
        """The seconds after which `integral` is `amount`."""
        if amount <= 0.0:
            return 0.0
        slope = (self.end - self.start) / self.duration_s
        # The stable form of the quadratic formula: no difference of two near equal numbers.
        root = math.sqrt(max(0.0, self.start * self.start + 2.0 * slope * amount))
        return 2.0 * amount / (self.start + root)


def planned_requests(stages: Sequence[Stage], limit: int | None = None) -> int:
    """How many requests constant arrivals make: one at the very start, none at the very end."""
    amount = sum(stage.integral(stage.duration_s) for stage in stages)
    count = math.ceil(amount - 1e-9)
    return count if limit is None else min(count, limit)


def due_times(
    stages: Sequence[Stage],
    arrivals: str = "constant",
    limit: int | None = None,
    seed: int = 1,
    *,
    endless: bool = False,
) -> Iterator[int]:
    """The due times in ns from the start, rising; `arrivals` is `constant` or `poisson`.

    `endless`: the last stage goes on at its end's rate until `limit` is reached.
    """
    chance = random.Random(seed)  # noqa: S311 - spacing, not secrets
    poisson = arrivals == "poisson"
    point = chance.expovariate(1.0) if poisson else 0.0
    made = 0
    begun = 0.0  # the integral at the start of the stage
    start_ns = 0
    for stage in stages:
        end = begun + stage.integral(stage.duration_s)
        while point < end - 1e-9:
            if limit is not None and made >= limit:
                return
            if stage.start == stage.end:
                yield start_ns + int((point - begun) * NS / stage.start)
            else:
                yield start_ns + int(stage.reached(point - begun) * NS)
            made += 1
            point = point + chance.expovariate(1.0) if poisson else float(made)
        begun = end
        start_ns += int(stage.duration_s * NS)
    while endless and limit is not None and made < limit:
        yield start_ns + int((point - begun) * NS / stages[-1].end)
        made += 1
        point = point + chance.expovariate(1.0) if poisson else float(made)


def active_users(stages: Sequence[Stage], elapsed_s: float) -> int:
    """How many users are active after `elapsed_s`; 0 when the stages are over."""
    for stage in stages:
        if elapsed_s < stage.duration_s:
            share = elapsed_s / stage.duration_s
            return int(stage.start + (stage.end - stage.start) * share + 0.5)
        elapsed_s -= stage.duration_s
    return 0


def widest_gap_s(stages: Sequence[Stage], limit: int | None = None) -> float:
    """The longest time in s between two constant arrivals, or from the last one to the plan's end.

    It is the shortest outage that cannot be missed. A stage's rate goes in a straight line: its widest gap is at one
    of its ends.
    """
    count = planned_requests(stages, limit)
    bounds = [0.0]
    for stage in stages:
        bounds.append(bounds[-1] + stage.integral(stage.duration_s))
    near = {
        number
        for bound in bounds
        for number in range(math.floor(bound) - 2, math.ceil(bound) + 3)
        if 0 <= number < count
    } | {0, 1, count - 2, count - 1}
    times = {number: _due_s(stages, bounds, number) for number in near if 0 <= number < count}
    gaps = [times[number + 1] - times[number] for number in times if number + 1 in times]
    if times and count == planned_requests(stages):
        gaps.append(sum(stage.duration_s for stage in stages) - times[max(times)])
    return max(gaps, default=0.0)


def _due_s(stages: Sequence[Stage], bounds: Sequence[float], number: int) -> float:
    """When constant arrival `number` is due, in s; `bounds` are the integrals up to each stage."""
    begun_s = 0.0
    for stage, low, high in zip(stages, bounds, bounds[1:]):
        if number < high - 1e-9:
            return begun_s + stage.reached(number - low)
        begun_s += stage.duration_s
    return begun_s
