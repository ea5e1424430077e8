# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Service that is asked through an Ingress, a Gateway or a load balancer, and the Service that a URL leads to."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.plugins.module_utils.report.cause.front import way_to
from ansible_collections.availability.lab.plugins.module_utils.report.cause.timeline import ClusterView
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story

SHOP = "https://shop.example.com/cart/1"


def explained(story: Story, url: str = SHOP, service: str | None = None, **options: Any) -> dict[str, Any]:
    probe = story.probe()
    probe["options"].update(url=[url], **options)
    return explain(probe, story.cluster, service=service)


def routed(story: Story) -> Story:
    rule = {"host": "shop.example.com", "path": "/cart", "exact": False, "service": "web"}
    story.change(0, "Ingress", "shop", {"class": "nginx", "rules": [rule]}, via="list")
    return story


def test_the_front_answers_503_where_no_endpoint_is_left(story: Story) -> None:
    routed(story)
    story.unready(30, "web-a")
    story.unready(30, "web-b")
    story.ready(40, "web-a")
    story.fail(30.2, "wrong_status", count=200, until_s=40, first_error="status 503")
    found = explained(story)
    cause = found["failures"][0]["cause"]
    assert (found["service"], cause["id"], cause["confidence"]) == ("web", "no_ready_endpoint", "high")
    assert found["notes"] == ["the probed URL is answered by Ingress shop, not by the Service's own address"]


def test_an_error_that_no_front_gives_is_the_applications(story: Story) -> None:
    routed(story)
    story.unready(30, "web-a")
    story.unready(30, "web-b")
    story.fail(30.2, "wrong_status", count=200, until_s=40, first_error="status 404")
    assert explained(story)["failures"][0]["cause"]["id"] == "application_error"


def test_a_front_that_was_not_recorded_leaves_the_only_service_as_a_guess(story: Story) -> None:
    story.delete(30, "web-a")
    story.fail(30.2, "wrong_status", count=9, until_s=30.6, first_error="status 502")
    cause = explained(story)["failures"][0]["cause"]
    assert (cause["id"], cause["confidence"]) == ("terminated_while_routed", "low")
    named = explained(story, service="web")["failures"][0]["cause"]
    assert (named["id"], named["confidence"]) == ("terminated_while_routed", "medium")


def test_pods_that_no_service_sends_to_are_innocent_behind_a_front(story: Story) -> None:
    running = {"name": "job", "ready": False, "restarts": 0, "state": "running"}
    spec = {"owner": "Job/nightly", "containers": [{"name": "job", "ports": []}]}
    story.change(50, "Pod", "nightly", {"ready": False, "containers": [running]}, event="added", spec=spec)
    over = {**running, "state": "terminated", "reason": "Completed", "exit_code": 0}
    story.change(60.5, "Pod", "nightly", {"ready": False, "phase": "Succeeded", "containers": [over]})
    story.fail(61, "reset")
    assert explained(story)["failures"][0]["cause"]["id"] == "unknown"


def test_an_application_that_answers_503_as_it_stops(story: Story) -> None:
    story.delete(20, "web-a", dropped_s=0.4, exit_s=3)
    story.fail(20.1, "wrong_status", count=12, until_s=20.9, first_error="status 503")
    cause = explained(story, "http://192.168.49.2:30080/")["failures"][0]["cause"]
    assert (cause["id"], cause["confidence"]) == ("terminated_while_routed", "medium")


@pytest.mark.parametrize(
    ("url", "service", "front"),
    [
        ("http://192.168.49.2:30080/", "web", ""),
        ("http://10.96.0.9/", "web", ""),
        ("http://web/", "web", ""),
        ("http://web.shop.svc.cluster.local/", "web", ""),
        (SHOP, "web", "Ingress shop"),
        ("https://shop.example.com/cartoon", None, "something that was not recorded"),
        ("http://web.example.com/", None, "something that was not recorded"),
        ("http://web.other.svc/", None, ""),
    ],
)
def test_where_a_url_leads(story: Story, url: str, service: str | None, front: str) -> None:
    routed(story)
    member = {"pod": "redis-0", "uid": "redis-0", "ready": True, "serving": True, "terminating": False}
    story.change(0, "EndpointSlice", "r", {"service": "redis", "ports": [6379], "endpoints": [member]}, via="list")
    way = way_to([url], ClusterView(story.cluster))
    assert (way.service, way.front) == (service, front)


def test_a_host_header_leads_through_the_ingress_that_has_it(story: Story) -> None:
    at_a_node = "http://192.168.49.2:31900/cart/1"
    found = explained(routed(story), at_a_node, host="shop.example.com:80")
    assert (found["service"], found["notes"]) == ("web", explained(story)["notes"])
    other = way_to([at_a_node], ClusterView(story.cluster), host="other.example.com")
    assert other.front == "something that was not recorded"


def test_the_longest_path_of_the_exact_host_wins(story: Story) -> None:
    rules = [
        {"host": None, "path": "/cart/1", "exact": False, "service": "any"},
        {"host": "*.example.com", "path": "/cart/1", "exact": False, "service": "wild"},
        {"host": "shop.example.com", "path": "/", "exact": False, "service": "web"},
        {"host": "shop.example.com", "path": "/cart/1/", "exact": True, "service": "other"},
    ]
    story.change(0, "HTTPRoute", "shop", {"class": "gate", "rules": rules}, via="list")
    way = way_to([SHOP], ClusterView(story.cluster))
    assert (way.service, way.front, way.sure) == ("web", "HTTPRoute shop", True)


def fronted(story: Story, *, pods: tuple[str, ...] = ("proxy-a", "proxy-b")) -> Story:
    """The proxy in front of the story's Service; `story.behind(proxy)` once it is told."""
    routed(story)
    proxy = Story(namespace="ingress")
    for name in pods:
        proxy.serving_pod(name)
    return proxy


def test_the_rollout_of_the_front_is_a_cause_of_its_own(story: Story) -> None:
    proxy = fronted(story)
    proxy.delete(30, "proxy-a", dropped_s=0.4)
    story.behind(proxy)
    story.fail(30.1, "refused", count=9, until_s=30.6)
    cause = explained(story)["failures"][0]["cause"]
    assert (cause["id"], cause["confidence"]) == ("front_disrupted", "high")
    assert cause["subject"] == "ingress/proxy-a"
    assert cause["evidence"][-1]["text"] == "this befell web in namespace ingress, which answers in front of web"
    assert cause["change"]["text"].startswith("of Deployment/web in namespace ingress: add a preStop hook")
    assert (cause["change"]["target"], cause["change"]["patch"]) == ("", {})


def test_a_front_that_refuses_was_not_told_to_by_the_pods_behind_it(story: Story) -> None:
    """They stop at the same time; but a refused connection never came to them."""
    story.delete(30, "web-a")
    story.fail(30.1, "refused", count=9, until_s=30.3)
    assert explained(routed(story))["failures"][0]["cause"]["id"] == "terminated_while_routed"
    story.behind(fronted(story))
    assert explained(story)["failures"][0]["cause"]["id"] == "unknown"


@pytest.mark.parametrize(
    ("outcome", "error", "expected"),
    [
        ("wrong_status", "status 502", "terminated_while_routed"),  # the front tells of what is behind it
        ("closed_early", "closed inside the body", "front_disrupted"),  # its end is that of all its connections
        ("refused", "", "front_disrupted"),
    ],
)
def test_where_both_end_at_once_the_answer_decides(story: Story, outcome: str, error: str, expected: str) -> None:
    proxy = fronted(story)
    proxy.delete(30, "proxy-a", dropped_s=0.4)
    story.delete(30, "web-a", dropped_s=0.4)
    story.behind(proxy)
    story.fail(30.1, outcome, count=9, until_s=30.3, first_error=error)
    assert explained(story)["failures"][0]["cause"]["id"] == expected


def test_a_front_without_pods_and_one_that_nobody_asked(story: Story) -> None:
    proxy = fronted(story, pods=("proxy-a",))
    proxy.delete(30, "proxy-a")
    story.behind(proxy)
    story.fail(30.5, "timeout_connecting", count=200, until_s=50)
    assert explained(story)["failures"][0]["cause"]["id"] == "front_disrupted"
    straight = explained(story, "http://192.168.49.2:30080/")
    assert straight["failures"][0]["cause"]["id"] == "unknown"


def test_the_pods_of_the_front_are_none_of_the_service(story: Story) -> None:
    proxy = fronted(story)
    proxy.exit(30, "proxy-a", "OOMKilled", 137)
    story.behind(proxy)
    story.fail(30.2, "reset", count=9, until_s=31)
    story.fail(31.4, "wrong_status", count=9, until_s=32, first_error="status 500")
    assert {pod.name for pod in ClusterView(story.cluster).pods_of("web")} == {"web-a", "web-b"}
    found = [row["cause"]["id"] for row in explained(story)["failures"]]
    assert found == ["front_disrupted", "application_error"]  # who was killed does not answer 500


def test_a_front_beside_the_service_is_told_once(story: Story) -> None:
    """In the service's own namespace it is one of the other services, too."""
    routed(story)
    member = {"pod": "envoy-a", "uid": "envoy-a", "ready": True, "serving": True, "terminating": False}
    other = {**member, "pod": "envoy-b", "uid": "envoy-b"}
    running = {"name": "envoy", "ready": True, "restarts": 0, "state": "running"}
    settings = {"name": "envoy", "image": "envoy:1", "ports": [8080], "readiness": "GET :8002/ready", "pre_stop": None}
    alive = {"ready": True, "containers": [running], "deletion_timestamp": None}
    slices = {"service": "envoy", "ports": [8080], "endpoints": [member, other]}
    story.change(0, "Pod", "envoy-a", alive, via="list", spec={"owner": "ReplicaSet/envoy-1", "containers": [settings]})
    story.change(0, "EndpointSlice", "e", slices, via="list")
    story.cluster.header["front"] = {"namespace": "shop", "service": "envoy"}
    story.change(30, "Pod", "envoy-a", {**alive, "deletion_timestamp": "2026-11-21T08:00:30Z", "deletion_grace_s": 30})
    story.change(30.4, "EndpointSlice", "e", {**slices, "endpoints": [other]})
    story.fail(30.1, "wrong_status", count=9, until_s=30.4, first_error="status 503")
    found = explained(story)["failures"][0]
    assert found["cause"]["id"] == "front_disrupted"
    assert [one["id"] for one in found["also"]] == ["application_error"]


def test_a_front_meets_a_pod_that_does_not_listen_yet(story: Story) -> None:
    routed(story)
    story.pod(30, "web-c", readiness=None)
    story.ready(30, "web-c")
    story.answered("web-c", 31.5, 40)
    story.fail(30.2, "wrong_status", count=30, until_s=31.2, first_error="status 503")
    cause = explained(story)["failures"][0]["cause"]
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("added_before_listening", "medium", "web-c")
    assert "readinessProbe" in str(cause["change"]["patch"])


@pytest.mark.parametrize(("until_s", "expected"), [(33.2, "terminated_while_routed"), (45.0, "bad_release")])
def test_a_moment_of_503_in_a_rollout_is_the_pod_that_went_and_not_the_release(
    story: Story, until_s: float, expected: str
) -> None:
    routed(story)
    story.pod(30, "web-c", image="web:2.0")
    story.ready(30, "web-c")
    story.answered("web-c", 30.1, 45)
    story.delete(33, "web-a", dropped_s=0.5)
    story.fail(33.1, "wrong_status", count=9, until_s=until_s, first_error="status 503")
    found = explained(story)["failures"][0]
    assert {"bad_release", "terminated_while_routed"} <= {one["id"] for one in [found["cause"], *found["also"]]}
    assert found["cause"]["id"] == expected
