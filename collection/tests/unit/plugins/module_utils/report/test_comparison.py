# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import itertools

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.comparison import (
    RunFigures,
    compare,
    mann_whitney_p,
    student_t_quantile,
)
from hypothesis import given
from hypothesis import strategies as st


def runs(availability=(100.0,) * 5, longest=0.0, p50=(3.0, 3.1, 3.2, 3.3, 3.4), p99=(10.0, 10.5, 11.0, 11.5, 12.0)):
    return [RunFigures(one, longest, a, b) for one, a, b in zip(availability, p50, p99)]


# Student's t, two-sided 95 %, from printed tables
@pytest.mark.parametrize(("freedom", "value"), [(1, 12.706), (4, 2.776), (10, 2.228), (30, 2.042)])
def test_the_quantile_of_student_t(freedom, value):
    assert student_t_quantile(0.975, freedom) == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "p"),
    [([1, 2, 3], [4, 5, 6], 0.1), ([1, 2, 3, 4], [5, 6, 7, 8], 2 / 70), ([1, 4], [2, 3], 1.0), ([5] * 4, [5] * 4, 1.0)],
)
def test_known_p_values_of_mann_and_whitney(old, new, p):
    assert mann_whitney_p(old, new) == pytest.approx(p)


@given(st.permutations(range(8)))
def test_the_exact_p_value_is_the_share_of_orders_as_extreme(order):
    old, new = order[:4], order[4:]

    def wins(side):
        rest = [value for value in range(8) if value not in side]
        return abs(sum(a < b for a in side for b in rest) - 8)

    every = [wins(side) for side in itertools.combinations(range(8), 4)]
    expected = sum(one >= wins(old) for one in every) / len(every)
    assert mann_whitney_p(old, new) == pytest.approx(expected)


def test_equal_sides_are_no_evidence():
    found = compare(runs(), runs())
    assert found["verdict"] == "no evidence"
    assert (found["baseline_runs"], found["candidate_runs"]) == (5, 5)


def test_a_drop_of_availability_is_worse_and_has_an_interval():
    found = compare(runs([99.9, 100, 99.95, 100, 99.9]), runs([98.0, 98.5, 97.9, 98.2, 98.4]))
    part = found["availability"]
    assert found["verdict"] == part["verdict"] == "worse"
    assert part["low"] < part["difference_points"] < part["high"] < 0


def test_one_bad_run_of_five_is_no_evidence():
    assert compare(runs(), runs([100, 100, 100, 100, 90]))["availability"]["verdict"] == "no evidence"


def test_latency_is_judged_by_ranks():
    slow = runs(p99=(20.0, 21.0, 22.0, 23.0, 500.0))
    assert compare(runs(), slow)["p99"]["verdict"] == "worse"
    assert compare(slow, runs())["p99"]["verdict"] == "better"
    assert compare(runs(), slow)["p50"]["verdict"] == "no evidence"


def test_too_few_runs_are_said_and_not_passed():
    found = compare(runs()[:3], runs()[:3])
    assert found["verdict"] == "too few runs"
    assert "3 and 3 runs are too few" in found["availability"]["text"]
    assert "3 earlier runs are too little history" in found["longest_outage"]["text"]


def test_one_run_can_exceed_what_history_allows():
    history = runs(longest=1.0)
    within = compare(history, runs(longest=1.4)[:1])
    assert (within["verdict"], within["longest_outage"]["verdict"]) == ("no evidence", "no evidence")
    assert "5 and 1 runs are too few to tell" in within["availability"]["text"]
    found = compare(history, runs(longest=1.6)[:1])
    assert found["verdict"] == "worse"
    assert found["longest_outage"]["text"] == "longest outage 1.60 s: more than the 1.50 s that history allows"


def test_runs_without_an_answer_are_not_counted_as_fast():
    silent = [RunFigures(None, 0.0, None, None)] * 5
    found = compare(runs(), silent)
    assert found["p99"]["verdict"] == found["availability"]["verdict"] == "too few runs"


@pytest.mark.parametrize(
    ("found", "allowed"), [(99.81, "within the 0.20 %"), (99.79, "more than the 0.20 %"), (100, "within")]
)
def test_what_history_allows_of_the_failed_share(found, allowed):
    history = runs([100, 100, 99.9, 100, 100])
    part = compare(history, runs([found])[:1])["failed_share"]
    assert allowed in part["text"]
    assert part["verdict"] == ("worse" if "more" in allowed else "no evidence")


def test_what_history_allows_of_the_latency():
    assert compare(runs(), runs(p99=(21.9,))[:1])["slow_answers"]["verdict"] == "no evidence"
    found = compare(runs(), runs(p99=(22.1,))[:1])["slow_answers"]
    assert (found["verdict"], found["allowed"]) == ("worse", 22.0)


def test_too_little_history_is_said_whatever_the_new_run_shows():
    for earlier in range(5):
        found = compare(runs()[:earlier], runs(longest=60.0)[:1])
        assert found["verdict"] == "too few runs"
        assert f"{earlier} earlier runs are too little history, 5 are needed" in found["longest_outage"]["text"]


def test_a_silent_run_is_no_pass():
    found = compare(runs(), [RunFigures(None, 0.0, None, None)])
    assert found["verdict"] == "too few runs"
    assert found["failed_share"]["text"] == "failed share: no new run has data"
