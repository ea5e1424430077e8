# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The lower confidence bound of a share: no failure in n requests is not 100 %.

Clopper-Pearson (exact binomial), one-sided 95 %; without a failure in n it is 0.05^(1/n), close to 1 - 3/n for large n.
It holds for requests that fail independently of each other. Failures come in clusters: then fewer things were observed
than requests sent, the true bound is lower, and whoever shows this one says so. What runs tell, with each run one
observation, is told by the report's comparisons.
The only implementation: the report, which reads this room's records, computes the bounds of joined records with it.
The regularised incomplete beta function is the continued fraction of NIST's DLMF 8.17.22, evaluated by Lentz's method.
"""

from __future__ import annotations

import math
from typing import Any

_TINY = 1e-300


def _continued_fraction(a: float, b: float, x: float) -> float:
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, 100_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + step * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + step / c
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1.0) < 1e-12:
            break
    return value


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b): the probability that a Beta(a, b) variable does not exceed x."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(log_front) * _continued_fraction(a, b, x) / a
    return 1.0 - math.exp(log_front) * _continued_fraction(b, a, 1.0 - x) / b


def lower_bound(good: int, total: int, error: float = 0.05) -> float:
    """The share exceeded with a confidence of 1 - error, when `good` of `total` (> 0) independent ones went well."""
    if good <= 0:
        return 0.0
    if good == total:
        return float(error ** (1.0 / total))
    low, high = 0.0, good / total
    for _unused in range(50):
        middle = (low + high) / 2.0
        if incomplete_beta(good, total - good + 1, middle) < error:
            low = middle
        else:
            high = middle
    return low


def share(good: int, total: int) -> dict[str, Any]:
    """The record's form of a share: value and bound, both None when nothing was measured."""
    if total <= 0:
        return {"value": None, "lower": None, "good": 0, "of": 0}
    return {"value": good / total, "lower": lower_bound(good, total), "good": good, "of": total}
