# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""vegeta's results as v12.12.0 writes them: 22 requests to a server that answers, refuses, drops and breaks off.

vegeta's own report of them: 0:7 200:9 404:3 500:3, success 40.91 %, 404 not found, 500, EOF, unexpected EOF, refused.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    MADE,
    counts,
    made,
    outcomes,
    problem,
    read,
)

LINES = (MADE / "vegeta.jsonl").read_text()
REPORT = json.loads((MADE / "vegeta-report.json").read_text())


@pytest.mark.parametrize("name", ["vegeta.jsonl", "vegeta.csv"])
def test_every_request_of_the_encoded_results(name):
    record = made(name)
    assert counts(record) == (22, 9, 13)
    assert outcomes(record) == {"ok": 9, "wrong_status": 6, "reset": 3, "closed_early": 3, "refused": 1}
    assert record["started_unix_ns"] == 1_795_850_329_943_172_820
    assert record["elapsed_s"] == 0.954934462
    assert (record["verdict"], record["reasons"]) == ("fail", ["failed is 13, expected == 0"])
    assert record["outages"]["count"] == 3


def test_both_encodings_give_the_same_record():
    assert made("vegeta.jsonl") == made("vegeta.csv")


def test_the_report_by_its_statuses():
    record = made("vegeta-report.json")
    assert counts(record) == (22, 9, 13)
    assert counts(record)[1] / counts(record)[0] == REPORT["success"]
    assert outcomes(record) == {"ok": 9, "wrong_status": 6, "malformed": 7}  # which of the errors is not told
    latency = record["totals"]["latency"]
    assert (latency["p50_ms"], latency["max_ns"], latency["p999_ms"]) == (1.561552, 8_447_108, None)
    assert record["started_unix_ns"] == made("vegeta.jsonl")["started_unix_ns"]


def test_a_report_of_nothing_is_no_pass(tmp_path):
    nothing = {**REPORT, "requests": 0, "status_codes": {}, "errors": [], "end": "0001-01-01T00:00:00Z"}
    record = read(tmp_path, json.dumps(nothing))
    assert (counts(record), record["verdict"]) == ((0, 0, 0), "inconclusive")


def test_one_kind_of_error_is_named(tmp_path):
    refused = {**REPORT, "requests": 7, "status_codes": {"0": 7}, "errors": ["dial tcp: connection refused"]}
    assert outcomes(read(tmp_path, json.dumps(refused))) == {"refused": 7}


def test_a_good_status_with_an_error_is_a_failure(tmp_path):
    broken = json.loads(LINES.splitlines()[0]) | {"code": 200, "error": "unexpected EOF"}
    assert outcomes(read(tmp_path, json.dumps(broken) + "\n")) == {"closed_early": 1}


def test_results_that_were_cut_off_are_not_whole(tmp_path):
    record = read(tmp_path, LINES[:-30])
    assert (counts(record)[0], record["complete"]) == (21, False)
    rows = (MADE / "vegeta.csv").read_text()
    record = read(tmp_path, rows[: rows.rindex(",GET,")])
    assert (counts(record)[0], record["complete"]) == (21, False)


@pytest.mark.parametrize("name", ["vegeta.bin", "hdrplot"])
def test_what_tells_no_status_says_what_to_give_instead(tmp_path, name):
    content = b"Value(ms)  Percentile  TotalCount  1/(1-Percentile)\n0.5 0.0 1 1.0\n"
    text = problem(tmp_path, (MADE / name).read_bytes() if name.endswith("bin") else content)
    assert "expected what `vegeta encode` or `vegeta report -type=json`" in text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (LINES + '{"attack": ""}\n', "23: not a result of vegeta's ('timestamp')"),
        (LINES + "{nothing\n", "23: not a result of vegeta's"),
        (LINES.replace('"latency":', '"latency":-', 1), "1: not a result of vegeta's (-"),
        (json.dumps({**REPORT, "requests": 23}), "1: vegeta's report counts 23 requests, but 22 statuses"),
        (json.dumps({**REPORT, "latencies": []}), "1: not as in vegeta's JSON report"),
        (json.dumps({key: REPORT[key] for key in REPORT if key != "end"}), "1: vegeta's JSON report lacks 'end'"),
    ],
)
def test_what_is_broken_is_refused_with_its_line(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)
