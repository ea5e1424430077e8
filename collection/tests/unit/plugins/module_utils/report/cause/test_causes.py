# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What no rule of the cluster explains, what a record cannot say, and that every rule is tested and documented."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import RULES, TITLES, explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story, causes, only


@pytest.mark.parametrize("outcome", ["ports_exhausted", "descriptors_exhausted", "not_sent"])
def test_the_probes_own_fault(story: Story, outcome: str) -> None:
    story.delete(20, "web-a")
    story.unsent(20.1, outcome, 7)
    assert causes(story) == [("probe_fault", "high", "probe")]


def test_a_failed_control_target_is_the_probes_fault(story: Story) -> None:
    story.delete(20, "web-a")
    story.fail(20.2, "refused", control_failed=True)
    story.fail(40, "dns", control_failed=True)
    assert causes(story) == [("probe_fault", "high", "probe")] * 2


def test_a_name_or_a_certificate_is_nobodys_fault_that_the_probe_could_tell(story: Story) -> None:
    story.fail(40, "dns")
    story.fail(60, "tls", count=50, until_s=70)
    assert causes(story) == [("dns", "medium", "name"), ("tls", "medium", "certificate")]


def test_an_answer_of_the_application_is_not_blamed_on_the_cluster(story: Story) -> None:
    story.delete(20, "web-a")
    story.fail(20.2, "wrong_status")
    assert causes(story) == [("application_error", "medium", "application")]


def test_an_error_answered_while_a_service_behind_lost_its_pod_names_that_pod(story: Story) -> None:
    behind = {"service": "redis", "ports": [6379]}
    member = {"pod": "redis-0", "uid": "redis-0", "ready": True, "serving": True, "terminating": False}
    story.change(0, "EndpointSlice", "redis-x", {**behind, "endpoints": [member]}, via="list")
    story.change(30, "EndpointSlice", "redis-x", {**behind, "endpoints": []})
    story.change(35, "EndpointSlice", "redis-x", {**behind, "endpoints": [member]})
    story.fail(31, "wrong_status", count=50, until_s=35)
    story.fail(50, "wrong_status")
    assert causes(story) == [("no_ready_endpoint", "medium", "redis"), ("application_error", "medium", "application")]
    row = explain(story.probe(), story.cluster)["failures"][0]
    assert "befell Service redis, not web itself" in row["cause"]["evidence"][-1]["text"]
    assert row["executed"] == {"no": 0, "yes": 50, "unknown": 0}


def test_a_service_that_never_had_an_endpoint_explains_nothing(story: Story) -> None:
    story.change(0, "EndpointSlice", "idle-x", {"service": "idle", "ports": [1], "endpoints": []}, via="list")
    story.fail(31)
    assert only(story)["id"] == "unknown"


def test_what_no_rule_explains_is_unknown_and_says_what_was_near(story: Story) -> None:
    story.delete(20, "web-a")
    story.fail(27)
    story.fail(80)
    rows = explain(story.probe(), story.cluster)["failures"]
    assert [row["cause"]["id"] for row in rows] == ["unknown", "unknown"]
    assert "the nearest: Pod web-a deleted" in rows[0]["cause"]["evidence"][0]["text"]
    assert "0 changes were recorded" in rows[1]["cause"]["evidence"][0]["text"]


def test_a_failure_before_its_cause_is_unknown(story: Story) -> None:
    story.fail(19)
    story.delete(20, "web-a")
    assert only(story)["id"] == "unknown"


def test_outside_the_record_nothing_is_claimed(story: Story) -> None:
    story.unready(100, "web-a")
    story.unready(100, "web-b")
    story.fail(130)
    cause = only(story)
    assert cause["id"] == "unknown"
    assert "does not cover this time" in cause["evidence"][0]["text"]


def test_a_gap_of_the_watch_lowers_the_confidence_and_is_said(story: Story) -> None:
    story.delete(20, "web-a")
    story.gap(19, 21)
    story.fail(20.3)
    cause = only(story)
    assert (cause["id"], cause["confidence"]) == ("terminated_while_routed", "medium")
    assert "the watch of Pod was down" in cause["evidence"][-1]["text"]


def test_every_rule_has_a_test_here_and_a_paragraph_in_the_docs() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    docs = (Path(__file__).parents[7] / "docs" / "causes.md").read_text()
    for name in TITLES:
        assert f'"{name}"' in text
        assert f"`{name}`" in docs
    assert set(RULES) | {"front_disrupted", "unknown"} == set(TITLES)
