# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""wrk 4.1.0 (Debian): 2 s of a server of which one answer in ten is a 404, one a 500, and one is dropped."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    MADE,
    counts,
    made,
    outcomes,
    problem,
    read,
)

TEXT = (MADE / "wrk.txt").read_text()
INCOMPLETE = "wrk does not count the requests that had no answer when it ended, at most one a connection"


def test_answers_and_socket_errors_are_what_wrk_counts():
    record = made("wrk.txt")
    assert "199 requests in 2.00s" in TEXT
    assert counts(record) == (222, 155, 67)
    assert outcomes(record) == {"ok": 155, "wrong_status": 44, "reset": 23}
    latency = record["totals"]["latency"]
    assert (latency["mean_ms"], latency["max_ns"], latency["min_ns"]) == (39.61, 53_000_000, None)
    assert [latency[f"{name}_ms"] for name in ("p50", "p90", "p95", "p99")] == [44.01, 47.99, None, 52.97]
    assert record["elapsed_s"] == 2


def test_a_clean_run_is_inconclusive_as_a_service_that_hangs_leaves_no_trace(tmp_path):
    clean = "\n".join(line for line in TEXT.splitlines() if "errors" not in line and "Non-2xx" not in line) + "\n"
    record = read(tmp_path, clean)
    assert (counts(record), record["verdict"]) == ((199, 199, 0), "inconclusive")
    assert record["reasons"][0].startswith(INCOMPLETE)


def test_late_answers_are_failures_and_never_counted_twice(tmp_path):
    late = read(tmp_path, TEXT.replace("timeout 0", "timeout 9"))
    assert outcomes(late) == {"ok": 146, "wrong_status": 44, "too_slow": 9, "reset": 23}
    most = read(tmp_path, TEXT.replace("timeout 0", "timeout 180"))
    assert counts(most) == (222, 0, 222)


def test_no_answer_at_all(tmp_path):
    nothing = (
        TEXT.replace("199 requests", "0 requests").replace("read 23", "read 0").replace("responses: 44", "responses: 0")
    )
    record = read(tmp_path, nothing)
    assert (counts(record), record["verdict"]) == ((0, 0, 0), "inconclusive")
    assert record["totals"]["latency"]["max_ns"] is None


def test_wrk2s_percentiles(tmp_path):
    """wrk2 prints them so, with one decimal place more in the first column."""
    detail = (
        TEXT.replace("     50% ", "  50.000% ").replace("     99% ", "  99.000% ").replace("     90% ", " 99.900% ")
    )
    latency = read(tmp_path, detail)["totals"]["latency"]
    assert [latency[f"{name}_ms"] for name in ("p50", "p99", "p999")] == [44.01, 52.97, 47.99]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (TEXT[: TEXT.index("199 requests")], "1: wrk's text lacks '… requests in …'"),
        (TEXT[: TEXT.index("Requests/sec")], "1: wrk's text lacks '… requests in …'"),
        (TEXT.replace("responses: 44", "responses: 444"), "1: wrk's text counts 199 answers, but 444"),
    ],
)
def test_a_text_without_its_end_is_refused(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)
