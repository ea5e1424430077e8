# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The lower bound against exact binomial sums and against the values that everybody knows."""

from __future__ import annotations

import math

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.confidence import lower_bound, share
from hypothesis import given
from hypothesis import strategies as st


def tail(good: int, total: int, chance: float) -> float:
    """P(at least `good` of `total`) at a chance, summed term by term."""
    return math.fsum(math.comb(total, k) * chance**k * (1 - chance) ** (total - k) for k in range(good, total + 1))


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))))
def test_at_the_bound_so_many_good_ones_come_once_in_twenty(case: tuple[int, int]) -> None:
    good, total = case
    assert tail(good, total, lower_bound(good, total)) == pytest.approx(0.05, abs=1e-6)


@given(st.integers(1, 10_000_000))
def test_no_failure_in_n_means_up_to_three_in_n(total: int) -> None:
    assert 1 - lower_bound(total, total) == pytest.approx(3 / total, rel=0.01 if total > 500 else 3.0)


@pytest.mark.parametrize(
    ("good", "total", "expected"),
    [(2385, 2400, 0.990392435), (591, 600, 0.97397085), (1186, 1200, 0.981821224), (1200, 1200, 0.05 ** (1 / 1200))],
)
def test_known_bounds(good: int, total: int, expected: float) -> None:
    assert lower_bound(good, total) == pytest.approx(expected, abs=1e-9)


def test_large_counts() -> None:
    bound = lower_bound(9_990_000, 10_000_000)
    assert 0.99898 < bound < 0.999


def test_nothing_good_and_nothing_at_all() -> None:
    assert lower_bound(0, 10) == 0.0
    assert share(0, 0) == {"value": None, "lower": None, "good": 0, "of": 0}
    assert share(3, 4)["value"] == 0.75
