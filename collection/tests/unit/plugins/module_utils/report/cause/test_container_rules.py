# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Containers that were ended: by the kernel, by the kubelet, by themselves."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import (
    Story,
    causes,
    only,
    rfc3339,
)


def test_oom_killed(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": None, "memory_bytes": 64 * 2**20})
    story.ready(6, "web-c")
    story.used(25, "web-c", 10, 60 * 2**20)
    story.exit(30.2, "web-c", "OOMKilled", 137)
    story.fail(30.4, "reset", count=3, until_s=30.5)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("oom_killed", "high", "web-c")
    assert "64 Mi" in cause["evidence"][0]["text"]
    assert "60 Mi in use" in cause["evidence"][1]["text"]
    limits = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"memory": "128Mi"}


def test_new_pods_that_are_oom_killed_before_they_are_ready(story: Story) -> None:
    """A rollout to too small a limit: the outage begins with the end of the old pods, seconds before the first kill."""
    for name in ("web-a", "web-b"):
        story.delete(20, name, dropped_s=0.1, exit_s=0.3)
    story.pod(20.5, "web-c")
    story.container(25, "web-c", state="terminated", reason="OOMKilled", exit_code=137, finished_at=rfc3339(24.8))
    story.endpoint(25, "web-c", ready=False)
    story.fail(20.4, "refused", count=100, until_s=60)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("oom_killed", "high", "web-c")


def test_an_oom_kill_long_before_is_not_the_cause(story: Story) -> None:
    story.exit(30, "web-a", "OOMKilled", 137, up_s=2)
    story.fail(60)
    assert only(story)["id"] == "unknown"


def test_restart_by_the_liveness_probe(story: Story) -> None:
    story.pod(5, "web-c", liveness="GET :5000/wrong every 15 s")
    story.ready(6, "web-c")
    story.event(38, "web-c", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404")
    story.event(38, "web-c", "Killing", "Container web failed liveness probe, will be restarted")
    story.exit(38.5, "web-c", "Error", 143)
    story.fail(38.7, "refused", count=9, until_s=39.5)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("liveness_restart", "high", "web-c")
    assert "404" in cause["change"]["text"]
    assert "GET :5000/wrong" in cause["change"]["text"]
    assert "404" in cause["evidence"][0]["text"]


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("Liveness probe failed: Get: context deadline exceeded", "longer timeoutSeconds"),
        ("Liveness probe failed: dial tcp: connect: connection refused", "startupProbe"),
        ("Liveness probe failed: HTTP probe failed with statuscode: 500", "that the process hangs"),
        ("Liveness probe failed: command said no", "correct the liveness probe"),
    ],
)
def test_the_advice_follows_what_the_probe_said(story: Story, message: str, advice: str) -> None:
    story.event(38, "web-a", "Unhealthy", message)
    story.event(38, "web-a", "Killing", "Container web failed liveness probe, will be restarted")
    story.exit(38.5, "web-a", "Error", 137)
    story.fail(38.7)
    assert advice in only(story)["change"]["text"]


def test_new_pods_that_their_startup_probe_kills_again_and_again(story: Story) -> None:
    """As recorded: the outage begins with the end of the old pods, seconds before the first kill."""
    for name in ("web-a", "web-b"):
        story.delete(20, name, dropped_s=0.1, exit_s=0.3)
    story.pod(20.5, "web-c", startup="GET :5000/nope every 2 s")
    story.endpoint(22, "web-c", ready=False)
    story.event(24, "web-c", "Killing", "Container web failed startup probe, will be restarted")
    story.fail(20.4, "refused", count=100, until_s=60)
    assert causes(story)[0] == ("liveness_restart", "high", "web-c")


def test_a_kill_long_after_the_pods_went_unready_is_not_the_cause(story: Story) -> None:
    for name in ("web-a", "web-b"):
        story.unready(20, name)
    story.event(30, "web-a", "Killing", "Container web failed liveness probe, will be restarted")
    story.fail(20.4, "refused", count=100, until_s=60)
    assert causes(story)[0] == ("no_ready_endpoint", "high", "web")


def test_an_init_container_that_fails(story: Story) -> None:
    """As recorded: the strategy Recreate took the old pods, and the new ones never come so far as to start."""
    for name in ("web-a", "web-b"):
        story.delete(20, name, dropped_s=0.1, exit_s=0.3)
    story.pod(20.5, "web-c")
    ended = {"state": "terminated", "reason": "Error", "exit_code": 1, "finished_at": rfc3339(22)}
    story.update(22.2, "web-c", init_containers=[{"name": "init", **ended}])
    story.fail(20.4, "refused", count=100, until_s=60)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("container_crashed", "high", "web-c")
    assert "container init of web-c" in cause["evidence"][0]["text"]


def test_container_ended_by_itself(story: Story) -> None:
    story.exit(40, "web-a", "Error", 1)
    story.fail(40.3, "reset")
    cause = only(story)
    assert (cause["id"], cause["subject"]) == ("container_crashed", "web-a")
    assert "exit code 1" in cause["evidence"][0]["text"]


def test_a_container_that_is_down_among_others_is_named_with_less_confidence(story: Story) -> None:
    story.exit(40, "web-a", "Error", 1, up_s=20)
    story.fail(42.9, "refused")
    story.fail(50, "refused")  # nothing was sent to it any more
    assert causes(story) == [("container_crashed", "medium", "web-a"), ("unknown", "low", "")]


def test_a_kill_by_the_liveness_probe_counts_before_its_end_is_reported(story: Story) -> None:
    story.event(38, "web-a", "Killing", "Container web failed liveness probe, will be restarted")
    story.fail(38.7)
    assert causes(story) == [("liveness_restart", "high", "web-a")]


def test_a_hook_between_the_kubelets_decision_and_the_end_does_not_hide_the_probe(story: Story) -> None:
    story.event(38, "web-a", "Killing", "Container web failed liveness probe, will be restarted")
    story.exit(43, "web-a", "Completed", 0)
    story.fail(43.4, "refused", count=9)
    assert causes(story) == [("liveness_restart", "high", "web-a")]
