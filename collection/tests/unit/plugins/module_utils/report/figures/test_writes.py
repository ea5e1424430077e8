# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Numbered writes against what was stored: each kind by a story, and every write in exactly one kind."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.report import expectation
from ansible_collections.availability.lab.plugins.module_utils.report.figures.writes import count_writes, read_stored
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.plugins.module_utils.report.render import markdown, prometheus, text
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record
from hypothesis import given
from hypothesis import strategies as st

SCHEMA = json.loads((Path(__file__).resolve().parents[7] / "docs" / "result.schema.json").read_text())


def log(*outcomes):
    return [{"n": number, "outcome": outcome, "due_s": number / 10} for number, outcome in enumerate(outcomes)]


def counts(outcomes, stored):
    found = count_writes("a.jsonl", log(*outcomes), stored, len(outcomes))
    return {name: count for name, count in found.items() if count}


@pytest.mark.parametrize(
    ("outcomes", "stored", "found"),
    [
        (["ok", "ok"], ["1", "0"], {"acknowledged": 2}),
        (["ok", "ok"], ["0"], {"acknowledged": 2, "lost": 1}),
        (["ok"], ["0", "0", "0"], {"acknowledged": 1, "duplicated": 2}),
        (["reset"], ["0"], {"unacknowledged_kept": 1}),
        (["reset"], [], {"unavailable": 1}),
        (["reset"], ["0", "0"], {"unacknowledged_kept": 1, "duplicated": 1}),
        (["ok"], ["0", "7", "hello", "00"], {"acknowledged": 1, "foreign": 3}),
        (["not_sent", "ports_exhausted"], [], {}),
        (["not_sent"], ["0"], {"foreign": 1}),
    ],
)
def test_each_kind(outcomes, stored, found):
    assert counts(outcomes, stored) == found


def test_two_lanes_write_every_number_twice():
    requests = [*log("ok", "ok", "reset"), *log("ok", "reset", "reset")]
    found = count_writes("a.jsonl", requests, ["0", "0", "1", "2"], 6)
    assert found == {
        "acknowledged": 3, "lost": 0, "duplicated": 0, "unacknowledged_kept": 1, "unavailable": 2, "foreign": 0
    }  # fmt: skip


@given(st.lists(st.sampled_from(["ok", "reset", "not_sent"]), max_size=30), st.lists(st.integers(0, 40), max_size=60))
def test_every_write_and_every_copy_is_counted_once(outcomes, stored):
    found = count_writes("a.jsonl", log(*outcomes), [str(value) for value in stored], len(outcomes))
    assert found["acknowledged"] == outcomes.count("ok")
    assert found["unacknowledged_kept"] + found["unavailable"] == outcomes.count("reset")
    kept = found["acknowledged"] - found["lost"] + found["unacknowledged_kept"]
    assert kept + found["duplicated"] + found["foreign"] == len(stored)


def test_a_log_that_does_not_hold_all_requests_is_refused():
    with pytest.raises(RecordError, match=r"a\.jsonl:2: holds 2 of 3 requests"):
        count_writes("a.jsonl", log("ok", "ok"), [], 3)
    assert count_writes("a.jsonl", log("ok", "ok"), ["0", "1"], None)["acknowledged"] == 2  # the probe was killed
    with pytest.raises(RecordError, match=r'a\.jsonl:1: expected "n", the number of the request'):
        count_writes("a.jsonl", [{"outcome": "ok", "due_s": 0}], [], 1)


def test_stored_values_are_numbers_or_text(tmp_path):
    path = tmp_path / "stored.json"
    path.write_text('["0", 1,\n "zwei"]\n')
    assert read_stored(path) == ["0", "1", "zwei"]
    path.write_text("[]")
    assert read_stored(path) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", r"stored\.json:1: the file is empty"),
        ('["0",\n "1"', r"stored\.json:2: not JSON"),
        ('{"0": 1}', r"stored\.json:1: expected a list of what was stored, got an object"),
        ('["0",\n 1,\n null,\n "3"]', r"stored\.json:3: expected a number or text, got null"),
        ('["0", [1]]', r"stored\.json:1: expected a number or text, got a list"),
        ("[\n1.5]", r"stored\.json:2: expected a number or text, got a fraction"),
        ("[\n\ntrue]", r"stored\.json:3: expected a number or text, got true or false"),
    ],
)
def test_garbled_files_are_named_with_their_line(tmp_path, content, problem):
    path = tmp_path / "stored.json"
    path.write_text(content)
    with pytest.raises(RecordError, match=problem):
        read_stored(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"gone\.json:0: cannot be read"):
        read_stored(tmp_path / "gone.json")


def result(lines=()):
    found = {"acknowledged": 1190, "lost": 7, "duplicated": 1, "unacknowledged_kept": 2, "unavailable": 8, "foreign": 0}
    runs = [
        Run("no-volume", "during", "a.json", probe_record(), writes=found),
        Run("volume", "during", "b.json", probe_record(), writes={**found, "lost": 0}),
        Run("reads", "during", "c.json", probe_record()),
    ]
    phases = {run.variant: ["during"] for run in runs}
    record = build("persistence", "", runs, [expectation.parse(line, phases) for line in lines], {})
    jsonschema.validate(record, SCHEMA)
    return record


def test_expectations_compare_writes():
    lines = ["volume: writes_lost == 0", "no-volume.writes_lost > volume.writes_lost", "reads: writes_lost == 0"]
    rows = result(lines)["expectations"]
    assert [row["ok"] for row in rows] == [True, True, False]
    assert rows[1]["found"] == "7 against 0"
    assert rows[2]["found"] == "no data: stored was not given"


def test_writes_are_shown():
    record = result()
    lines = [" ".join(line.split()) for line in text.render(record).splitlines()]
    assert "writes acknowledged lost duplicated unacknowledged kept unavailable foreign" in lines
    assert "no-volume 1,190 7 1 2 8 0" in lines
    assert "| no-volume | 1,190 | 7 | 1 | 2 | 8 | 0 |" in markdown.render(record)
    assert "| reads | " not in markdown.render(record).split("**Writes**")[1]


def test_writes_are_metrics():
    lines = prometheus.render(result()).splitlines()
    where = 'scenario="persistence",variant="no-volume"'
    assert f'availability_lab_writes{{{where},kind="lost"}} 7' in lines
    assert not [line for line in lines if line.startswith("availability_lab_writes") and "reads" in line]
