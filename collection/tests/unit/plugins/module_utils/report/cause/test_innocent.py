# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What requests could not reach, what is long over and what belongs to others explains nothing."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import (
    Story,
    causes,
    only,
    rfc3339,
)

UNKNOWN = [("unknown", "low", "")]
DAYS = 86_400


def ended(at_s: float, reason: str = "Error", exit_code: int = 1) -> dict[str, object]:
    return {"state": "terminated", "exit_code": exit_code, "reason": reason, "finished_at": rfc3339(at_s)}


@pytest.mark.parametrize(("reason", "exit_code"), [("Error", 1), ("OOMKilled", 137)])
def test_a_restart_of_two_days_ago(reason: str, exit_code: int) -> None:
    story = Story()
    story.pod(0, "web-a", "list")
    story.container(0, "web-a", restarts=1, last=ended(-2 * DAYS, reason, exit_code))
    story.cluster.changes[-1] = story.as_listed(story.cluster.changes[-1])
    story.ready(0, "web-a", via="list")
    story.serving_pod("web-b")
    story.fail(60, "reset")
    assert causes(story) == UNKNOWN


def test_an_evicted_pod_of_last_week_that_nobody_cleared_away(story: Story) -> None:
    story.pod(0, "web-old", "list")
    leftover = {"name": "web", "ready": False, "restarts": 0, **ended(-7 * DAYS, exit_code=137)}
    state = {"ready": False, "node": "n1", "phase": "Failed", "reason": "Evicted", "containers": [leftover]}
    story.change(0, "Pod", "web-old", state, via="list")
    story.fail(60, "reset")
    assert causes(story) == UNKNOWN


def test_an_image_that_was_pulled_in_the_end(story: Story) -> None:
    story.pod(4, "web-c")
    story.container(5, "web-c", state="waiting", reason="ErrImagePull", message="429 Too Many Requests")
    story.container(8, "web-c", state="running", reason=None, message=None)
    story.ready(10, "web-c")
    for pod in ("web-a", "web-b", "web-c"):
        story.event(59.8, pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
        story.unready(60, pod)
    story.fail(60.2, "refused", count=90, until_s=65)
    assert causes(story) == [("readiness_failed", "high", "web-a")]


@pytest.mark.parametrize(
    ("at_s", "outcome", "expected"), [(52, "reset", "unknown"), (90, "wrong_status", "application_error")]
)
def test_a_new_pod_that_crashes_and_never_became_an_endpoint(
    story: Story, at_s: float, outcome: str, expected: str
) -> None:
    story.pod(30, "web-c")
    story.container(51, "web-c", state="waiting", reason="CrashLoopBackOff", restarts=2, last=ended(51))
    story.fail(at_s, outcome)
    assert only(story)["id"] == expected


def test_a_restart_so_fast_that_the_pod_stayed_ready_is_over_at_once(story: Story) -> None:
    story.container(40, "web-a", restarts=1, last=ended(40))
    story.fail(100, "reset")
    assert causes(story) == UNKNOWN


def test_a_node_whose_pods_were_taken_out_long_ago(story: Story) -> None:
    story.node(0, "n2", via="list")
    story.serving_pod("web-c", node="n2")
    story.node(40, "n2", ready="Unknown")
    story.unready(40.1, "web-c")
    story.fail(90, "reset")
    assert causes(story) == UNKNOWN


def test_a_sidecar_without_port_needs_no_readiness_probe(story: Story) -> None:
    story.pod(20, "web-c")
    story.beside("web-c", "log-shipper")
    story.ready(21, "web-c")
    story.answered("web-c", 23, 60)
    story.fail(22, "refused")
    assert causes(story) == UNKNOWN


def test_a_throttled_sidecar_does_not_answer_requests(story: Story) -> None:
    story.beside("web-a", "log-shipper", limits={"cpu_m": 50})
    for at_s in range(0, 120, 10):
        story.throttled(at_s, "web-a/log-shipper", at_s * 10, at_s * 6)
    story.fail(60, "timeout_connecting", count=400, until_s=110)
    assert causes(story) == UNKNOWN


def test_a_hook_that_sleeps_by_a_shell_keeps_the_pod_serving(story: Story) -> None:
    story.pod(5, "web-c", pre_stop="exec /bin/sh -c sleep 15")
    story.ready(6, "web-c")
    story.delete(20, "web-c", dropped_s=0.1, exit_s=15.3)
    story.fail(27, "reset")
    assert causes(story) == UNKNOWN


def test_an_attempt_that_may_hang_in_the_kernel_must_have_been_seen(story: Story) -> None:
    story.delete(20, "web-a", dropped_s=0.1, exit_s=0.4)
    story.fail(32, "timeout_connecting")
    assert causes(story) == UNKNOWN


def test_an_extra_pod_without_a_node_took_nothing_away(story: Story) -> None:
    story.pod(10, "web-c")
    story.update(10.1, "web-c", unscheduled="0/3 nodes are available: 3 Insufficient cpu.")
    story.event(59.8, "web-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    story.unready(60, "web-a")
    story.unready(60, "web-b")
    story.fail(60.2, "refused", count=90, until_s=70)
    assert causes(story) == [("readiness_failed", "high", "web-a")]


def test_a_kill_whose_events_were_not_recorded_is_not_called_a_crash(story: Story) -> None:
    story.cluster.skipped["Event"] = "403"
    story.exit(38.5, "web-a", "Error", 137)
    story.fail(38.7, "refused", count=9, until_s=39.5)
    assert causes(story) == UNKNOWN


def test_one_of_two_addresses_outside_the_cluster_is_enough() -> None:
    story = Story()
    none = {"pod": None, "uid": None, "terminating": False, "node": None}
    entries = [
        {**none, "addresses": ["10.9.0.1"], "ready": True, "serving": True},
        {**none, "addresses": ["10.9.0.2"], "ready": False, "serving": False},
    ]
    story.change(0, "EndpointSlice", "web-x", {"service": "web", "ports": [5000], "endpoints": entries}, via="list")
    story.fail(40, "refused", count=5, until_s=40.4)
    assert causes(story) == UNKNOWN


def test_another_namespace_is_not_in_the_record(story: Story) -> None:
    story.delete(20, "web-a")
    story.fail(20.2, "reset")
    probe = story.probe()
    probe["options"]["url"] = ["http://web.other.svc/"]
    found = explain(probe, story.cluster)
    assert (found["service"], found["failures"][0]["cause"]["id"]) == (None, "unknown")
    assert "another namespace" in found["notes"][0]


def test_clocks_of_two_hosts_that_nobody_compared(story: Story) -> None:
    story.delete(20, "web-a")
    story.fail(20.2, "reset")
    probe = story.probe()
    probe["vantage"]["host"] = "laptop"
    cause = explain(probe, story.cluster)["failures"][0]["cause"]
    assert (cause["id"], cause["confidence"]) == ("terminated_while_routed", "low")
    assert "clocks were not compared" in cause["evidence"][-1]["text"]
