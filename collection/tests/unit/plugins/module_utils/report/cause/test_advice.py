# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Advice that the cluster takes, and that helps: hooks, grace periods, versions, the right container and kind."""

from __future__ import annotations

from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story, causes, only


def hook(cause: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]
    return container


def test_a_cluster_older_than_the_hook_that_sleeps(story: Story) -> None:
    story.cluster.header["kubernetes_version"] = "v1.29.4"
    story.delete(20, "web-a")
    story.fail(20.3, "refused", count=3, until_s=20.5)
    cause = only(story)
    assert hook(cause)["lifecycle"]["preStop"] == {"exec": {"command": ["sleep", "2"]}}
    assert "needs the command sleep" in cause["change"]["text"]


def test_the_hook_goes_to_the_container_that_answers(story: Story) -> None:
    story.beside("web-a", "istio-proxy", first=True, ports=[15090], readiness="GET :15021/ready")
    story.delete(20, "web-a")
    story.fail(20.3, "refused", count=3, until_s=20.5)
    assert hook(only(story))["name"] == "web"


def test_a_hook_near_the_grace_period_comes_with_a_longer_one(story: Story) -> None:
    story.delete(20, "web-a", dropped_s=19, exit_s=19.5)
    story.fail(20.3, "refused", count=30, until_s=39)
    template = only(story)["change"]["patch"]["spec"]["template"]["spec"]
    waits = template["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert template["terminationGracePeriodSeconds"] >= waits + 30


def test_a_kept_connection_is_cut_at_the_end_whatever_the_hook(story: Story) -> None:
    story.delete(20, "web-a", dropped_s=0.1, exit_s=20)
    story.fail(40.1, "reset", lane="kept")
    cause = only(story)
    assert (cause["id"], cause["change"]["patch"]) == ("terminated_while_routed", {})
    assert "Connection: close" in cause["change"]["text"]


def test_a_process_that_does_not_hear_sigterm_is_killed_with_its_requests(story: Story) -> None:
    story.killed(20, "web-a", grace_s=5)
    story.fail(25.1, "closed_early", count=4, until_s=25.2)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("grace_too_short", "high", "web-a")
    assert cause["change"]["patch"] == {}
    assert "terminationGracePeriodSeconds" in cause["change"]["text"]


def test_a_single_pod_that_is_replaced_leaves_nobody_there() -> None:
    story = Story()
    story.serving_pod("web-a")
    story.delete(20, "web-a", dropped_s=0.1, exit_s=0.5)
    story.pod(20.2, "web-b")
    story.ready(24, "web-b")
    story.fail(20.3, "refused", count=74, until_s=24)
    assert causes(story) == [("no_ready_endpoint", "high", "web")]


def test_a_pod_of_a_bare_replica_set_gets_no_patch(story: Story) -> None:
    story.workload(0, "ReplicaSet", "web-1", replicas=2, via="list")
    story.delete(20, "web-a")
    story.fail(20.3, "refused", count=3, until_s=20.5)
    assert only(story)["change"]["patch"] == {}


def test_slow_requests_that_a_kill_cuts_were_sent_long_before_it(story: Story) -> None:
    story.killed(20, "web-a", grace_s=2)
    story.fail(18.3, "closed_early", count=8, until_s=19.5)
    assert only(story)["id"] != "grace_too_short"
    probe = story.probe()
    probe["totals"]["service_time"] = {"max_ns": 4_000_000_000}
    cause = explain(probe, story.cluster)["failures"][0]["cause"]
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("grace_too_short", "high", "web-a")
