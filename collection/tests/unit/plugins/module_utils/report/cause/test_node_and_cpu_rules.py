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


def test_a_stall_of_a_throttled_container(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.throttled(30, "web-c/web", 100, 10)
    story.throttled(40, "web-c/web", 200, 40)
    story.fail(35, "ok", count=0, until_s=39, kind="stall", requests_slow=20)
    assert causes(story) == [("cpu_throttled", "medium", "web-c")]


def test_without_counters_the_average_use_says_it_with_less_confidence(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
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
