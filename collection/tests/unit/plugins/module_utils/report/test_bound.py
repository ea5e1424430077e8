# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import math

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.bound import lower_bound
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("good", "of", "expected"),
    [(2385, 2400, 0.990392435), (591, 600, 0.97397085), (1186, 1200, 0.981821224), (1200, 1200, 1 - 3 / 1200)],
)
def test_the_bound_is_the_engines(good, of, expected):
    assert lower_bound(good, of) == pytest.approx(expected, abs=1e-9)


@given(st.integers(1, 60).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))))
def test_at_the_bound_so_many_good_ones_have_a_chance_of_five_percent(pair):
    good, of = pair
    share = lower_bound(good, of)
    if good == of:
        assert share == max(0, 1 - 3 / of)
    else:
        tail = sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(good, of + 1))
        assert tail == pytest.approx(0.05, abs=1e-6)


def test_a_bound_of_ten_million_is_found():
    assert lower_bound(9_999_000, 10_000_000) == pytest.approx(0.99989, abs=1e-5)


def test_nothing_counted_has_no_bound():
    assert lower_bound(0, 0) is None
    assert lower_bound(0, 5) == 0.0
