# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Reports of what other tools measured: from their files to ours."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.history.entry import entry_of, parse_entry, to_text
from ansible_collections.availability.lab.plugins.module_utils.report.compare.observed import observed_result
from ansible_collections.availability.lab.plugins.module_utils.report.figures.phases import PhaseError
from ansible_collections.availability.lab.plugins.module_utils.report.publish import FORMATS, publish
from ansible_collections.availability.lab.plugins.module_utils.report.render.overview import render_text, rows_of
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import MADE

DOCS = Path(__file__).resolve().parents[6] / "docs"
SCHEMA = json.loads((DOCS / "result.schema.json").read_text())
HISTORY_SCHEMA = json.loads((DOCS / "history.schema.json").read_text())
READABLE = sorted(path.name for path in MADE.iterdir() if path.name != "vegeta.bin")


def report(folder, name, *expectations, formats=("json", "markdown", "prometheus"), **window):
    source = {"variant": "a", "phase": "during", "probe": str(MADE / name), "cluster": None, "attempts": None, **window}
    return publish(
        scenario="x",
        title="",
        directory=folder,
        sources=[{**source, "events": []}],
        expectations=expectations,
        formats=formats,
    )


@pytest.mark.parametrize("name", READABLE)
def test_every_format_becomes_a_whole_report_in_which_failures_fail(tmp_path, name):
    published = report(tmp_path, name)
    jsonschema.validate(published.record, SCHEMA)
    assert published.record["verdict"] == "fail"
    assert published.record["variants"][0]["figures"]["failed"] > 0


def test_where_a_loss_is_expected_it_may_happen(tmp_path):
    assert report(tmp_path, "vegeta.jsonl", "failed > 0").record["verdict"] == "pass"
    assert report(tmp_path, "vegeta.jsonl", "failed == 0").record["verdict"] == "fail"
    assert report(tmp_path, "hey.csv", "failed > 0").record["verdict"] == "inconclusive"  # hey does not tell all


def test_outages_that_a_summary_does_not_tell_are_said_to_be_not_known(tmp_path):
    published = report(tmp_path, "wrk.txt", "longest_outage < 1s", formats=FORMATS)
    assert "expected longest_outage < 1s, found no data (a)" in published.record["reasons"]
    assert "| 44 ms | 53 ms | not known |" in (tmp_path / "summary.md").read_text()
    assert "outages are not known" in (tmp_path / "report.html").read_text()
    assert "availability_lab_longest_outage_seconds" not in (tmp_path / "metrics.prom").read_text()
    rows = rows_of(published.record)
    assert (rows[0]["outages"], rows[0]["longest_outage_s"]) == (None, None)
    assert "not known" in render_text({"rows": rows, "verdict": "fail"})


@pytest.mark.parametrize(("name", "longest_s"), [("wrk.txt", None), ("vegeta.jsonl", pytest.approx(0.6, abs=0.6))])
def test_a_later_run_is_not_held_against_outages_that_are_not_known(tmp_path, name, longest_s):
    published = report(tmp_path, name)
    entry = entry_of(published.record, "")
    jsonschema.validate(entry, HISTORY_SCHEMA)
    assert parse_entry("here", to_text(entry))["variants"][0]["longest_outage_s"] == longest_s
    assert observed_result(str(tmp_path / "result.json")).variants["a"].longest_outage_s == longest_s


def test_a_recovery_is_looked_for_in_the_seconds_of_locusts_history(tmp_path):
    """Requests failed in every second of it, the last one too."""
    window = {"disturbed_from": 1_795_850_195, "disturbed_to": 1_795_850_196, "stable": 1}
    expected = ("failed > 0", "a.during: longest_outage < 1s")
    record = report(tmp_path, "locust_stats_history.csv", *expected, formats=FORMATS, **window).record
    assert record["variants"][0]["recovery"]["text"] == "no data: requests failed until the end"
    phases = [(one["name"], one["figures"]["attempts"]) for one in record["variants"][0]["phases"]]
    assert phases == [("before", 30), ("during", 30), ("recover", 91)]
    assert record["reasons"] == ["expected a.during: longest_outage < 1s, found no data (a)"]


def test_a_summary_cannot_be_cut_into_phases(tmp_path):
    window = {"disturbed_from": 1_795_850_195, "disturbed_to": 1_795_850_196}
    with pytest.raises(PhaseError, match="timeline holds 0 of 222 requests"):
        report(tmp_path, "wrk.txt", **window)
