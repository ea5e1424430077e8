# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Better and worse: more than chance over all parts together, and more than a smallest relevant effect."""

from __future__ import annotations

import math

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.compare.comparison import (
    LIMITS,
    compare,
    compare_variants,
)
from ansible_collections.availability.lab.plugins.module_utils.report.compare.relevance import RunFigures

PARTS = ("availability", "p50", "p99", *LIMITS)


def runs(availability=(100.0,) * 5, longest=0.0, p50=(3.0, 3.1, 3.2, 3.3, 3.4), p99=(10.0, 10.5, 11.0, 11.5, 12.0)):
    return [RunFigures(one, longest, a, b) for one, a, b in zip(availability, p50, p99)]


def many(number, *, longest=0.0, p50=3.0, p99=12.0, availability=100.0, objective=None):
    """Runs that hardly vary."""
    return [
        RunFigures(availability, longest, p50 + one % 7 / 100, p99 + one % 5 / 10, objective) for one in range(number)
    ]


def test_equal_sides_are_no_evidence():
    found = compare(runs(), runs())
    assert found["verdict"] == "no evidence"
    assert (found["baseline_runs"], found["candidate_runs"]) == (5, 5)


def test_a_drop_of_availability_is_worse():
    found = compare(runs([99.9, 100, 99.95, 100, 99.9]), runs([98.0, 98.5, 97.9, 98.2, 98.4]))
    part = found["availability"]
    assert found["verdict"] == part["verdict"] == found["failed_share"]["verdict"] == "worse"
    assert part["difference"] == pytest.approx(-1.75)
    assert part["p_value"] <= 0.05
    assert part["text"].startswith("availability 99.9500 % to 98.2000 % (means of runs), p = 0.0")


def test_one_bad_run_of_five_is_no_evidence():
    found = compare(runs(), runs([100, 100, 100, 100, 90]))
    assert (found["verdict"], found["availability"]["verdict"]) == ("no evidence", "no evidence")


@pytest.mark.parametrize("worst", [24.0, 50.0])
def test_one_slow_run_does_not_hide_that_all_are_slower(worst):
    slow = runs(p99=(20.0, 21.0, 22.0, 23.0, worst))
    assert compare(runs(), slow)["p99"]["verdict"] == compare(runs(), slow)["slow_answers"]["verdict"] == "worse"
    assert compare(slow, runs())["p99"]["verdict"] == "better"
    assert compare(slow, runs())["slow_answers"]["verdict"] == "no evidence"
    assert compare(runs(), slow)["p50"]["verdict"] == "no evidence"


@pytest.mark.parametrize(("each", "told"), [(1, "19 earlier"), (3, "4 earlier")])
def test_too_few_runs_are_said_and_not_passed(each, told):
    found = compare(runs()[:each], runs(longest=60.0)[:each])
    assert found["verdict"] == "too few runs"
    for part in PARTS:
        assert found[part]["verdict"] == "too few runs"
        assert f"{each} earlier and {each} new runs are too few to tell, {told} ones are needed" in found[part]["text"]


def test_one_new_run_needs_nineteen_earlier_ones():
    short = compare(many(18), many(1, longest=60.0))
    assert short["verdict"] == "too few runs"
    assert short["longest_outage"]["text"] == (
        "longest outage: 18 earlier and 1 new runs are too few to tell, 19 earlier ones are needed; "
        "60 s was found, 0 s at most before"
    )
    found = compare(many(19), many(1, longest=60.0))
    assert found["verdict"] == found["longest_outage"]["verdict"] == "worse"
    assert found["longest_outage"]["text"] == (
        "longest outage 60 s: more than the 100 ms that history allows, p = 0.050: worse"
    )


def test_to_be_the_worst_ever_is_no_verdict_of_its_own():
    """Of 25 runs the five newest hold the worst one by chance in one of five cases."""
    history = [RunFigures(100, longest, 3.0, 12.0) for longest in [0.5, 1.0, 1.5, 2.0] * 5]
    new = [RunFigures(100, longest, 3.0, 12.0) for longest in (0.5, 1.0, 1.5, 2.0, 2.4)]
    part = compare(history, new)["longest_outage"]
    assert (part["verdict"], part["found"], part["allowed"]) == ("no evidence", 2.4, pytest.approx(2.1))
    assert "more than the 2.10 s that history allows" in part["text"]


def test_runs_without_an_answer_are_not_counted_as_fast():
    found = compare(runs(), [RunFigures(None, 0.0, None, None)] * 5)
    assert found["p99"]["verdict"] == found["availability"]["verdict"] == found["verdict"] == "too few runs"
    assert found["failed_share"]["text"] == "failed share: no new run has data"


# 10 % of the failed share that the objective allows
@pytest.mark.parametrize(
    ("objective", "lost", "verdict"),
    [
        (None, 0.009, "no evidence"),
        (None, 0.011, "worse"),
        (99.9, 0.011, "worse"),
        (99.0, 0.09, "no evidence"),
        (99.0, 0.11, "worse"),
        (99.99, 0.0015, "worse"),
        (100.0, 0.0001, "worse"),
    ],
)
def test_availability_is_measured_in_the_objectives_error_budget(objective, lost, verdict):
    old, new = many(5, objective=objective), many(5, availability=100 - lost, objective=objective)
    part = compare(old, new)["availability"]
    assert part["verdict"] == verdict, part["text"]
    assert ("that matter" in part["text"]) is (verdict == "no evidence")


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ({"p50": 3.0}, {"p50": 3.9}, "no evidence"),
        ({"p50": 3.0}, {"p50": 4.1}, "worse"),
        ({"p50": 100.0}, {"p50": 109.0}, "no evidence"),
        ({"p50": 100.0}, {"p50": 111.0}, "worse"),
        ({"p99": 12.0}, {"p99": 14.0}, "worse"),
        ({"longest": 2.0}, {"longest": 2.09}, "no evidence"),
        ({"longest": 2.0}, {"longest": 2.11}, "worse"),
        ({"longest": 2.11}, {"longest": 2.0}, "better"),
    ],
)
def test_a_difference_has_to_matter(before, after, verdict):
    assert compare(many(5, **before), many(5, **after))["verdict"] == verdict


def test_faster_is_not_better_where_more_failed_be_it_chance_or_not():
    old, new = many(5, p50=9.0, p99=40.0), many(5)
    assert compare(old, new)["verdict"] == "better"
    lossy = [*new[:4], RunFigures(99.0, 0.0, 3.0, 12.0)]
    found = compare(old, lossy)
    assert (found["p99"]["verdict"], found["availability"]["verdict"]) == ("better", "no evidence")
    assert found["verdict"] == "no evidence"
    unknown = [RunFigures(None, 0.0, 3.0, 12.0)] * 5
    assert compare(old, unknown)["verdict"] == "too few runs"


def test_variants_share_one_error():
    """A difference that is told of one variant alone is not, where it is one of many."""
    old, new = runs()[:4], runs(longest=0.6, p99=(13.0, 13.5, 14.0, 14.5))
    assert compare(old, new)["verdict"] == "worse"
    noise = {
        f"v{number}": tuple(
            [RunFigures(100, 0, 3.0, 12.0 * (1 + (seed * number) % 5)) for seed in side]
            for side in ((1, 2, 3, 4), (6, 8, 5, 7))
        )
        for number in range(1, 5)
    }
    found = compare_variants({"one": (old, new), **noise})
    assert found["one"]["p99"]["p_value"] >= compare(old, new)["p99"]["p_value"]
    assert list(found) == ["one", *noise]


def test_a_figures_text_has_the_numbers():
    part = compare(runs(), runs(p99=(20.0, 21.0, 22.0, 23.0, 24.0)))["p99"]
    assert (part["baseline"], part["candidate"], part["difference"]) == (11.0, 22.0, 11.0)
    assert part["relevant"] == pytest.approx(1.1)
    assert not math.isnan(part["p_value"])
    assert "latency p99 11 ms to 22 ms (medians of runs), p = 0.0" in part["text"]
