# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Somebody changed the Service, or released another version behind it."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story, causes, only


def test_a_selector_that_no_pod_matches(story: Story) -> None:
    story.service(40, app="wbe")
    story.no_endpoints(40.1)
    story.fail(40.2, "refused", count=700, until_s=119)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("selector_changed", "high", "web")
    assert cause["change"] == {
        "text": "no pod has these labels: correct the selector",
        "target": "Service/web",
        "patch": {},
    }


def test_a_target_port_where_nobody_listens(story: Story) -> None:
    ports = [{"port": 80, "target_port": 8080, "node_port": 30080}]
    state = {"selector": story.selector, "cluster_ip": "10.96.0.9", "load_balancer": [], "ports": ports}
    story.change(40, "Service", "web", state)
    story.fail(40.3, "refused", count=700, until_s=119)
    assert causes(story) == [("service_changed", "high", "web")]


def test_a_service_that_is_deleted_takes_its_endpoints_along(story: Story) -> None:
    state = {"selector": story.selector, "cluster_ip": "10.96.0.9", "load_balancer": [], "ports": story.ports}
    story.change(40, "Service", "web", state, event="deleted")
    story.no_endpoints(40.1)
    story.fail(40.3, "refused", count=700, until_s=119)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("service_changed", "high", "web")
    assert cause["evidence"][0]["text"] == "Service web was deleted"


def release(story: Story) -> None:
    story.pod(30, "web-c", image="web:2.0")
    story.ready(32, "web-c")
    story.delete(32.1, "web-a")
    story.pod(32.2, "web-d", image="web:2.0")
    story.ready(34, "web-d")
    story.delete(34.1, "web-b")


@pytest.mark.parametrize("outcome", ["wrong_status", "wrong_body", "too_slow", "timeout_headers"])
def test_a_version_that_answers_wrongly_or_late(story: Story, outcome: str) -> None:
    release(story)
    story.fail(32.3, outcome, count=900, until_s=119)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("bad_release", "medium", "web-c")
    assert "web:2.0" in cause["evidence"][0]["text"]
    assert "kubectl rollout undo deployment/web" in cause["change"]["text"]


def test_a_release_that_failed_no_other_way_than_before_is_not_to_blame(story: Story) -> None:
    release(story)
    story.fail(10, "wrong_status", count=5, until_s=11)
    story.fail(32.3, "wrong_status", count=900, until_s=119)
    assert [cause for cause, _confidence, _subject in causes(story)] == ["application_error"] * 2


def test_a_release_that_answers_rightly_in_the_end_is_not_bad(story: Story) -> None:
    """What failed for a moment as its pods came was the going of the old ones: a front said 502."""
    release(story)
    story.fail(32.3, "wrong_status", count=40, until_s=34.6, first_error="status 502")
    assert only(story)["id"] == "bad_release"  # as long as nothing tells that it went well later
    probe = {**story.probe(), "elapsed_s": 60.0}
    (row,) = explain(probe, story.cluster)["failures"]
    assert row["cause"]["id"] == "terminated_while_routed"
    assert "bad_release" not in [one["id"] for one in row["also"]]


def policy(story: Story, at_s: float, **state: object) -> None:
    made = {"selector": {"app": "web"}, "expressions": [], "incoming": True, "lets_in": [], **state}
    story.change(at_s, "NetworkPolicy", "deny", made, event="added")


@pytest.fixture
def labelled(story: Story) -> Story:
    for change in story.cluster.changes:
        if change.spec is not None:
            change.spec["labels"] = {"app": "web"}
    return story


def test_a_policy_that_lets_nobody_through(labelled: Story) -> None:
    policy(labelled, 40)
    labelled.fail(41.5, "timeout_connecting", count=700, until_s=119, next_good_s=None)
    cause = only(labelled)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("network_policy", "high", "deny")
    assert cause["evidence"][0]["text"] == "NetworkPolicy deny was made or changed; it is for web-a, web-b"


def test_a_policy_that_was_changed_back(labelled: Story) -> None:
    policy(labelled, 40)
    policy(labelled, 60, lets_in=[{}])
    labelled.fail(41.5, "refused", count=700, until_s=61)
    assert only(labelled)["id"] == "network_policy"


@pytest.mark.parametrize(
    "change",
    [{"selector": {"app": "redis"}}, {"incoming": False}, {"at_s": 20}, {"over": True}, {"outcome": "wrong_status"}],
)
def test_a_policy_that_is_innocent(labelled: Story, change: dict[str, object]) -> None:
    """For other pods, for what they send, long before, not in the way of later requests, or of answers."""
    asked = {"at_s": 40, "over": False, "outcome": "timeout_connecting", **change}
    state = {name: value for name, value in change.items() if name in ("selector", "incoming")}
    policy(labelled, asked["at_s"], **state)
    labelled.fail(41.5, asked["outcome"], count=7, until_s=43, **({} if asked["over"] else {"next_good_s": None}))
    assert only(labelled)["id"] in ("unknown", "application_error")
