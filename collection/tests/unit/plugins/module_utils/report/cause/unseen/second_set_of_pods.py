# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""More of what operators meet, written before its first run, but by who had read the rules by then: pods and nodes."""

from __future__ import annotations

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import rfc3339
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen import (
    nodes_and_containers,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.situation import situation


def liveness_killed(run: Operation, at_s: float, name: str, up_s: float) -> None:
    run.told(at_s - 1, "Pod", name, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503")
    run.told(at_s - 0.5, "Pod", name, "Killing", nodes_and_containers.LIVENESS)
    run.restarted(at_s, name, "Error", 137, up_s=up_s)


@situation(
    "the liveness probe asks the database: it goes, and both pods are restarted in vain",
    "liveness_restart dependency_down",
)
def liveness_asks_the_database() -> Operation:
    run = Operation(liveness="GET :5000/deep every 10 s")
    run.store()
    run.store_endpoint(30, ready=False)
    liveness_killed(run, 60, "web-a", up_s=12)
    liveness_killed(run, 60.4, "web-b", up_s=12)
    run.fail(60.5, "refused", count=575, until_s=72)
    run.store_endpoint(75, ready=True)
    return run


@situation("load makes both pods run out of memory within a second", "oom_killed")
def both_killed_by_load() -> Operation:
    run = Operation(limits={"cpu_m": None, "memory_bytes": 2**27})
    run.used(30, "web-a", 300, 120 * 2**20)
    run.used(30, "web-b", 300, 118 * 2**20)
    run.restarted(40, "web-a", "OOMKilled", 137, up_s=6)
    run.restarted(40.7, "web-b", "OOMKilled", 137, up_s=6)
    run.fail(40, "reset", count=3, until_s=40.1)
    run.fail(40.9, "refused", count=255, until_s=46)
    return run


@situation("a node is drained well, then restarted; nothing is lost but one reset by nobody a minute later", "unknown")
def drained_and_restarted() -> Operation:
    run = Operation(pre_stop="sleep 5 s")
    run.node_state(20, "n2", unschedulable=True)
    run.update(21, "web-b", disruption="EvictionByEvictionAPI")
    run.pod(21.2, "web-c", pre_stop="sleep 5 s")
    run.ready(24, "web-c")
    run.delete(21.1, "web-b", exit_s=6)
    run.node_state(40, "n2", ready="False", unschedulable=True)
    run.node_state(55, "n2")
    run.fail(90, "reset")
    return run


@situation("a node without pods of the service goes silent; connections time out by nobody", "unknown", innocent="n3")
def another_node_silent() -> Operation:
    run = Operation()
    run.node_state(0, "n3", via="list")
    run.node_state(70, "n3", ready="Unknown", ready_reason="NodeStatusUnknown")
    run.some_fail(40, 70, "timeout_connecting", every_s=2, lost=1)
    return run


@situation(
    "the API cannot be heard for 20 s while web-b crashes: its restart is told late", "container_crashed unknown"
)
def crash_in_a_gap() -> Operation:
    run = Operation()
    run.gap(35, 55)
    run.gap(35, 55, "EndpointSlice")
    run.some_fail(40, 41, "refused")
    last = {"state": "terminated", "exit_code": 1, "reason": "Error", "finished_at": rfc3339(40)}
    run.container(55, "web-b", restarts=1, last=last, ready=True)
    return run


@situation("a vertical autoscaler evicts web-a, which has no hook", "evicted terminated_while_routed", innocent="web-b")
def vertical_autoscaler() -> Operation:
    run = Operation()
    run.told(40, "Pod", "web-a", "EvictedByVPA", "Pod was evicted by VPA Updater to apply resource recommendation.")
    run.update(40, "web-a", disruption="EvictionByEvictionAPI")
    run.delete(40, "web-a", dropped_s=0.2, exit_s=0.15)
    run.some_fail(40.1, 40.9, "refused")
    return run


@situation("the new revision needs a Secret that is not there; Recreate", "container_not_created")
def secret_missing() -> Operation:
    run = Operation()
    run.revision(30, "2", "web:2.0", strategy="Recreate", rolling_update=None)
    run.delete(30.1, "web-a")
    run.delete(30.1, "web-b")
    run.new_pod(31, "web-c")
    run.container(32, "web-c", state="waiting", reason="CreateContainerConfigError", message='secret "db" not found')
    run.fail(30.5, "refused", count=4450, until_s=119.98, next_good_s=None)
    return run


@situation("both pods are throttled by their CPU limit and answer late", "cpu_throttled")
def throttled_by_limit() -> Operation:
    run = Operation(limits={"cpu_m": 100, "memory_bytes": None})
    for n in range(12):
        held = 0 if n < 3 else 80 * (n - 3)
        run.throttled(n * 10, "web-a/web", 100 * n, held)
        run.throttled(n * 10, "web-b/web", 100 * n, held)
    run.some_fail(42, 100, "timeout_headers", every_s=0.4)
    return run


@situation("throttling of old ended while connections time out by nobody", "unknown")
def throttled_before() -> Operation:
    run = Operation(limits={"cpu_m": 100, "memory_bytes": None})
    for n in range(12):
        run.throttled(n * 10, "web-a/web", 100 * n, min(90 * n, 180))
    run.some_fail(70, 90, "timeout_headers", every_s=2, lost=1)
    return run


@situation("a taint drives the only pod off its node, a new one is ready 8 s later", "evicted")
def driven_off_by_a_taint() -> Operation:
    run = Operation(pods=1)
    run.node_state(39.8, "n1", taints=["maintenance:NoExecute"])
    run.update(40, "web-a", disruption="DeletionByTaintManager")
    run.delete(40, "web-a", exit_s=0.6)
    run.pod(40.3, "web-b", node="n2")
    run.fail(40.7, "refused", count=365, until_s=48)
    run.ready(48, "web-b")
    return run


@situation(
    "a cloud removes the node's object at once: its pod is collected, half of the requests time out",
    "node_not_ready evicted",
    innocent="web-a n1",
)
def node_removed() -> Operation:
    run = Operation()
    run.some_fail(40, 52, "timeout_connecting", every_s=0.4)
    run.change(50, "Node", "n2", dict(nodes_and_containers.GONE), event="deleted")
    run.update(51.5, "web-b", disruption="DeletionByPodGC", phase="Failed", ready=False)
    run.dropped(51.6, "web-b")
    run.change(51.8, "Pod", "web-b", dict(run._pods["web-b"]), event="deleted")
    return run
