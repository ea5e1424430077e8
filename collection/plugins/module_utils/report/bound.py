# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How low the true share may be, given what was counted."""

from __future__ import annotations

import math

CONFIDENCE = 0.95


def lower_bound(good: int, of: int) -> float | None:
    """One-sided 95 % lower bound of a share, as in the probe record.

    Clopper-Pearson: the share at which `good` or more of `of` has a chance of 5 %. Without a failure it is
    the rule of three, 1 - 3/n. None when nothing was counted.
    """
    if of <= 0:
        return None
    if good <= 0:
        return 0.0
    if good >= of:
        return max(0.0, 1.0 - 3.0 / of)
    low, high = 0.0, good / of
    for _ in range(60):  # bisection: 60 halvings reach the precision of a double
        middle = (low + high) / 2
        if beta_cdf(middle, good, of - good + 1) > 1.0 - CONFIDENCE:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz & Stegun 26.5.8)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast only on this side
        return 1.0 - beta_cdf(1.0 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    tiny = 1e-300
    c, d = 1.0, 1.0 / max(1.0 - (a + b) * x / (a + 1), tiny)
    fraction = d
    for m in range(1, 10_000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + numerator * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + numerator / c
            c = c if abs(c) > tiny else tiny
            fraction *= d * c
        if abs(d * c - 1.0) < 1e-13:
            break
    return front * fraction / a
