# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Prometheus 2.42.0, 41 s of a server scraped each second: 6 s of 503, one 404 in ten, its counters begun anew once."""

from __future__ import annotations

import json

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    counts,
    made,
    outcomes,
    problem,
    read,
)


def answer(*series: tuple[dict[str, str], list[tuple[float, str]]], kind: str = "matrix") -> str:
    result = [{"metric": labels, "values": values} for labels, values in series]
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}})


def test_counters_become_a_timeline_of_steps() -> None:
    """The server's own count of the same time: 120 of 503. Of the others, what its restart lost is gone."""
    record = made("prometheus-range.json")
    assert (counts(record), outcomes(record)) == ((760, 640, 120), {"ok": 640, "wrong_status": 120})
    assert record["totals"]["statuses"] == {"200": 576, "404": 64, "503": 120}
    assert record["totals"]["outcomes"]["wrong_status"]["example"] == "status 503"
    assert record["timeline"]["bucket_ms"] == 1000
    failed = [row["i"] for row in record["timeline"]["rows"] if "wrong_status" in row["outcomes"]]
    assert failed == list(range(13, 20))
    assert sum("ok" in row["outcomes"] for row in record["timeline"]["rows"] if row["i"] in failed) == 2  # its ends
    assert (record["elapsed_s"], record["outages"]["count"], record["verdict"]) == (40.0, 0, "fail")
    assert "no latency" in record["options"]["note"]


def test_a_counter_that_falls_was_begun_anew_and_one_that_comes_later_began_at_0(tmp_path) -> None:
    record = read(
        tmp_path,
        answer(
            ({"code": "200"}, [(10, "100"), (15, "110"), (20, "4"), (25, "5")]),
            ({"code": "500"}, [(20, "3"), (25, "3")]),
        ),
    )
    assert record["totals"]["statuses"] == {"200": 15, "500": 3}
    assert record["timeline"] == {
        "bucket_ms": 10_000,
        "rows": [{"i": 0, "outcomes": {"ok": 14, "wrong_status": 3}}, {"i": 1, "outcomes": {"ok": 1}}],
    }


def test_steps_without_a_sample_forbid_a_pass(tmp_path) -> None:
    record = read(tmp_path, answer(({"status": "200"}, [(0, "0"), (5, "9"), (20, "20")])))
    assert record["verdict"] == "inconclusive"
    assert record["reasons"] == ["2 steps of 5 s have no sample: what came then is told later"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (answer(({"job": "shop"}, [(0, "1"), (5, "2")])), "no label with a status (job); expected one of code, status"),
        (answer(({}, [(0, "1"), (5, "2")])), "(no label at all)"),
        (answer(({"status": "up"}, [(0, "1"), (5, "2")])), "no label with a status (status)"),
        (answer(({"code": "200"}, [(0, "1"), (5, "NaN")])), "not as in Prometheus' range query"),
        (
            answer(({"code": "200"}, [(0, "0.2"), (5, "0.4")])),
            "expected counters, got 0.2: ask for them without rate()",
        ),
        (answer(({"code": "200"}, [(0, "1")])), "fewer than two samples"),
        (answer(({"code": "200"}, [(5, "1"), (0, "2")])), "goes back in time"),
        (answer(({"code": "200"}, [(0, "1"), (3600, "2")])), "a step of 3600 s tells too little of when"),
        (answer(), "fewer than two samples"),
        (answer(kind="vector"), "expected the answer to a range query (a matrix), got a vector"),
        ('{"status": "error", "errorType": "bad_data", "error": "parse error"}', "answered with an error: parse error"),
        ('{"status": "success", "data": []}', "not as in Prometheus' range query"),
    ],
)
def test_what_is_no_counter_by_status_is_one_error(tmp_path, content: str, words: str) -> None:
    said = problem(tmp_path, content)
    assert words in said
    assert "\n" not in said


def test_a_class_of_statuses_is_enough(tmp_path) -> None:
    record = read(tmp_path, answer(({"code": "5xx"}, [(0, "1"), (5, "2")]), ({"code": "2xx"}, [(0, "0"), (5, "7")])))
    assert (counts(record), record["totals"]["statuses"]) == ((8, 7, 1), {"5xx": 1, "2xx": 7})
