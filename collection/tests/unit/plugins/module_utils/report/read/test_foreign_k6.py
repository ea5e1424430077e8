# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""k6's JSON output, as k6 1.1.0 writes it, read as probe records."""

from __future__ import annotations

import gzip
import json

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.figures import figures
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    counts,
    made,
    outcomes,
    problem,
    read,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record

METRIC = '{"type":"Metric","data":{"name":"http_reqs","type":"counter"},"metric":"http_reqs"}'


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


def test_k6_and_the_probe_are_joined_request_by_request(tmp_path):
    k6 = Run("a", "during", "o.json", read(tmp_path, "\n".join(OUTPUT) + "\n"))
    figure = figures([k6, Run("a", "during", "p.json", probe_record())])
    assert (figure["attempts"], figure["failed"]) == (1208, 3)
    assert figure["latency_ms"]["p99"] is not None


def few(at, status=None, failed=None, **tags):
    """The points of one request whose systemTags are cut down."""
    tags = {"url": "http://svc/", **({"status": status} if status else {}), **tags}
    judged = [] if failed is None else [point(at, failed, "http_req_failed", **tags)]
    return [point(at, 9.0, **tags), *judged]


def lines(*points):
    return "\n".join([METRIC, *points]) + "\n"


def test_what_the_script_expects_is_good_whatever_its_error_code(tmp_path):
    polled = [point(f"1{i}.0", 12.5, status="404", error_code="1404", expected_response="true") for i in range(8)]
    record = read(tmp_path, lines(*polled, good("18.0", 11.0), bad("19.0", 11.0, "1500", status="500")))
    assert counts(record) == (10, 9, 1)
    assert record["totals"]["outcomes"]["ok"]["example"] == "status 404"
    assert record["outages"]["count"] == 0


def test_an_unexpected_answer_is_a_failure_though_it_has_no_error_code(tmp_path):
    record = read(tmp_path, lines(point("10.0", 3.0, status="200", expected_response="false")))
    assert outcomes(record) == {"wrong_status": 1}


def test_without_tags_of_k6s_judgement_its_points_beside_the_request_tell(tmp_path):
    record = read(tmp_path, lines(*few("10.0", failed=0), *few("11.0", failed=1), *few("11.0", failed=0)))
    assert counts(record) == (3, 2, 1)
    assert record["verdict"] == "fail"
    expected_404 = read(tmp_path, lines(*few("10.0", "404", failed=0), *few("11.0", "200", failed=1)))
    assert counts(expected_404) == (2, 1, 1)


def test_without_any_judgement_the_status_tells(tmp_path):
    record = read(tmp_path, lines(*(few(f"1{i}.0", s)[0] for i, s in enumerate(("200", "302", "404", "503", "0")))))
    assert counts(record) == (5, 2, 3)
    assert outcomes(record) == {"ok": 2, "wrong_status": 2, "malformed": 1}
    coded = read(tmp_path, lines(point("10.0", 0, error_code="1212")))
    assert outcomes(coded) == {"refused": 1}


def test_a_request_of_which_nothing_tells_is_refused_not_counted_as_good(tmp_path):
    text = problem(tmp_path, lines(*few("10.0", "200"), *few("11.0")))
    assert text.startswith("3: no tag of k6's JSON output tells whether this request failed")


def test_gzipped_output_is_read_and_one_that_was_cut_off_is_not_whole(tmp_path):
    whole = gzip.compress(lines(*(good(f"1{i}.{k:03}", 5.0) for i in range(10) for k in range(0, 999, 9))).encode())
    record = read(tmp_path, whole)
    assert (counts(record), record["complete"], record["verdict"]) == ((1110, 1110, 0), True, "pass")
    part = read(tmp_path, whole[: len(whole) // 2])
    assert 0 < part["totals"]["due"] < 1110
    assert (part["complete"], part["stopped_by"], part["verdict"]) == (False, "killed", "inconclusive")
    assert problem(tmp_path, whole[:2] + b"no deflate").startswith("0: a broken gzip file")


def test_a_file_that_ends_in_the_middle_is_no_pass(tmp_path):
    record = read(tmp_path, lines(good("10.0", 5.0)) + few("11.0")[0] + "\n" + '{"metric":"http_req_fai')
    assert counts(record) == (1, 1, 0)
    assert record["verdict"] == "inconclusive"
    assert record["reasons"] == ["the file ends in the middle: the tool was killed, or still writes"]


def test_iterations_that_k6_dropped_are_no_pass_and_alone_they_are_no_data(tmp_path):
    dropped = read(tmp_path, lines(good("10.0", 5.0), point("10.5", 2, "dropped_iterations")))
    assert (dropped["verdict"], counts(dropped)) == ("inconclusive", (3, 1, 0))
    nothing = read(tmp_path, lines(point("10.5", 2, "dropped_iterations")))
    assert (nothing["verdict"], nothing["reasons"]) == ("inconclusive", ["nothing was measured"])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (METRIC + "\n", "2: k6's JSON output has no http_req_duration"),
        (METRIC + "\n" + '{"metric":"http_req_duration","type":"Point"}\n', "2: not a point of k6's JSON output"),
        (lines(point("10", float("nan"), status="200")), "2: not a point of k6's JSON output (nan is no duration)"),
        (lines(point("10", -1, status="200")), "2: not a point of k6's JSON output (-1 is no duration)"),
    ],
)
def test_a_broken_output_is_refused_with_its_line(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("k6.json.gz", {"ok": 40, "wrong_status": 4, "refused": 4, "reset": 4}),
        ("k6-few-tags.json.gz", {"ok": 40, "wrong_status": 4, "malformed": 8}),
        ("k6-no-status.json.gz", {"ok": 40, "wrong_status": 12}),
    ],
)
def test_what_k6_itself_wrote_has_k6s_own_totals(name, found):
    """k6 1.1.0, of 52 requests: 20 good, 20 x 404 as expected, 500, refused and dropped 4 each; 23.07% 12 out of 52.

    Written to FILE.gz, with all system tags, with url, method and status, and with url alone.
    """
    record = made(name)
    assert (counts(record), outcomes(record), record["complete"]) == ((52, 40, 12), found, True)
    assert record["verdict"] == "fail"
