# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Objectives: their language, their verdicts with unsent requests, and when they are out of reach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.abort import out_of_reach
from ansible_collections.availability.lab.plugins.module_utils.probe.histogram import Histogram
from ansible_collections.availability.lab.plugins.module_utils.probe.judge import judge
from ansible_collections.availability.lab.plugins.module_utils.probe.metric import percent_of
from ansible_collections.availability.lab.plugins.module_utils.probe.objective import ObjectiveError, parse_objective

FIXTURE = Path(__file__).parents[3] / "fixtures" / "probe-record.json"


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(FIXTURE.read_text())
    return loaded


@pytest.mark.parametrize(
    ("text", "metric", "scope", "limit", "unit"),
    [
        ("availability >= 99.9", "availability", None, 99.9, "%"),
        ("availability>=99.9%", "availability", None, 99.9, "%"),
        ("p99 < 0.05s", "p99", None, 50.0, "ms"),
        ("p99.9{lane=new} <= 50ms", "p99.9", ("lane", "new"), 50.0, "ms"),
        ("service_p50 < 900us", "service_p50", None, 0.9, "ms"),
        ("longest_outage < 500ms", "longest_outage", None, 0.5, "s"),
        ("failed{version=v1.2} == 0", "failed", ("version", "v1.2"), 0.0, ""),
    ],
)
def test_language(text: str, metric: str, scope: Any, limit: float, unit: str) -> None:
    objective = parse_objective("objectives", text)
    assert (objective.metric, objective.scope, objective.unit) == (metric, scope, unit)
    assert objective.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("availability", "expected for example"),
        ("availability => 99", "expected for example"),
        ("speed > 3", "unknown, expected one of"),
        ("p99 < 50", "unit"),
        ("availability >= 99ms", "unit"),
        ("failed < 3s", "unit"),
    ],
)
def test_what_cannot_be_read_names_the_option(text: str, said: str) -> None:
    with pytest.raises(ObjectiveError, match=said) as caught:
        parse_objective("objectives", text)
    assert str(caught.value).startswith("objectives: ")


def test_percent_of() -> None:
    names = ("p50", "p5", "p999", "p9999", "p99.9", "p100", "service_p95", "mean", "p123")
    assert [percent_of(name) for name in names] == [50.0, 5.0, 99.9, 99.99, 99.9, 100.0, 95.0, None, None]


def measured(latencies_ms: list[int], failed: int = 0, **outages: Any) -> dict[str, Any]:
    """A record with one lane."""
    histogram = Histogram()
    for latency in latencies_ms:
        histogram.add(latency * 1_000_000)
    due = len(latencies_ms) + failed
    share = {"value": None, "lower": None, "good": 0, "of": 0}
    figures = {
        "due": due, "completed": due - failed, "failed": failed, "not_sent": 0, "latency": histogram.to_record(),
        "availability": {"planned": share, "sent": share, "time": share},
    }  # fmt: skip
    listed = {"longest_s": 0.0, "total_s": 0.0, "count": 0, "longest_between_s": [0.0, 0.0], "total_between_s": [0, 0]}
    lane = {**figures, "outages": {**listed, **outages}, "resolution_s": 0.05}
    nobody = {**figures, "due": failed, "completed": 0}
    blue = {**figures, "due": due - failed, "failed": 0}
    return {
        "totals": figures, "outages": lane["outages"], "lanes": {"new": lane},
        "identities": {"version": {"blue": blue, "": nobody}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "failed", "verdict"),
    [
        ("p99 < 100ms", 0, "pass"),
        ("p99 < 100ms", 1, "pass"),
        ("p99 < 100ms", 2, "fail"),  # 2 of 102 had no answer at all
        ("max < 100ms", 1, "fail"),
        ("p100 < 100ms", 1, "fail"),
        ("p100 < 99ms", 0, "fail"),
        ("mean < 100ms", 1, "fail"),
        ("p50 < 100ms", 200, "fail"),
        ("p50 < 60ms", 10, "pass"),
        ("availability{version=blue} >= 99.9", 0, "pass"),
        ("availability{version=blue} >= 99.9", 100, "inconclusive"),  # they may have been blue's
        ("availability{version=blue} >= 40", 100, "pass"),  # even if they were
        ("failed{version=blue} == 0", 1, "inconclusive"),
    ],
)
def test_failures_are_not_silent(text: str, failed: int, verdict: str) -> None:
    record = measured([*range(1, 100), 99], failed)
    assert judge(parse_objective("objectives", text), record)["verdict"] == verdict


@pytest.mark.parametrize(
    ("text", "between", "verdict"),
    [
        ("longest_outage < 1s", [0.0, 0.9], "pass"),
        ("longest_outage < 1s", [0.5, 2.0], "inconclusive"),
        ("longest_outage < 1s", [1.0, 2.0], "fail"),
        ("longest_outage < 40ms", [0.0, 0.0], "inconclusive"),  # requests come each 50 ms
        ("longest_outage{lane=new} < 40ms", [0.0, 0.0], "inconclusive"),
        ("longest_outage < 60ms", [0.0, 0.0], "pass"),
    ],
)
def test_intervals_are_held_at_both_ends(text: str, between: list[float], verdict: str) -> None:
    record = measured([1] * 100, longest_between_s=between)
    assert judge(parse_objective("objectives", text), record)["verdict"] == verdict


@pytest.mark.parametrize("text", ["availability >= 0.999", "availability_sent >= 1"])
def test_a_share_is_no_percentage(text: str) -> None:
    with pytest.raises(ObjectiveError, match="expected percent"):
        parse_objective("objectives", text)
    assert parse_objective("objectives", text + "%").limit <= 1


def test_nothing_sent_is_no_pass() -> None:
    record = measured([], 0)
    record["totals"].update(due=5, not_sent=5)
    for text in ("longest_outage < 1s", "outages == 0", "p99 < 1s", "error_rate <= 100"):
        assert judge(parse_objective("objectives", text), record)["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("availability >= 99", "pass"),
        ("availability >= 99.9", "fail"),
        ("availability{lane=new} >= 99", "fail"),
        ("availability_lower >= 99.3", "fail"),
        ("availability_time >= 90", "pass"),
        ("error_rate <= 1", "pass"),
        ("p99 < 50ms", "pass"),
        ("max < 1ms", "fail"),
        ("longest_outage < 1s", "pass"),
        ("total_outage < 100ms", "fail"),
        ("outages <= 1", "fail"),
        ("isolated_failures{lane=reuse} == 1", "pass"),
        ("failed{version=blue} <= 3", "inconclusive"),  # others failed without an answer, and name nobody
        ("failed{version=blue} <= 100", "pass"),
        ("availability{lane=other} >= 1%", "inconclusive"),
        ("p99{version=red} < 1s", "inconclusive"),
        ("longest_outage{version=blue} < 1s", "inconclusive"),
    ],
)
def test_verdicts_on_a_recorded_run(record: dict[str, Any], text: str, verdict: str) -> None:
    judged = judge(parse_objective("objectives", text), record)
    assert judged["verdict"] == verdict
    assert bool(judged["reason"]) == (verdict != "pass")


@pytest.mark.parametrize(
    ("completed", "failed", "unsent", "verdict"),
    [
        (1000, 0, 0, "pass"),
        (999, 0, 1, "pass"),  # even if the unsent one had failed
        (990, 0, 10, "inconclusive"),
        (900, 100, 0, "fail"),
        (900, 90, 10, "fail"),  # even if the unsent ones had gone well
        (0, 0, 0, "inconclusive"),  # no data is no pass
    ],
)
def test_unsent_requests_count_neither_for_nor_against(completed: int, failed: int, unsent: int, verdict: str) -> None:
    due = completed + failed + unsent
    share = {"value": None, "lower": None, "good": 0, "of": 0}
    figures = {
        "due": due, "completed": completed, "failed": failed, "not_sent": unsent,
        "availability": {"planned": share, "sent": share, "time": share},
    }  # fmt: skip
    record = {"totals": figures, "outages": {}}
    assert judge(parse_objective("objectives", "availability >= 99.9"), record)["verdict"] == verdict
    assert judge(parse_objective("objectives", "error_rate <= 0.1"), record)["verdict"] == verdict


@pytest.mark.parametrize(
    ("text", "planned", "failed", "reached"),
    [
        ("availability >= 99.9", 10_000, 10, True),
        ("availability >= 99.9", 10_000, 11, False),
        ("availability == 100", 10_000, 0, True),
        ("availability == 100", 10_000, 1, False),
        ("availability >= 99.9", None, 500, True),  # an open end: nobody knows
        ("error_rate < 1", 100, 1, False),
        ("error_rate <= 1", 100, 1, True),
        ("failed == 0", None, 1, False),
        ("failed <= 3", None, 3, True),
        ("failed < 3", None, 3, False),
    ],
)
def test_out_of_reach_counts(text: str, planned: int | None, failed: int, reached: bool) -> None:
    objective = parse_objective("abort_on", text)
    assert (out_of_reach(objective, planned, failed, Histogram(), (0.0, 0.0)) == "") is reached


def test_out_of_reach_outages_and_percentiles() -> None:
    slow = Histogram()
    slow.add(60_000_000, 11)
    p99, outage = parse_objective("abort_on", "p99 < 50ms"), parse_objective("abort_on", "longest_outage < 1s")
    assert out_of_reach(p99, 1000, 0, slow, (0.0, 0.0)) != ""
    assert out_of_reach(p99, 1100, 0, slow, (0.0, 0.0)) == ""
    assert out_of_reach(outage, None, 0, slow, (0.99, 5.0)) == ""
    assert out_of_reach(outage, None, 0, slow, (1.0, 1.0)) != ""
