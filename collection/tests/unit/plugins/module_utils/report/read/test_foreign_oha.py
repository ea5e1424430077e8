# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""oha 1.16.0: 100 requests, ten of them got a 404, ten a 500, ten no answer; its JSON and its database."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    MADE,
    counts,
    made,
    outcomes,
    problem,
    read,
)

SAID = json.loads((MADE / "oha.json").read_text())


def test_the_json_by_statuses_and_errors():
    record = made("oha.json")
    assert SAID["statusCodeDistribution"] == {"200": 70, "404": 10, "500": 10}
    assert SAID["summary"]["successRate"] == 0.9  # any answer is a success to oha
    assert counts(record) == (100, 70, 30)
    assert outcomes(record) == {"ok": 70, "wrong_status": 20, "reset": 10}
    latency = record["totals"]["latency"]
    assert (latency["mean_ms"], latency["p50_ms"], latency["p999_ms"]) == (4.544043, 3.846776, 13.596203)
    assert record["elapsed_s"] == SAID["summary"]["total"]


def test_requests_in_flight_at_the_deadline_are_neither_good_nor_bad(tmp_path):
    """oha -z: 92 answers, 4 aborted due to deadline."""
    record = made("oha-deadline.json")
    assert outcomes(record) == {"ok": 74, "wrong_status": 18, "client_late": 4}
    assert record["totals"]["not_sent"] == 4
    clean = json.loads((MADE / "oha-deadline.json").read_text()) | {"statusCodeDistribution": {"200": 92}}
    good = read(tmp_path, json.dumps(clean))
    assert good["verdict"] == "inconclusive"
    assert "--wait-ongoing-requests-after-deadline" in good["reasons"][0]


def test_a_service_that_refuses_everything():
    record = made("oha-refused.json")
    assert (outcomes(record), record["totals"]["latency"]["mean_ms"]) == ({"refused": 5}, None)


def test_the_database_has_every_answer_but_no_failed_connection():
    record = made("oha.db")
    assert counts(record) == (90, 70, 20)
    assert record["verdict"] == "fail"
    assert record["reasons"][1].startswith("oha leaves requests without an answer out of its database")
    assert record["totals"]["latency"]["max_ns"] == 13_596_203
    assert record["started_unix_ns"] // 1_000_000_000 == 1_795_850_947
    assert record["timeline"]["rows"]


def test_a_database_without_a_failure_is_inconclusive(tmp_path):
    path = tmp_path / "oha.db"
    path.write_bytes((MADE / "oha.db").read_bytes())
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM oha WHERE status <> 200")
        database.commit()
    record = read(tmp_path, path.read_bytes())
    assert (counts(record), record["verdict"]) == ((70, 70, 0), "inconclusive")


def test_databases_of_others_and_empty_ones_are_refused(tmp_path):
    for table, text in (("other (x)", "not a database of oha's (no such table"), ("oha (run, start_latency_correction, "
        "start, duration, status)", "oha's database has no row")):  # fmt: skip
        path = tmp_path / "some.db"
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"CREATE TABLE {table}")
        assert problem(tmp_path, path.read_bytes()).startswith(f"1: {text}")
    assert problem(tmp_path, (MADE / "oha.db").read_bytes()[:3000]).startswith("1: not a database of oha's")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (json.dumps({k: v for k, v in SAID.items() if k != "errorDistribution"}), "1: oha's JSON lacks 'errorDistri"),
        (json.dumps(SAID | {"summary": {}}), "1: oha's JSON lacks 'total'"),
        (json.dumps(SAID | {"statusCodeDistribution": {"200": -1}}), "1: not as in oha's JSON"),
    ],
)
def test_missing_figures_are_named(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)
