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
) -> Iterator[int]:
    """The due times in ns from the start, rising; `arrivals` is `constant` or `poisson`."""
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


def active_users(stages: Sequence[Stage], elapsed_s: float) -> int:
    """How many users are active after `elapsed_s`; 0 when the stages are over."""
    for stage in stages:
        if elapsed_s < stage.duration_s:
            share = elapsed_s / stage.duration_s
            return int(stage.start + (stage.end - stage.start) * share + 0.5)
        elapsed_s -= stage.duration_s
    return 0


def lowest_rate(stages: Sequence[Stage]) -> float:
    """The lowest planned rate (1/s) that is not zero: it decides the shortest outage that cannot be missed."""
    rates = [rate for stage in stages for rate in (stage.start, stage.end) if rate > 0]
    return min(rates, default=0.0)
