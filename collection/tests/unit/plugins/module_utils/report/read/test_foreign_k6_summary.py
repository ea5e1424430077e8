# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""k6's summaries: k6 1.1.0's --summary-export, and the forms that newer versions write, read as probe records."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.figures import (
    expectation_values,
    figures,
)
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    WRITTEN_NS,
    counts,
    made,
    problem,
    read,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record

SUMMARY = {
    "root_group": {"name": ""},
    "metrics": {
        "http_reqs": {"count": 119, "rate": 3.6},
        "http_req_failed": {"fails": 96, "passes": 23, "value": 0.19, "thresholds": {"rate<0.5": False}},
        "http_req_duration": {
            **{"avg": 2.03, "min": 0, "med": 0.78, "max": 48.03, "p(90)": 1.67, "p(95)": 2.27},
            "thresholds": {"p(95)<0.001": True},
        },
    },
}
TREND = {"avg": 15.2, "min": 3.1, "med": 12.0, "max": 240.0, "p(90)": 22.0, "p(95)": 31.0}
HANDLED = {
    "root_group": {"name": "", "groups": [], "checks": []},
    "options": {"summaryTrendStats": list(TREND)},
    "state": {"isStdOutTTY": False, "testRunDurationMs": 20012.5},
    "metrics": {
        "http_reqs": {"type": "counter", "values": {"count": 400, "rate": 19.98}},
        "http_req_failed": {
            "type": "rate",
            "values": {"rate": 0.01, "passes": 4, "fails": 396},
            "thresholds": {"rate<0.005": {"ok": False}},
        },
        "http_req_duration": {"type": "trend", "values": TREND, "thresholds": {"p(95)<500": {"ok": True}}},
    },
}
NEW = {
    "version": "1.0.0",
    "config": {"duration": 20.0, "execution": "local", "script": "load.js"},
    "metadata": {"k6Version": "1.5.0", "generatedAt": "2026-05-04T08:16:00.123456789Z"},
    "results": {
        "metrics": [
            {"name": "http_reqs", "type": "counter", "values": {"count": 400}},
            {"name": "http_req_failed", "type": "rate", "values": {"matches": 4, "total": 400, "rate": 0.01}},
            {"name": "http_req_duration", "type": "trend", "values": TREND},
        ]
    },
}


def summary_with(**metrics):
    changed = deepcopy(SUMMARY)
    for name, values in metrics.items():
        changed["metrics"][name] = values
    return json.dumps(changed)


def test_k6s_summary_keeps_its_own_percentiles_and_thresholds(tmp_path):
    record = read(tmp_path, json.dumps(SUMMARY))
    figure = figures([Run("a", "during", "s.json", record)])
    assert (figure["attempts"], figure["ok"], figure["failed"]) == (119, 96, 23)
    latency = {name: figure["latency_ms"][name] for name in ("p50", "p90", "p95", "p99", "max")}
    assert latency == {"p50": 0.78, "p90": 1.67, "p95": 2.27, "p99": None, "max": 48.03}
    assert figure["availability"]["time"]["percent"] is None
    assert [one["verdict"] for one in record["objectives"]] == ["pass", "fail"]
    assert record["verdict"] == "fail"
    assert record["started_unix_ns"] + int(record["elapsed_s"] * 1e9) == pytest.approx(WRITTEN_NS, abs=2)


def test_percentiles_of_a_summary_are_not_joined_with_others(tmp_path):
    summary = Run("a", "before", "s.json", read(tmp_path, json.dumps(SUMMARY)))
    figure = figures([summary, Run("a", "during", "p.json", probe_record())])
    assert figure["attempts"] == 119 + 1200
    assert figure["latency_ms"]["p99"] is None
    assert figure["latency_ms"]["max"] == 48.03


def test_what_a_script_writes_in_handle_summary_is_read_with_its_thresholds_the_right_way_round(tmp_path):
    record = read(tmp_path, json.dumps(HANDLED))
    assert counts(record) == (400, 396, 4)
    assert (record["totals"]["latency"]["p50_ms"], record["totals"]["latency"]["p95_ms"]) == (12, 31)
    assert [one["verdict"] for one in record["objectives"]] == ["fail", "pass"]
    assert (record["verdict"], record["elapsed_s"]) == ("fail", 20.0125)


def test_the_new_machine_readable_summary_is_read_and_dated_by_itself(tmp_path):
    record = read(tmp_path, json.dumps(NEW))
    assert counts(record) == (400, 396, 4)
    assert (record["totals"]["latency"]["p50_ms"], record["totals"]["latency"]["p95_ms"]) == (12, 31)
    assert (record["elapsed_s"], record["engine"]["version"]) == (20, "1.5.0")
    assert record["started_unix_ns"] == 1_777_882_560_123_456_789 - 20_000_000_000
    assert (record["verdict"], record["reasons"]) == ("fail", ["failed is 4, expected == 0"])
    assert "no thresholds" in record["options"]["note"]


def test_statistics_that_the_summary_was_told_to_leave_out_are_unknown(tmp_path):
    record = read(tmp_path, summary_with(http_req_duration={"med": 12.0, "p(95)": 31.0, "p(99)": 88.0}))
    latency = figures([Run("a", "during", "s.json", record)])["latency_ms"]
    assert latency == {
        "p50": 12.0, "p90": None, "p95": 31.0, "p99": 88.0, "p999": None, "mean": None, "min": None, "max": None,
    }  # fmt: skip
    assert record["options"]["note"].endswith("not in the summary, by its summaryTrendStats: mean, min, max, p90")
    joined = figures([Run("a", "before", "s.json", record), Run("a", "during", "p.json", probe_record())])
    assert {joined["latency_ms"][name] for name in ("p50", "mean", "min", "max")} == {None}


def test_requests_that_k6_did_not_judge_are_neither_good_nor_bad(tmp_path):
    record = read(tmp_path, summary_with(http_req_failed={"passes": 0, "fails": 100, "value": 0}))
    assert counts(record) == (119, 100, 0)
    assert record["totals"]["not_sent"] == 19
    assert (record["verdict"]) == "fail"  # by the threshold of the duration
    del (unthresholded := json.loads(summary_with(http_req_failed={"passes": 0, "fails": 100})))["metrics"][
        "http_req_duration"
    ]["thresholds"]
    assert read(tmp_path, json.dumps(unthresholded))["verdict"] == "inconclusive"


def test_outages_of_sums_are_not_known_so_no_expectation_of_them_holds(tmp_path):
    figure = figures([Run("a", "during", "s.json", read(tmp_path, json.dumps(HANDLED)))])
    values = expectation_values(figure)
    assert {values[name] for name in ("outages", "longest_outage", "total_outage", "isolated_failures")} == {None}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('{"root_group": {},\n"metrics": {}}', "2: k6's summary lacks 'http_reqs'"),
        (summary_with(http_reqs={}), "1: k6's summary lacks 'count'"),
        (summary_with(http_reqs={"count": 10, "rate": 1}), "1: k6's summary is not as k6 writes it (23 of 119"),
        (summary_with(http_req_failed={"passes": 1, "fails": -1}), "1: k6's summary is not as k6 writes it (1 of 0"),
        (summary_with(http_req_duration={"avg": float("nan")}), "1: k6's summary is not as k6 writes it (no latency"),
        (summary_with(http_reqs=[]), "1: not as in k6's summary"),
        (json.dumps({**NEW, "metadata": {}}), "1: k6's summary lacks 'generatedAt'"),
        (json.dumps({**NEW, "config": {}}), "1: k6's summary lacks 'duration'"),
    ],
)
def test_a_broken_summary_is_refused_and_says_what_is_missing(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)


def test_a_summary_without_the_failures_says_how_that_comes(tmp_path):
    summary = json.loads(summary_with())
    del summary["metrics"]["http_req_failed"]
    text = problem(tmp_path, json.dumps(summary))
    assert "lacks 'http_req_failed'" in text
    assert "which requests failed is not known" in text


@pytest.mark.parametrize("name", ["k6-summary-export.json", "k6-handle-summary.json"])
def test_what_k6_itself_wrote_has_k6s_own_totals(name):
    """k6 1.1.0: http_req_failed 23.07% 12 out of 52, the threshold rate<0.1 crossed, p(95)<2000 not."""
    record = made(name)
    assert counts(record) == (52, 40, 12)
    assert {one["text"]: one["verdict"] for one in record["objectives"]} == {
        "http_req_failed: rate<0.1": "fail",
        "http_req_duration: p(95)<2000": "pass",
    }
    assert 0.9 < record["elapsed_s"] < 1
    assert record["totals"]["latency"]["p99_ms"] > record["totals"]["latency"]["p95_ms"]
