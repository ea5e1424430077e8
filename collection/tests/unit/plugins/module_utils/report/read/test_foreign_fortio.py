# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""fortio's JSON, made to order by the fields that fortio 1.75 writes: 100 requests, 90 good, 6 x 503, 4 x no answer."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    counts,
    outcomes,
    problem,
    read,
)

DURATIONS = {
    "Count": 100, "Min": 0.001, "Max": 0.25, "Sum": 2.0, "Avg": 0.02, "StdDev": 0.01,
    "Data": [{"Start": 0.001, "End": 0.25, "Percent": 100, "Count": 100}],
    "Percentiles": [{"Percentile": 50, "Value": 0.012}, {"Percentile": 75, "Value": 0.015},
                    {"Percentile": 99, "Value": 0.2}, {"Percentile": 99.9, "Value": 0.24}],
}  # fmt: skip
RESULT = {
    "RunType": "HTTP", "Labels": "", "StartTime": "2026-05-04T10:15:10.123456789+02:00", "RequestedQPS": "10",
    "RequestedDuration": "10s", "ActualQPS": 9.99, "ActualDuration": 10_010_000_000, "NumThreads": 4,
    "Version": "1.75.3", "DurationHistogram": DURATIONS, "ErrorsDurationHistogram": {"Count": 10},
    "RetCodes": {"-1": 4, "200": 89, "204": 1, "503": 6}, "URL": "http://web/", "AbortOn": 0,
}  # fmt: skip


def result(**changed):
    return json.dumps(deepcopy(RESULT) | changed)


def test_the_codes_tell_what_failed(tmp_path):
    record = read(tmp_path, result())
    assert counts(record) == (100, 90, 10)
    assert outcomes(record) == {"ok": 90, "wrong_status": 6, "malformed": 4}
    latency = record["totals"]["latency"]
    assert [latency[f"{name}_ms"] for name in ("mean", "p50", "p90", "p99", "p999")] == [20, 12, None, 200, 240]
    assert record["started_unix_ns"] == 1_777_882_510_123_456_789
    assert (record["elapsed_s"], record["engine"]["version"]) == (10.01, "1.75.3")


def test_a_redirect_is_a_failure_for_fortio_and_a_teapot_is_not(tmp_path):
    record = read(tmp_path, result(RetCodes={"301": 40, "418": 60}, ErrorsDurationHistogram={"Count": 40}))
    assert counts(record) == (100, 60, 40)


def test_older_versions_have_no_histogram_of_errors(tmp_path):
    older = json.loads(result())
    del older["ErrorsDurationHistogram"]
    assert counts(read(tmp_path, json.dumps(older))) == (100, 90, 10)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (result(exception="lookup web: no such host", message="bad url"), "1: fortio's run did not begin: bad url"),
        (result(RunType="TCP"), "1: fortio's RunType is 'TCP'; expected 'HTTP'"),
        (result(RetCodes=None), "1: fortio's JSON lacks 'RetCodes': which requests failed is not known"),
        (result(RetCodes={"200": 99}), "1: fortio's JSON counts 100 requests, but 99 in RetCodes"),
        (result(ErrorsDurationHistogram={"Count": 3}), "1: fortio's JSON counts 3 errors, but 10 by RetCodes"),
        (result(StartTime="yesterday"), "1: not as in fortio's JSON"),
    ],
)
def test_what_tells_no_failures_is_refused(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)
