# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""hey's CSV and its text, as hey 0.1.4 writes them, read as probe records."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.summary import hey
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    MADE,
    WRITTEN_NS,
    counts,
    made,
    outcomes,
    problem,
    read,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record

HEY = """response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
0.0036,0.0002,0.0000,0.0001,0.0032,0.0001,500,0.0628
0.0446,0.0013,0.0000,0.0034,0.0398,0.0000,200,0.0624
0.0477,0.0000,0.0000,0.0000,0.0002,0.0475,200,0.1070
"""
INCOMPLETE = "hey leaves requests without an answer out of its CSV: how many failed is not known"


def test_heys_csv_is_inconclusive_at_best(tmp_path):
    record = read(tmp_path, HEY)
    assert counts(record) == (3, 2, 1)
    assert (record["verdict"], record["reasons"]) == ("fail", ["failed is 1, expected == 0", INCOMPLETE])
    assert record["started_unix_ns"] == WRITTEN_NS - 154_700_000
    good = read(tmp_path, HEY.replace(",500,", ",200,"))
    assert (good["verdict"], good["reasons"]) == ("inconclusive", [INCOMPLETE])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (HEY.splitlines()[0] + "\n", "1: hey's CSV has no row"),
        (HEY + "0.1,0.2\n", "5: not a row of hey's CSV"),
        (HEY.replace("0.0036", "NaN"), "2: not a row of hey's CSV (NaN is no duration)"),
        (HEY.replace("0.0036", "Inf"), "2: not a row of hey's CSV (Inf is no duration)"),
        (HEY.replace("0.0036", "-1"), "2: not a row of hey's CSV (-1 is no duration)"),
    ],
)
def test_what_is_no_csv_of_hey_is_refused_with_its_line(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)


def test_a_blank_line_and_a_header_that_was_taken_off_change_nothing(tmp_path):
    whole = read(tmp_path, HEY)
    assert read(tmp_path, HEY + "\n\n") == whole
    assert read(tmp_path, HEY.split("\n", 1)[1]) == whole


def test_no_status_is_no_good_answer(tmp_path):
    record = read(tmp_path, HEY.replace(",500,", ",0,").replace(",200,0.0624", ",,0.0624"))
    assert outcomes(record) == {"malformed": 2, "ok": 1}
    assert record["verdict"] == "fail"


def test_the_columns_are_found_by_name(tmp_path):
    record = read(tmp_path, "response-time,status-code,offset\n0.0036,200,0.5\n0.0036,503,0.6\n")
    assert (outcomes(record), record["elapsed_s"]) == ({"ok": 1, "wrong_status": 1}, 0.6036)


def test_without_offsets_only_the_sums_are_known(tmp_path):
    """hey of 5 to 18 September 2018."""
    record = read(tmp_path, "\n".join(line.rpartition(",")[0] for line in HEY.splitlines()) + "\n")
    assert (counts(record), record["elapsed_s"], record["timeline"]["rows"]) == ((3, 2, 1), 0, [])
    assert record["totals"]["latency"]["max_ns"] == 47_700_000
    assert "no offset" in record["options"]["note"]


def test_without_statuses_the_file_is_refused(tmp_path):
    text = problem(tmp_path, "\n".join(line.rpartition(",")[0].rpartition(",")[0] for line in HEY.splitlines()) + "\n")
    assert text.startswith("1: hey's CSV lacks 'status-code'")
    assert "which requests failed is not known" in text


def test_a_last_row_that_was_cut_off_is_left_out_and_said(tmp_path):
    record = read(tmp_path, HEY + "0.0477,0.00")
    assert (counts(record), record["complete"]) == ((3, 2, 1), False)
    assert read(tmp_path, HEY.rstrip("\n"))["complete"]


def test_what_hey_itself_wrote():
    """hey 0.1.4 -n 60: [200] 48 responses, [404] 6 responses, [500] 6 responses."""
    record = made("hey.csv")
    assert (counts(record), outcomes(record)) == ((60, 48, 12), {"ok": 48, "wrong_status": 12})


def test_heys_text_counts_what_its_csv_leaves_out():
    """hey 0.1.4 -n 60: [200] 42 responses, [404] 6, [500] 6, and [6] EOF."""
    record = made("hey.txt")
    assert (counts(record), outcomes(record)) == ((60, 42, 18), {"ok": 42, "wrong_status": 12, "reset": 6})
    latency = record["totals"]["latency"]
    assert latency["p50_ms"] < latency["p90_ms"] < latency["max_ns"] / 1e6
    assert (latency["count"], latency["p99_ms"]) == (54, None)
    assert record["reasons"] == ["failed is 18, expected == 0"]


def test_heys_text_of_a_service_that_refuses_everything():
    record = made("hey-refused.txt")
    assert (outcomes(record), record["verdict"]) == ({"refused": 6}, "fail")
    assert record["totals"]["latency"]["mean_ms"] is None


def test_heys_text_without_its_end_is_refused(tmp_path):
    text = (MADE / "hey.txt").read_text()
    assert problem(tmp_path, text[: text.index("Status code")]).startswith("1: hey's text lacks 'Total:' or 'Status")
    cut = problem(tmp_path, text[: text.index("Error dist")])
    assert cut.startswith("1: hey's text has 54 statuses and errors of about 60 requests")


def test_this_collections_own_words_in_heys_way_are_not_taken_for_heys(tmp_path):
    words = hey.render(probe_record(bad=[(1.0, 2.0, "refused")]))
    assert "not JSON, nor another result that is known" in problem(tmp_path, words)
