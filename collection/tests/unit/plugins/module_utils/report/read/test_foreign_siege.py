# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""siege 4.0.7 (Debian): 60 requests to a server of which one answer in ten is a 404, one a 500, and one is dropped."""

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

TEXT = (MADE / "siege.txt").read_text()
SUMS = json.loads((MADE / "siege.json").read_text())


@pytest.mark.parametrize("name", ["siege.txt", "siege.json"])
def test_only_successful_transactions_are_good(name):
    record = made(name)
    assert (SUMS["transactions"], SUMS["failed_transactions"], SUMS["availability"]) == (48, 12, 80.0)
    assert counts(record) == (60, 42, 18)
    assert outcomes(record) == {"ok": 42, "wrong_status": 6, "malformed": 12}
    assert record["verdict"] == "fail"


def test_a_service_that_answers_nothing_but_404_is_no_success_though_siege_says_100_percent(tmp_path):
    """As siege itself wrote it of such a service."""
    record = read(
        tmp_path,
        json.dumps(
            SUMS | {"transactions": 10, "availability": 100, "successful_transactions": 0, "failed_transactions": 0}
        ),
    )
    assert (counts(record), record["verdict"]) == ((10, 0, 10), "fail")


def test_the_note_of_a_first_run_stands_before_the_json(tmp_path):
    note = "New configuration template added to /root/.siege\nRun siege -C to view the current settings in that file\n"
    assert counts(read(tmp_path, note + json.dumps(SUMS))) == (60, 42, 18)


def test_newer_versions_print_milliseconds(tmp_path):
    record = read(tmp_path, TEXT.replace("Longest transaction:\t        0.01", "Longest transaction:\t       12.00 ms"))
    assert record["totals"]["latency"]["max_ns"] == 12_000_000


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (TEXT.replace("Failed transactions", "Foiled"), "1: siege's sums lack failed_transactions"),
        (json.dumps(SUMS | {"successful_transactions": 49}), "1: siege counts 48 transactions, but 49 successful ones"),
        (json.dumps(SUMS | {"transactions": None}), "1: not as in siege's sums"),
    ],
)
def test_missing_and_impossible_figures_are_refused(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)
