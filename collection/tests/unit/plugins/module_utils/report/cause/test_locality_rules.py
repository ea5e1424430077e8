# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""no_local_endpoint: outside traffic that its Service keeps on a node without a pod of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen import services
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation

ASKED, OTHER = "192.168.49.2", "192.168.49.3"  # of n1 and n2


def shop(*nodes: str, policy: str = "Local") -> Operation:
    """A pod on each of these nodes; the probe asks n1's node port."""
    run = Operation(pods=0)
    run.node_state(0, "n1", via="list", addresses=[ASKED, "n1"])
    run.node_state(0, "n2", via="list", addresses=[OTHER, "n2"])
    for name, node in zip("abcd", nodes, strict=False):
        run.serving_pod(f"web-{name}", node=node)
    outside(run, 0, policy, event="listed")
    return run


def outside(run: Operation, at_s: float, policy: str, **state: Any) -> None:
    services.service(run, at_s, external_traffic_policy=policy, health_check_node_port=None, **state)


def lost(run: Operation, from_s: float = 40.1, until_s: float = 119.98, **more: Any) -> None:
    more = {"next_good_s": None, **more}
    run.fail(from_s, more.pop("outcome", "timeout_connecting"), count=900, until_s=until_s, **more)


def causes(run: Operation) -> list[tuple[str, str, str]]:
    rows = [row["cause"] for row in run.explained()["failures"]]
    return [(row["id"], row["confidence"], row["subject"]) for row in rows]


def test_the_policy_becomes_local_and_all_pods_are_elsewhere() -> None:
    run = shop("n2", "n2", policy="Cluster")
    outside(run, 40, "Local")
    lost(run)
    (row,) = run.explained()["failures"]
    cause = row["cause"]
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("no_local_endpoint", "high", "n1")
    assert [fact["text"] for fact in cause["evidence"]] == [
        "Service web had externalTrafficPolicy Local, until then Cluster",
        "node n1, which was asked, had no endpoint of it to the end of the record; its endpoints then: web-a, web-b",
    ]
    assert cause["change"]["target"] == "Service/web"
    assert "externalTrafficPolicy Cluster" in cause["change"]["text"]
    assert cause["change"]["patch"] == {}


def test_it_was_so_from_the_beginning() -> None:
    run = shop("n2", "n2")
    lost(run, 0.02, last_good_s=None)
    assert causes(run) == [("no_local_endpoint", "high", "n1")]


def test_the_pod_of_the_node_moves_to_another_one() -> None:
    run = shop("n1", "n2")
    run.pod(38, "web-c", node="n2")
    run.ready(39, "web-c")
    run.delete(40, "web-a", dropped_s=0.2, exit_s=0.5)
    lost(run, 40.7)
    assert causes(run) == [("no_local_endpoint", "high", "n1")]


def test_it_ends_with_a_new_pod_on_the_node() -> None:
    run = shop("n1", "n2")
    run.delete(40, "web-a", dropped_s=0.2, exit_s=0.5)
    run.pod(45, "web-c", node="n1")
    run.ready(52, "web-c")
    lost(run, 40.7, 52.4, next_good_s=52.42)
    assert causes(run) == [("no_local_endpoint", "high", "n1")]


def test_a_balancer_that_has_the_nodes_own_addresses() -> None:
    run = shop("n2", "n2", policy="Cluster")
    run.url = f"http://{ASKED}/"
    balanced: dict[str, Any] = {"type": "LoadBalancer", "load_balancer": [ASKED, OTHER]}
    outside(run, 0, "Cluster", event="listed", **balanced)
    outside(run, 40, "Local", **{**balanced, "ports": run.ports})
    lost(run)
    assert causes(run) == [("no_local_endpoint", "high", "n1")]


def test_the_health_checks_port_is_advised_where_there_is_one() -> None:
    run = shop("n2", policy="Cluster")
    services.service(run, 40, external_traffic_policy="Local", health_check_node_port=31234)
    lost(run)
    assert "port 31234 (healthCheckNodePort)" in run.explained()["failures"][0]["cause"]["change"]["text"]


def of_another_policy() -> Operation:
    run = shop("n2", "n2", policy="Cluster")
    lost(run)
    return run


def with_its_own_pod() -> Operation:
    run = shop("n1", "n2")
    lost(run)
    return run


def answered_meanwhile() -> Operation:
    run = shop("n2", "n2", policy="Cluster")
    outside(run, 40, "Local")
    lost(run, until_s=60, next_good_s=60.02)
    return run


def answered_before() -> Operation:
    run = shop("n2", "n2")
    lost(run)  # the last answer came 40 s after the recording began
    return run


def asked_at_another_node() -> Operation:
    run = shop("n2", "n2", policy="Cluster")
    outside(run, 40, "Local")
    run.url = f"http://{OTHER}:30080/"
    lost(run)
    return run


def asked_at_an_unknown_address() -> Operation:
    run = shop("n2", "n2", policy="Cluster")
    outside(run, 40, "Local")
    run.url = "http://203.0.113.9:30080/"
    lost(run)
    return run


def cut_while_it_answered() -> Operation:
    run = shop("n2", "n2", policy="Cluster")
    outside(run, 40, "Local")
    lost(run, outcome="closed_early")
    return run


def an_endpoint_nobody_placed() -> Operation:
    run = shop("n2", "n2", policy="Cluster")
    run._moves[0][2].update(uid=None, pod=None)  # type: ignore[union-attr]
    outside(run, 40, "Local")
    lost(run)
    return run


def no_endpoint_at_all() -> Operation:
    run = shop("n2")
    run.dropped(40, "web-a")
    lost(run)
    return run


def silent_node() -> Operation:
    run = shop("n1", "n2")
    run.node_state(80, "n1", addresses=[ASKED, "n1"], ready="Unknown")
    run.endpoint(80.1, "web-a", ready=False)
    lost(run, 40)
    return run


@pytest.mark.parametrize(
    "situation",
    [of_another_policy, with_its_own_pod, answered_meanwhile, answered_before, asked_at_another_node,
     asked_at_an_unknown_address, cut_while_it_answered, an_endpoint_nobody_placed, no_endpoint_at_all, silent_node],
)  # fmt: skip
def test_it_stays_silent(situation: Any) -> None:
    rows = situation().explained()["failures"]
    named = {cause["id"] for row in rows for cause in [row["cause"], *row["also"]]}
    assert rows
    assert "no_local_endpoint" not in named
