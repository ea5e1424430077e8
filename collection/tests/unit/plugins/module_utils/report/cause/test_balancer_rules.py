# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A cloud's load balancer that learns late who has gone."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story

BALANCER = "lb.example.com"


def explained(story: Story, host: str = BALANCER) -> list[str]:
    """The causes of the failures, where the Service is asked by its load balancer's name."""
    state = {"type": "LoadBalancer", "selector": story.selector, "cluster_ip": "10.96.0.9", "ports": story.ports}
    story.change(0, "Service", "web", {**state, "load_balancer": [BALANCER]}, via="list")
    probe = story.probe()
    probe["options"]["url"] = [f"http://{host}/"]
    return [row["cause"]["id"] for row in explain(probe, story.cluster, service="web")["failures"]]


def refusals(story: Story, from_s: int, to_s: int) -> None:
    for at_s in range(from_s, to_s):
        story.fail(at_s, "timeout_connecting", count=2, until_s=at_s + 0.02)


def test_a_balancer_sends_to_a_pod_that_is_gone(story: Story) -> None:
    story.delete(30, "web-a", exit_s=1)
    refusals(story, 31, 50)
    named = explained(story)
    assert set(named) == {"terminated_while_routed", "late_deregistration"}
    assert set(named[4:]) == {"late_deregistration"}, (
        "after kube-proxy has learned of it, only the balancer sends there"
    )


@pytest.mark.parametrize(
    ("host", "from_s", "to_s"),
    [
        ("192.168.49.2:30080", 31, 50),  # no balancer stands between
        (BALANCER, 31, 34),  # no longer than kube-proxy itself may take
        (BALANCER, 45, 70),  # began long after
        (BALANCER, 20, 50),  # and before
    ],
)
def test_what_is_not_of_a_balancer(story: Story, host: str, from_s: int, to_s: int) -> None:
    story.delete(30, "web-a", exit_s=1)
    refusals(story, from_s, to_s)
    assert "late_deregistration" not in explained(story, host)


@pytest.mark.parametrize(
    ("status", "elapsed_s", "named"),
    [
        (504, 120, "late_deregistration"),
        (503, 120, "application_error"),  # the balancer knows of nobody, or the application says so
        (504, 51, "application_error"),  # it went on to the end
    ],
)
def test_a_balancer_that_speaks_http(story: Story, status: int, elapsed_s: float, named: str) -> None:
    rule = {"host": "shop.example.com", "path": "/", "exact": False, "service": "web"}
    story.change(0, "Ingress", "shop", {"class": "alb", "rules": [rule]}, via="list")
    story.delete(30, "web-a", exit_s=1)
    for at_s in range(31, 50):
        story.fail(at_s, "wrong_status", count=2, until_s=at_s + 0.02, first_error=f"status {status}")
    probe = {**story.probe(), "elapsed_s": elapsed_s}
    probe["options"]["url"] = ["https://shop.example.com/"]
    rows = explain(probe, story.cluster)["failures"]
    assert {row["cause"]["id"] for row in rows[4:]} == {named}
