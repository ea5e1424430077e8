# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The test over runs that all verdicts rest on."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.compare import permutation
from ansible_collections.availability.lab.plugins.module_utils.report.compare.permutation import (
    Sample,
    can_tell,
    fewest_earlier,
    p_values,
)
from hypothesis import given
from hypothesis import strategies as st


def p(old: list[float | None], new: list[float | None]) -> float:
    return p_values({"one": Sample(old, new)})["one"]


@pytest.mark.parametrize(("new", "earlier"), [(1, 19), (2, 5), (3, 4), (4, 3), (5, 2), (20, 1)])
def test_how_many_runs_can_tell_anything(new: int, earlier: int) -> None:
    assert fewest_earlier(new) == earlier
    assert can_tell(earlier, new)
    assert not can_tell(earlier - 1, new)


@pytest.mark.parametrize(("each", "enough"), [(1, False), (3, False), (4, True), (5, True)])
def test_equal_sides_need_four(each: int, enough: bool) -> None:
    assert can_tell(each, each) is enough


# The two-sided p of Fisher's permutation test: sides wholly apart are the only such way, or one of two
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([1, 2, 3], [4, 5, 6], 2 / 20),
        ([1, 2, 3, 4], [5, 6, 7, 8], 2 / 70),
        ([1, 2, 3, 4, 5], [20, 30], 1 / 21),
        (list(range(19)), [100], 1 / 20),
        ([1, 4], [2, 3], 1.0),
        ([5, 5, 5, 5], [5, 5, 5, 5], 1.0),
        ([0.1 + 0.2, 0.3, 0.3, 0.3], [0.3, 0.3, 0.3, 0.3], 1.0),
        ([None, 1, 2, 3, 4], [5, 6, 7, 8, None], 2 / 70),
        ([None, None], [1, 2], 1.0),
        ([], [1], 1.0),
    ],
)
def test_known_p_values(old: list[float | None], new: list[float | None], expected: float) -> None:
    assert p(old, new) == pytest.approx(expected, abs=0.01 if None in old else 1e-9)


@given(st.lists(st.integers(0, 50), min_size=5, max_size=7), st.integers(1, 4))
def test_the_p_value_is_the_share_of_ways_as_far_apart(values: list[int], new: int) -> None:
    def apart(side: tuple[int, ...]) -> float:
        rest = [one for place, one in enumerate(values) if place not in side]
        return abs(sum(values[place] for place in side) / new - sum(rest) / len(rest))

    seen = apart(tuple(range(len(values) - new, len(values))))
    ways = [apart(side) for side in itertools.combinations(range(len(values)), new)]
    expected = sum(one >= seen - 1e-6 for one in ways) / len(ways)
    assert p(list(values[:-new]), list(values[-new:])) == pytest.approx(expected)


def test_another_figure_costs_evidence_and_gives_none() -> None:
    clear, noise = Sample([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), Sample([1, 9, 4, 8, 2], [5, 3, 7, 6, 5])
    alone, both = p_values({"clear": clear}), p_values({"clear": clear, "noise": noise})
    assert alone["clear"] <= both["clear"] < 0.05
    assert both["noise"] > 0.5
    assert p_values({"clear": clear, "still": Sample([1] * 5, [1] * 5)})["clear"] == alone["clear"]


def test_a_blip_that_does_not_matter_hides_nothing() -> None:
    """One blip in twenty runs is as far from the others as a figure can be, in standard deviations."""
    times = Sample([3 + number / 100 for number in range(19)], [6.0])
    assert p_values({"time": times, "blip": Sample([0.0] * 18 + [0.1], [0.0])})["time"] == 0.1
    assert p_values({"time": times, "blip": Sample([0.0] * 18 + [0.1], [0.0], least=0.1)})["time"] == 0.05


def test_ways_that_are_drawn_come_near_all_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = [1, 5, 2, 6, 3, 7], [4.5, 8, 6.5, 9, 5.5]
    exact = p(old, new)
    monkeypatch.setattr(permutation, "MOST_EXACT", 1)
    assert p(old, new) == pytest.approx(exact, abs=0.02)
    assert p(list(range(6)), list(range(100, 105))) >= 1 / (permutation.DRAWS + 1)
    assert p(old, new) == p(old, new)
