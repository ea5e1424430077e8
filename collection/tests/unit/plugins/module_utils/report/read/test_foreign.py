# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Results of k6 1.1.0 and hey 0.1.4 as they write them, read as probe records."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.figures import figures
from ansible_collections.availability.lab.plugins.module_utils.report.read.measurement import read_measurement
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record

SCHEMA = json.loads((Path(__file__).resolve().parents[7] / "docs" / "probe-result.schema.json").read_text())
METRIC = '{"type":"Metric","data":{"name":"http_reqs","type":"counter"},"metric":"http_reqs"}'
WRITTEN_NS = 1_795_244_460_000_000_000


def point(at, value, metric="http_req_duration", **tags):
    data = {"time": f"2026-11-21T08:30:{at}Z", "value": value, "tags": {"group": "", "scenario": "a", **tags}}
    return json.dumps({"metric": metric, "type": "Point", "data": data})


def good(at, value):
    return point(at, value, status="200", expected_response="true")


def bad(at, value, code, status="0", error=""):
    return point(at, value, status=status, expected_response="false", error_code=code, error=error)


OUTPUT = [
    METRIC,
    good("10.010000000", 10.0),
    point("10.010000000", 1, "http_reqs", status="200"),
    bad("11.0", 0, "1212", error="dial: connection refused"),
    bad("11.1", 0, "1212", error="dial: connection refused"),
    good("12.020", 20.0),
    bad("13", 5, "1500", status="500"),
    good("14.005", 5.0),
    point("14.5", 2, "dropped_iterations"),
]
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
HEY = """response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
0.0036,0.0002,0.0000,0.0001,0.0032,0.0001,500,0.0628
0.0446,0.0013,0.0000,0.0034,0.0398,0.0000,200,0.0624
0.0477,0.0000,0.0000,0.0000,0.0002,0.0475,200,0.1070
"""


def read(tmp_path, content):
    path = tmp_path / "measured"
    path.write_text(content)
    os.utime(path, ns=(WRITTEN_NS, WRITTEN_NS))
    record = read_measurement(path)
    jsonschema.validate(record, SCHEMA)
    total = record["totals"]
    assert total["due"] == total["completed"] + total["failed"] + total["not_sent"]
    return record


def problem(tmp_path, content):
    path = tmp_path / "measured"
    path.write_text(content)
    with pytest.raises(RecordError) as error:
        read_measurement(path)
    return str(error.value).removeprefix(f"{path}:")


def test_every_request_of_k6s_output(tmp_path):
    record = read(tmp_path, "\n".join(OUTPUT) + "\n")
    total = record["totals"]
    assert (total["due"], total["completed"], total["failed"], total["not_sent"]) == (8, 3, 3, 2)
    assert {name: row["count"] for name, row in total["outcomes"].items()} == {
        "ok": 3, "refused": 2, "wrong_status": 1, "not_sent": 2,
    }  # fmt: skip
    assert record["started_unix_ns"] == 1_795_249_810_000_000_000
    assert (total["latency"]["min_ns"], total["latency"]["max_ns"]) == (5_000_000, 20_000_000)
    outage, single = record["outages"]["list"]
    assert (outage["first_bad_s"], outage["last_good_s"], outage["end_s"]) == (1.0, 0.0, 2.0)
    assert (outage["requests_lost"], outage["first_outcome"], single["isolated"]) == (2, "refused", True)
    assert record["outages"]["count"] == 1


def test_a_cut_last_line_of_k6s_output_is_left_out(tmp_path):
    assert read(tmp_path, "\n".join(OUTPUT) + '\n{"metric":"http_req_dur')["totals"]["due"] == 8


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("1050", "timeout_headers"), ("1101", "dns"), ("1211", "timeout_connecting"), ("1213", "unreachable"),
     ("1220", "reset"), ("1310", "tls"), ("1404", "wrong_status"), ("1000", "malformed")],
)  # fmt: skip
def test_k6s_error_codes(tmp_path, code, outcome):
    record = read(tmp_path, "\n".join([METRIC, bad("10", 1, code)]) + "\n")
    assert list(record["totals"]["outcomes"]) == [outcome]


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


def test_k6_and_the_probe_are_joined_request_by_request(tmp_path):
    k6 = Run("a", "during", "o.json", read(tmp_path, "\n".join(OUTPUT) + "\n"))
    figure = figures([k6, Run("a", "during", "p.json", probe_record())])
    assert (figure["attempts"], figure["failed"]) == (1208, 3)
    assert figure["latency_ms"]["p99"] is not None


def test_heys_csv_is_inconclusive(tmp_path):
    record = read(tmp_path, HEY)
    assert (record["totals"]["due"], record["totals"]["failed"]) == (3, 1)
    assert record["verdict"] == "inconclusive"
    assert record["reasons"] == ["hey leaves requests without an answer out of its CSV: how many failed is not known"]
    assert record["started_unix_ns"] == WRITTEN_NS - 154_700_000


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (METRIC + "\n", "2: k6's JSON output has no http_req_duration"),
        (METRIC + "\n" + '{"metric":"http_req_duration","type":"Point"}\n', "2: not a point of k6's JSON output"),
        ('{"root_group": {},\n"metrics": {}}', "2: k6's summary lacks 'http_reqs'"),
        (HEY.splitlines()[0] + "\n", "1: hey's CSV has no row"),
        (HEY + "0.1,0.2\n", "5: not a row of hey's CSV"),
        ('{"some": "json"}', '1: no "record": this is not a record of the lab'),
        ("plain text", "1: not JSON"),
        ("", "1: the file is empty"),
    ],
)
def test_what_is_none_of_them_is_refused_with_its_line(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)
