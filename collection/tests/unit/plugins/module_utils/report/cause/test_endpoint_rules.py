# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The race of a dying pod, the pod that is not yet listening, and the route that outlives its pod."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story, causes, only


def test_pod_killed_while_requests_were_sent_to_it(story: Story) -> None:
    story.delete(20, "web-a", dropped_s=0.1, exit_s=0.2)
    story.fail(20.35, "refused", count=4, until_s=20.6)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("terminated_while_routed", "high", "web-a")
    assert cause["delta_ms"] == 350
    assert cause["change"]["target"] == "Deployment/web"
    container = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]
    assert container["name"] == "web"
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] >= 2
    texts = " ".join(one["text"] for one in cause["evidence"])
    assert "dropped it 0.10 s after" in texts


def test_with_a_pre_stop_hook_the_application_is_told_to_end_gracefully(story: Story) -> None:
    story.pod(5, "web-c", pre_stop="sleep 5 s")
    story.ready(6, "web-c")
    story.delete(20, "web-c", dropped_s=0.1, exit_s=5.2)
    story.fail(25.3, "reset")
    cause = only(story)
    assert (cause["id"], cause["subject"]) == ("terminated_while_routed", "web-c")
    assert "finish what it has on SIGTERM" in cause["change"]["text"]
    assert cause["change"]["patch"] == {}


def test_a_hook_that_is_too_short_is_said_to_be(story: Story) -> None:
    story.pod(5, "web-c", pre_stop="sleep 1 s")
    story.ready(6, "web-c")
    story.delete(20, "web-c", dropped_s=0.1, exit_s=1.1)
    story.fail(21.2, "refused")
    assert "too short" in only(story)["change"]["text"]


def test_endpoint_added_before_the_application_listened(story: Story) -> None:
    story.pod(20, "web-c", readiness=None)
    story.ready(21, "web-c")
    story.fail(21.2, "refused", count=5, until_s=22.1)
    story.answered("web-c", 22.5, 60)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("added_before_listening", "high", "web-c")
    container = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]
    assert container["readinessProbe"]["tcpSocket"]["port"] == 5000


def test_with_a_readiness_probe_it_is_not_the_missing_readiness(story: Story) -> None:
    story.pod(20, "web-c")
    story.ready(21, "web-c")
    story.fail(21.2)
    assert only(story)["id"] == "unknown"


def test_a_pod_that_has_answered_already_did_listen(story: Story) -> None:
    story.pod(20, "web-c", readiness=None)
    story.ready(21, "web-c")
    story.answered("web-c", 21.2, 60)
    story.fail(40)
    assert only(story)["id"] == "unknown"


def test_a_long_outage_is_not_the_race_of_a_pod(story: Story) -> None:
    story.delete(30, "web-a")
    story.fail(30.2, count=500, until_s=60)
    assert causes(story) == [("terminated_while_routed", "medium", "web-a")]


def test_while_its_hook_sleeps_a_pod_serves_as_ever(story: Story) -> None:
    story.pod(5, "web-c", pre_stop="sleep 5 s")
    story.ready(6, "web-c")
    story.delete(20, "web-c", dropped_s=0.1, exit_s=5.2)
    story.fail(22, "timeout_headers")
    assert only(story)["id"] == "unknown"


@pytest.mark.parametrize(("outcome", "kind"), [("timeout_headers", "outage"), ("ok", "stall")])
def test_a_late_answer_was_accepted_by_somebody(story: Story, outcome: str, kind: str) -> None:
    story.delete(20, "web-a", exit_s=5)
    story.unready(20, "web-b")
    story.fail(20.5, outcome, kind=kind)
    assert only(story)["id"] == "unknown"


def test_a_deletion_that_was_heard_late_counts_from_the_apis_own_time(story: Story) -> None:
    story.delete(20.9, "web-a")
    story.fail(20.3, "reset")
    assert causes(story) == [("terminated_while_routed", "medium", "web-a")]


def test_a_reused_port_still_leads_to_the_dead_pod(story: Story) -> None:
    story.delete(20, "web-a", dropped_s=0.3, exit_s=0.2)
    story.fail(20.4, "timeout_connecting")
    story.fail(75, "unreachable")
    cause = explain(story.probe(), story.cluster)["failures"][1]["cause"]
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("stale_connection", "medium", "web-a")
    assert "had ended 5" in cause["evidence"][0]["text"]
    container = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]
    assert 3 <= container["lifecycle"]["preStop"]["sleep"]["seconds"] <= 5


@pytest.mark.parametrize(
    ("outcome", "exit_s", "until_s"), [("refused", 0.2, 75), ("unreachable", 6.0, 75), ("unreachable", 0.2, 78)]
)
def test_a_refusal_a_pod_that_outlived_its_routes_or_a_long_outage_is_no_stale_connection(
    story: Story, outcome: str, exit_s: float, until_s: float
) -> None:
    story.delete(20, "web-a", dropped_s=0.3, exit_s=exit_s)
    story.fail(75, outcome, count=2, until_s=until_s)
    assert [cause for cause, _confidence, _subject in causes(story)] == ["unknown"]


def test_the_service_was_switched(story: Story) -> None:
    story.service(40, app="web", tag="green")
    story.fail(40.5, "reset")
    cause = only(story)
    assert (cause["id"], cause["confidence"]) == ("selector_changed", "medium")


def test_of_two_dying_pods_the_nearer_is_named(story: Story) -> None:
    story.delete(20, "web-a")
    story.delete(22, "web-b")
    story.fail(20.2)
    story.fail(22.2)
    assert [subject for _unused, _unused, subject in causes(story)] == ["web-a", "web-b"]
