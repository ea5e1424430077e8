# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What one retry would have saved: known cases, and bounds that no estimate may leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.one_retry import (
    from_attempts,
    from_timeline,
    one_retry,
)
from ansible_collections.availability.lab.plugins.module_utils.report.read.attempts import read_attempts
from hypothesis import given, settings
from hypothesis import strategies as st

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures"
Row = dict[str, Any]


def probe(*rows: Row) -> dict[str, Any]:
    failed = sum(
        count
        for row in rows
        for outcomes in row.get("lanes", {"": row["outcomes"]}).values()
        for name, count in outcomes.items()
        if name not in ("ok", "not_sent")
    )
    return {"timeline": {"bucket_ms": 100, "rows": list(rows)}, "totals": {"failed": failed}}


def rescued(*rows: Row) -> float:
    found = from_timeline(probe(*rows))
    assert found is not None
    assert found["basis"] == "timeline"
    return float(found["rescued"])


def test_one_broken_endpoint_of_three_leaves_two_thirds_to_the_retry() -> None:
    rows = [{"i": i, "outcomes": {"ok": 200, "refused": 100}} for i in range(10)]
    assert rescued(*rows) == pytest.approx(1000 * 2 / 3, abs=1.5)


def test_where_nobody_answers_a_retry_fails_too() -> None:
    assert rescued(*({"i": i, "outcomes": {"refused": 5}} for i in range(10))) == 0


def test_a_single_failure_among_good_ones_is_rescued() -> None:
    assert rescued({"i": 0, "outcomes": {"ok": 1, "reset": 1}}, {"i": 1, "outcomes": {"ok": 2}}) == 1


def test_at_a_low_rate_the_next_request_within_a_second_tells() -> None:
    assert rescued({"i": 0, "outcomes": {"reset": 1}}, {"i": 5, "outcomes": {"ok": 1}}) == 1
    assert rescued({"i": 0, "outcomes": {"reset": 1}}, {"i": 11, "outcomes": {"ok": 1}}) == 0
    assert rescued({"i": 0, "outcomes": {"reset": 1}}) == 0


def test_a_kept_connection_that_breaks_is_rescued_by_a_new_one() -> None:
    lanes = {"new": {"ok": 10}, "reuse": {"reset": 10}}
    assert rescued({"i": 0, "outcomes": {"ok": 10, "reset": 10}, "lanes": lanes}) == 10
    assert rescued({"i": 0, "outcomes": {"reset": 10}, "lanes": {"reuse": {"reset": 10}}}) == 0


def test_what_was_not_sent_is_nobodys_peer() -> None:
    assert rescued({"i": 0, "outcomes": {"not_sent": 50, "ok": 5, "reset": 5}}) == pytest.approx(5 * 5 / 9, abs=0.05)


def test_a_timeline_that_lacks_failures_gives_no_estimate() -> None:
    assert from_timeline({"timeline": {"bucket_ms": 100, "rows": []}, "totals": {"failed": 3}}) is None


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 30), st.integers(0, 30)), unique_by=lambda row: row[0]))
def test_never_more_are_rescued_than_failed(rows: list[tuple[int, int, int]]) -> None:
    some = [{"i": i, "outcomes": {"ok": good, "refused": bad}} for i, good, bad in rows]
    assert 0 <= rescued(*some) <= sum(bad for _unused, _unused, bad in rows) + 0.05


def attempt(sent_s: float, outcome: str, service_ms: float = 10, lane: str = "new") -> dict[str, Any]:
    return {"sent_s": sent_s, "outcome": outcome, "service_ms": service_ms, "lane": lane, "due_s": sent_s}


def test_with_the_log_the_next_request_after_the_failure_decides() -> None:
    log = [
        attempt(0.0, "ok"),
        attempt(1.0, "reset"),  # next at 1.005 is before its end at 1.010; that of 1.02 is good
        attempt(1.005, "refused", 1),  # next at 1.02 is good
        attempt(1.02, "ok"),
        attempt(2.0, "timeout_headers", 500),  # ends at 2.5; next at 2.6 fails
        attempt(2.6, "refused", 1),  # nothing within a second
        attempt(9.0, "ok"),
        {"sent_s": None, "outcome": "not_sent", "service_ms": 0, "lane": "new", "due_s": 9.5},
    ]
    assert from_attempts(reversed(log)) == {"basis": "attempts", "rescued": 2}


def test_a_retry_goes_out_on_a_new_connection() -> None:
    log = [attempt(1.0, "reset", lane="reuse"), attempt(1.02, "ok", lane="reuse"), attempt(1.03, "refused")]
    assert from_attempts(log)["rescued"] == 0
    assert from_attempts(log[:2])["rescued"] == 1, "without a lane of new connections any next one counts"


def test_the_recorded_log_and_its_record_agree_roughly() -> None:
    record = json.loads((FIXTURES / "probe-record.json").read_text())
    estimate = from_timeline(record)
    assert estimate is not None
    assert 0 <= estimate["rescued"] <= record["totals"]["failed"]
    assert from_attempts(read_attempts(FIXTURES / "probe-attempts.jsonl"))["basis"] == "attempts"


def test_a_variants_probes_are_joined() -> None:
    parts = [{"basis": "timeline", "rescued": 1.5}, {"basis": "attempts", "rescued": 2}]
    assert one_retry(parts, 90, 100) == {
        "basis": "attempts and timeline", "rescued": 3.5, "availability_percent": 93.5,
    }  # fmt: skip
    assert one_retry([parts[0], None], 90, 100) is None
    assert one_retry(parts, 0, 0) is None
