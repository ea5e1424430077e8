# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Locust 2.47.0's --csv: 6 s of a server of which one answer in ten is a 404, one a 500, and one is dropped."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.figures import (
    expectation_values,
    figures,
)
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    MADE,
    counts,
    made,
    outcomes,
    problem,
    read,
)

STATS = (MADE / "locust_stats.csv").read_text()
HISTORY = (MADE / "locust_stats_history.csv").read_text()


@pytest.mark.parametrize("name", ["locust_stats.csv", "locust_stats_history.csv"])
def test_the_row_of_all_requests_counts(name):
    record = made(name)
    assert ",Aggregated,151,28," in STATS
    assert (counts(record), outcomes(record)) == ((151, 123, 28), {"ok": 123, "wrong_status": 28})
    assert record["totals"]["latency"]["mean_ms"] == 4.670929
    assert record["totals"]["latency"]["max_ns"] == 23_963_175
    assert "last second can be missing" in record["options"]["note"]


def test_the_sums_have_percentiles_and_how_long_it_took():
    record = made("locust_stats.csv")
    latency = record["totals"]["latency"]
    assert [latency[f"{name}_ms"] for name in ("p50", "p90", "p95", "p99", "p999")] == [4, 6, 7, 24, 24]
    assert record["elapsed_s"] == pytest.approx(5.0035, abs=1e-4)


def test_the_history_is_a_timeline_of_seconds_but_of_no_outage():
    record = made("locust_stats_history.csv")
    rows = record["timeline"]["rows"]
    assert [(row["i"], row["outcomes"]["ok"], row["outcomes"]["wrong_status"]) for row in rows] == [
        (1, 25, 5), (2, 25, 5), (3, 26, 4), (4, 23, 8), (5, 24, 6),
    ]  # fmt: skip
    assert record["started_unix_ns"] == 1_795_850_193_000_000_000
    assert record["elapsed_s"] == 6
    assert expectation_values(figures([Run("a", "during", "h.csv", record)]))["longest_outage"] is None


def test_the_names_of_older_versions(tmp_path):
    old = (
        '"Method","Name","# requests","# failures","Median response time","Average response time",'
        '"Min response time","Max response time","Average Content Size","Requests/s"\n'
        '"GET","/",10,1,4,5,1,9,6,2.00\n"None","Total",10,1,4,5,1,9,6,2.00\n'
    )
    record = read(tmp_path, old)
    assert (counts(record), record["elapsed_s"], record["totals"]["latency"]["p50_ms"]) == ((10, 9, 1), 5, None)


def test_no_request_yet_is_no_pass(tmp_path):
    record = read(tmp_path, "\n".join(HISTORY.splitlines()[:2]) + "\n")
    assert (counts(record), record["verdict"]) == ((0, 0, 0), "inconclusive")


def test_a_last_row_that_was_cut_off_is_left_out(tmp_path):
    assert counts(read(tmp_path, HISTORY[:-90])) == (121, 99, 22)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (STATS.replace("Aggregated", "Everything"), "1: locust's stats.csv lacks the row 'Aggregated'"),
        (HISTORY.replace("Aggregated", "Everything"), "1: locust's stats_history.csv lacks rows of 'Aggregated'"),
        (HISTORY.replace("151,28", "15,2"), "7: locust's stats_history.csv counts down"),
        (STATS.replace("Failure Count", "Oops"), "1: locust's stats.csv lacks 'Failure Count'"),
        (STATS.replace("151,28", "151,280"), "1: not as in locust's stats.csv (a count is negative"),
        (STATS + "1,2\n", "5: not a row of locust's CSV"),
    ],
)
def test_what_is_broken_is_refused_with_its_line(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)
