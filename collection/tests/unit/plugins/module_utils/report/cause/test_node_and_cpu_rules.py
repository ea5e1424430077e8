# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Nodes that are lost or emptied, and too little CPU."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story, causes, only


def test_node_not_ready(story: Story) -> None:
    story.node(0, "n2", via="list")
    story.serving_pod("web-c", node="n2")
    story.node(75, "n2", ready="Unknown")
    story.fail(30, "timeout_connecting", count=40, until_s=80)
    story.fail(90, "timeout_connecting", count=4, until_s=91)
    assert causes(story) == [("node_not_ready", "high", "n2")] * 2
    cause = explain(story.probe(), story.cluster)["failures"][0]["cause"]
    assert "noticed 45.00 s after the first failure; on it: web-c" in cause["evidence"][0]["text"]


def test_a_node_without_pods_of_the_service_is_not_the_cause(story: Story) -> None:
    story.node(0, "n2", via="list")
    story.node(75, "n2", ready="False")
    story.fail(76, "timeout_connecting")
    assert only(story)["id"] == "unknown"


@pytest.mark.parametrize("reason", ["Evicted", "EvictionByEvictionAPI"])
def test_evicted(story: Story, reason: str) -> None:
    story.update(40, "web-a", reason=reason, message="The node was low on resource: memory.")
    story.delete(40, "web-a")
    story.fail(40.2, "reset")
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("evicted", "high", "web-a")


@pytest.mark.parametrize(("at_s", "told"), [(35, True), (46, True), (70, False)])
def test_an_eviction_tells_what_its_node_was_short_of(story: Story, at_s: float, told: bool) -> None:
    story.change(at_s, "Node", "n1", {"ready": "True", "pressures": ["MemoryPressure"]})
    story.update(40, "web-a", reason="Evicted", message="The node was low on resource: memory.")
    story.delete(40, "web-a")
    story.fail(40.2, "reset")
    evidence = [one["text"] for one in only(story)["evidence"]]
    assert ("node n1 told of MemoryPressure" in evidence) is told


def test_an_eviction_of_which_only_its_event_tells(story: Story) -> None:
    """As recorded: a pod over its disk limit whose process ends with exit code 0 is Succeeded, without a reason."""
    why = 'Usage of EmptyDir volume "data" exceeds the limit "1Mi".'
    state = {"reason": "Evicted", "message": why, "about": {"kind": "Pod", "name": "web-a", "uid": "web-a"}}
    story.change(40, "Event", "web-a.evicted", state)
    story.exit(40.2, "web-a", "Completed", 0)
    story.fail(40.1, "refused", count=9, until_s=41)
    assert causes(story) == [("evicted", "high", "web-a")]


def test_cpu_throttled(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.ready(6, "web-c")
    story.throttled(30, "web-c/web", 100, 10)
    story.throttled(40, "web-c/web", 200, 105)
    story.fail(35, "timeout_headers", count=20, until_s=39)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("cpu_throttled", "high", "web-c")
    assert "throttled in 95% of 100 CPU periods" in cause["evidence"][0]["text"]
    limits = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "40m"}


def test_counters_count_from_when_they_were_read(story: Story) -> None:
    """Seen at 30 and 42 s, they are those of 17 and 29 s: before the loss. Only the next ones tell of it."""
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.ready(6, "web-c")
    story.throttled(30, "web-c/web", 100, 10, read_s=17)
    story.throttled(42, "web-c/web", 200, 105, read_s=29)
    story.fail(31, "timeout_headers", count=20, until_s=39)
    assert causes(story) == [("unknown", "low", "")]
    story.throttled(54, "web-c/web", 300, 115, read_s=41)
    assert causes(story) == [("unknown", "low", "")], "throttled in 10 % of the periods while requests were lost"
    story.throttled(66, "web-c/web", 400, 205, read_s=43)
    story.fail(42, "timeout_headers", count=20, until_s=44)
    assert ("cpu_throttled", "high", "web-c") in causes(story)


def test_a_node_with_another_clock_does_not_date_its_counters(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.ready(6, "web-c")
    story.throttled(30, "web-c/web", 100, 10, read_s=3630)
    story.throttled(40, "web-c/web", 200, 105, read_s=3640)
    story.fail(35, "timeout_headers", count=20, until_s=39)
    assert causes(story) == [("cpu_throttled", "high", "web-c")]


def test_a_throttled_container_that_no_longer_answers_its_readiness_probe(story: Story) -> None:
    """As recorded: answers come late, then the service loses its endpoint, and requests are refused too."""
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.ready(6, "web-c")
    for name in ("web-a", "web-b"):
        story.delete(10, name)
    story.throttled(30, "web-c/web", 100, 10)
    story.throttled(40, "web-c/web", 200, 105)
    story.event(36, "web-c", "Unhealthy", "Readiness probe failed: context deadline exceeded")
    story.unready(38, "web-c")
    late = {"timeout_headers": 30, "timeout_connecting": 60, "refused": 10}
    story.fail(35, "ok", count=100, until_s=60, outcomes=late)
    assert causes(story) == [("cpu_throttled", "high", "web-c")]


def test_a_stall_of_a_throttled_container(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.ready(6, "web-c")
    story.throttled(30, "web-c/web", 100, 10)
    story.throttled(40, "web-c/web", 200, 40)
    story.fail(35, "ok", count=0, until_s=39, kind="stall", requests_slow=20)
    assert causes(story) == [("cpu_throttled", "medium", "web-c")]


def test_without_counters_the_average_use_says_it_with_less_confidence(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.ready(6, "web-c")
    story.used(36, "web-c", 9.9)
    story.fail(35, "timeout_headers", count=20, until_s=39)
    assert causes(story) == [("cpu_throttled", "medium", "web-c")]


@pytest.mark.parametrize(("held", "outcome"), [(20, "timeout_headers"), (95, "refused")])
def test_little_throttling_or_a_refusal_is_not_blamed_on_the_limit(story: Story, held: int, outcome: str) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.throttled(30, "web-c/web", 100, 0)
    story.throttled(40, "web-c/web", 200, held)
    story.fail(35, outcome)
    assert only(story)["id"] == "unknown"


@pytest.mark.parametrize(("load_1m", "pressure"), [(1.0, 95.0), (6.0, None)])
def test_slow_answers_on_an_overloaded_machine(story: Story, load_1m: float, pressure: Any) -> None:
    story.load(36, load_1m, pressure)
    story.fail(35, "timeout_headers", count=20, until_s=39)
    assert causes(story) == [("host_overloaded", "medium", "machine")]


@pytest.mark.parametrize(("load_1m", "outcome"), [(1.0, "timeout_headers"), (6.0, "refused")])
def test_a_refusal_or_a_calm_machine_is_not_overload(story: Story, load_1m: float, outcome: str) -> None:
    story.load(36, load_1m)
    story.fail(35, outcome)
    assert only(story)["id"] == "unknown"


def test_a_busy_machine_says_nothing_of_a_cluster_elsewhere(story: Story) -> None:
    story.cluster.header["api"] = "https://cluster.example.com"
    story.load(36, 9.0, 95.0)
    story.fail(35, "timeout_headers", count=20, until_s=39)
    cause = only(story)
    assert (cause["id"], cause["subject"]) == ("probe_overloaded", "probe")


def test_a_node_that_is_shut_down_ends_its_pods(story: Story) -> None:
    over = {"name": "web", "ready": False, "restarts": 0, "state": "terminated", "exit_code": 143, "reason": "Error"}
    why = "Pod was terminated in response to imminent node shutdown."
    removed = {"reason": "Terminated", "message": why, "disruption": "TerminationByKubelet"}
    story.update(40, "web-a", phase="Failed", ready=False, **removed, containers=[over])
    story.endpoint(40.1, "web-a", ready=False)
    story.fail(40.2, "refused", count=5, until_s=40.9)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("evicted", "high", "web-a")
    assert "drain a node before it is shut down" in cause["change"]["text"]
