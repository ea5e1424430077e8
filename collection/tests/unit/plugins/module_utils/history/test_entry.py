# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A run's summary: what is in it, how small it is, and how a broken one is refused."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.history.entry import (
    HistoryError,
    entry_of,
    parse_entry,
    run_name,
    to_text,
)
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.history.samples import entry, result

SCHEMA = json.loads((Path(__file__).resolve().parents[6] / "docs" / "history.schema.json").read_text())


def test_the_summary_has_the_results_figures() -> None:
    whole = result(bad=[(4, 6, "refused"), (11, 11.05, "reset")])
    made = entry_of(whole, "quick")
    jsonschema.validate(made, SCHEMA)
    (variant,) = made["variants"]
    figures = whole["variants"][0]["figures"]
    assert (made["run"], made["profile"], made["verdict"]) == ("2026-11-21T070000.000000Z", "quick", whole["verdict"])
    assert (variant["attempts"], variant["failed"]) == (400, 41) == (figures["attempts"], figures["failed"])
    assert variant["availability_percent"] == figures["availability"]["planned"]["percent"]
    assert variant["longest_outage_s"] == 2.0
    assert variant["blocks"] == {"length_s": 5, "observed": 4, "failing": 3}, "0-5, 5-10 and 10-15 s had failures"


def test_requests_that_the_client_did_not_send_make_no_failing_block() -> None:
    assert entry(bad=[(4, 6, "not_sent")])["variants"][0]["blocks"]["failing"] == 0


def test_it_is_small() -> None:
    assert len(to_text(entry(variants=12)).encode()) < 4096


def test_names_of_runs_sort_by_time() -> None:
    assert run_name(1_795_244_400_000_001_999) == "2026-11-21T070000.000001Z"
    assert run_name(999_999_999_000_000_000) < run_name(1_000_000_000_000_000_000)


def test_what_was_stored_comes_back() -> None:
    made = entry()
    assert parse_entry("here", to_text(made)) == made


@pytest.mark.parametrize("name", ["a/b", "", "../x", "a b", "x" * 101])
def test_a_scenario_that_is_no_name_for_a_key(name: str) -> None:
    with pytest.raises(HistoryError, match="expected letters, digits"):
        entry_of({**result(), "scenario": name}, "")


def broken() -> list[tuple[str, str]]:
    made = entry()
    whole = to_text(made)
    lacking = {key: value for key, value in made.items() if key != "variants"}
    unnamed = {**made, "variants": [{"name": "a"}]}
    return [
        ("", '1: empty; expected a record of kind "history"'),
        (whole[:200], "1: the record ends in the middle"),
        (json.dumps(made, indent=1)[:100], "5: the record ends in the middle"),
        ("{}", '1: no "record"'),
        ("[1]", '1: no "record"'),
        ("hello", "1: not JSON"),
        (whole.replace('"history"', '"result"'), '1: "record" is "result"; expected "history"'),
        (
            whole.replace('"schema_version":1', '"schema_version":2'),
            '1: "schema_version" 2 of "history" is newer than 1',
        ),
        (json.dumps(lacking), '1: "variants" is missing: not an entry of the history'),
        (json.dumps({**made, "started_unix_ns": "7"}, indent=1), '7: "started_unix_ns" is not a int'),
        (json.dumps(unnamed), '1: "attempts" is missing: not a variant of the history'),
    ]


@pytest.mark.parametrize(("text", "words"), broken())
def test_a_broken_entry_is_refused_with_place_and_line(text: str, words: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_entry("etcd:/a/b", text)
    assert str(caught.value).startswith(f"etcd:/a/b:{words}")
