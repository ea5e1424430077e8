# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Too few pods that could answer: none asked for, none ready, none that can be started."""

from __future__ import annotations

from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story, causes, only


def test_no_ready_endpoint(story: Story) -> None:
    story.delete(30, "web-a")
    story.delete(31, "web-b")
    story.pod(31.2, "web-c")
    story.ready(35, "web-c")
    story.fail(31.8, count=70, until_s=35.2)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("no_ready_endpoint", "high", "web")
    assert "no ready endpoint for 3.90 s" in cause["evidence"][0]["text"]
    assert cause["change"]["patch"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_pods_that_went_unready_are_not_cured_by_a_strategy(story: Story) -> None:
    story.unready(30, "web-a")
    story.unready(31, "web-b")
    story.ready(35, "web-a")
    story.fail(31.2, count=70, until_s=35.2)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("no_ready_endpoint", "high", "web")
    assert cause["change"]["patch"] == {}
    assert "readiness probe" in cause["change"]["text"]


def test_readiness_probe_failed(story: Story) -> None:
    story.event(30, "web-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    story.unready(30, "web-a")
    story.unready(31, "web-b")
    story.fail(31.2, count=70, until_s=35.2)
    rows = explain(story.probe(), story.cluster)["failures"]
    assert [rows[0]["cause"]["id"], *(one["id"] for one in rows[0]["also"])] == [
        "readiness_failed",
        "no_ready_endpoint",
    ]


def test_one_unready_pod_of_two_is_no_missing_endpoint(story: Story) -> None:
    story.unready(30, "web-a")
    story.fail(31)
    assert only(story)["id"] == "unknown"


def test_terminating_but_serving_pods_are_endpoints_still(story: Story) -> None:
    story.endpoint(30, "web-a", ready=False, terminating=True)
    story.endpoint(30, "web-b", ready=False, terminating=True)
    story.fail(35)
    assert only(story)["id"] == "unknown"


def test_replicas_zero(story: Story) -> None:
    story.workload(30, "Deployment", "web", replicas=0)
    story.delete(30.1, "web-a")
    story.delete(30.1, "web-b")
    story.fail(30.3, count=500, until_s=60)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("replicas_zero", "high", "Deployment/web")
    assert cause["change"]["patch"] == {"spec": {"replicas": 2}}


def test_another_deployment_at_zero_is_not_the_cause(story: Story) -> None:
    story.workload(29, "Deployment", "other", replicas=0)
    story.unready(30, "web-a")
    story.unready(30, "web-b")
    story.fail(31)
    assert only(story)["id"] == "no_ready_endpoint"


def test_image_cannot_be_pulled(story: Story) -> None:
    story.delete(29, "web-a")
    story.delete(29, "web-b")
    story.pod(30, "web-c", image="web:nope")
    story.container(31, "web-c", state="waiting", reason="ErrImagePull", message="not found")
    story.fail(33.9, count=99, until_s=50)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("image_not_pulled", "high", "web-c")
    assert "web:nope" in cause["change"]["text"]


def test_an_image_that_cannot_be_pulled_harms_nobody_while_others_serve(story: Story) -> None:
    story.pod(30, "web-c", image="web:nope")
    story.container(31, "web-c", state="waiting", reason="ErrImagePull", message="not found")
    story.fail(33)
    assert only(story)["id"] == "unknown"


def test_no_node_for_the_pod(story: Story) -> None:
    story.delete(29, "web-a")
    story.delete(29, "web-b")
    story.pod(30, "web-c")
    story.update(30.1, "web-c", unscheduled="0/1 nodes are available: 1 Insufficient cpu.")
    story.fail(33.9, count=99, until_s=50)
    cause = only(story)
    assert (cause["id"], cause["subject"]) == ("unschedulable", "web-c")


def test_a_scale_to_zero_is_named_though_the_first_request_fell_into_the_race(story: Story) -> None:
    story.workload(30, "Deployment", "web", replicas=0)
    story.delete(30.1, "web-a", dropped_s=0.6)
    story.delete(30.1, "web-b", dropped_s=0.6)
    story.fail(30.15, count=500, until_s=60)
    assert causes(story) == [("replicas_zero", "high", "Deployment/web")]


def test_an_autoscaler_at_its_maximum(story: Story) -> None:
    state = {"target": "Deployment/web", "min": 2, "max": 4, "current": 4, "desired": 4}
    used = {"utilization_percent": {"cpu": 240}, "problems": {}}
    story.change(0, "HorizontalPodAutoscaler", "web", {**state, **used}, via="list")
    story.fail(50, "timeout_headers", count=300, until_s=110)
    cause = only(story)
    assert (cause["id"], cause["confidence"]) == ("too_little_capacity", "medium")
    assert "its maximum of 4" in cause["evidence"][0]["text"]
    assert cause["change"]["patch"] == {"spec": {"maxReplicas": 8}}


def test_pods_of_an_autoscaler_at_its_maximum_that_are_too_busy_for_their_readiness_probe(story: Story) -> None:
    """As recorded: late answers, then full queues, and refusals once the pods are no endpoints any more."""
    state = {"target": "Deployment/web", "min": 2, "max": 4, "current": 4, "desired": 4}
    used = {"utilization_percent": {"cpu": 240}, "problems": {}}
    story.change(0, "HorizontalPodAutoscaler", "web", {**state, **used}, via="list")
    for name in ("web-a", "web-b"):
        story.event(53, name, "Unhealthy", "Readiness probe failed: context deadline exceeded")
        story.unready(55, name)
    outcomes = {"timeout_headers": 150, "timeout_connecting": 140, "refused": 10}
    story.fail(54, "timeout_headers", count=300, until_s=80, outcomes=outcomes)
    cause = only(story)
    assert (cause["id"], cause["confidence"]) == ("too_little_capacity", "high")


def test_readiness_that_asks_a_store_that_is_gone(story: Story) -> None:
    member = {"pod": "redis-0", "uid": "redis-0", "ready": True, "serving": True, "terminating": False}
    redis = {"service": "redis", "ports": [6379]}
    story.change(0, "EndpointSlice", "redis-x", {**redis, "endpoints": [member]}, via="list")
    story.change(30, "EndpointSlice", "redis-x", {**redis, "endpoints": []})
    for pod in ("web-a", "web-b"):
        story.event(33, pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
        story.unready(33, pod)
    story.fail(33.2, "refused", count=500, until_s=80)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("dependency_down", "high", "redis")
