# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Objectives: their language, their verdicts with unsent requests, and when they are out of reach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.histogram import Histogram
from ansible_collections.availability.lab.plugins.module_utils.probe.objective import (
    ObjectiveError,
    judge,
    out_of_reach,
    parse_objective,
    percent_of,
)

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
    assert [percent_of(m) for m in ("p50", "p999", "p99.9", "service_p95", "mean")] == [50.0, 99.9, 99.9, 95.0, None]


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
        ("failed{version=blue} <= 3", "pass"),
        ("availability{lane=other} >= 1", "inconclusive"),
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
