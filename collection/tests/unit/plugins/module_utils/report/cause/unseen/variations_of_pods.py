# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Variations of what was named wrongly at first: written with their right answers once the rules had been changed, by
who had read them. They show whether a kind was mended or a sample. Here those of pods and their containers.
"""

from __future__ import annotations

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import rfc3339
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen import (
    nodes_and_containers,
    releases,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.situation import situation


def with_shipper(run: Operation, pod: str) -> None:
    run.beside(pod, "shipper", limits={"cpu_m": None, "memory_bytes": 2**26})
    shipper = {"name": "shipper", "ready": True, "restarts": 0, "state": "running"}
    run.update(1, pod, containers=[*run._pods[pod]["containers"], shipper])


def evicted_both(run: Operation, at_s: float) -> None:
    for late_s, name in ((0, "web-a"), (1, "web-b")):
        run.update(at_s + late_s, name, disruption="EvictionByEvictionAPI")
        run.delete(at_s + late_s, name, exit_s=0.8)


@situation("the log shipper of the only pod crashes, and so the pod is not ready for 5 s", "container_crashed")
def shipper_of_the_only_pod() -> Operation:
    run = Operation(pods=1)
    with_shipper(run, "web-a")
    run.restarted(40, "web-a", "Error", 1, up_s=5, which="shipper")
    run.fail(40.6, "refused", count=220, until_s=45)
    return run


@situation("the log shipper is ended by its liveness probe; one reset by nobody", "unknown")
def shipper_ended_by_liveness() -> Operation:
    run = Operation()
    with_shipper(run, "web-a")
    run.told(39, "Pod", "web-a", "Killing", nodes_and_containers.LIVENESS.replace("web", "shipper"))
    run.restarted(40, "web-a", "Error", 137, up_s=3, which="shipper")
    run.fail(40.5, "reset")
    return run


@situation("a shipper crashes in web-b as web-a ends without a hook", "terminated_while_routed", innocent="web-b")
def shipper_beside_an_end() -> Operation:
    run = Operation(pods=3)
    with_shipper(run, "web-b")
    run.restarted(40, "web-b", "Error", 1, up_s=2, which="shipper")
    run.delete(40.2, "web-a", dropped_s=0.2, exit_s=0.15)
    run.some_fail(40.3, 40.9, "refused")
    return run


@situation("both pods are evicted; the new ones take 12 s to pull their image", "evicted")
def evicted_and_slow_pull() -> Operation:
    run = Operation()
    evicted_both(run, 30)
    for name in ("web-c", "web-d"):
        run.pod(30.4, name, node="n3")
        run.container(30.5, name, state="waiting", reason="ContainerCreating")
        run.container(42, name, state="running", reason=None)
        run.ready(43, name)
    run.fail(31.4, "refused", count=580, until_s=43.1)
    return run


@situation(
    "both pods are evicted, and the new ones crash at once, as their secret was rotated",
    "container_crashed evicted",
    most="container_crashed",
)
def evicted_and_crash_loop() -> Operation:
    run = Operation()
    evicted_both(run, 30)
    for name in ("web-c", "web-d"):
        run.pod(30.4, name, node="n3")
        for n, at_s in enumerate((32, 44, 66, 108)):
            last = {"state": "terminated", "exit_code": 1, "reason": "Error", "finished_at": rfc3339(at_s)}
            run.container(at_s + 0.2, name, state="waiting", reason="CrashLoopBackOff", restarts=n + 1, last=last)
    run.fail(31.4, "refused", count=4430, until_s=119.98, next_good_s=None)
    return run


@situation(
    "both pods are evicted, and the new ones answer their readiness probe with 404",
    "readiness_failed evicted",
    most="readiness_failed",
)
def evicted_and_never_ready() -> Operation:
    run = Operation()
    evicted_both(run, 30)
    for name in ("web-c", "web-d"):
        run.pod(30.4, name, node="n3", readiness="GET :5000/health every 5 s")
        for at_s in (36, 41, 46, 51, 56, 61):
            run.told(at_s, "Pod", name, "Unhealthy", releases.BROKEN_PATH)
    run.fail(31.4, "refused", count=4430, until_s=119.98, next_good_s=None)
    return run


@situation("web-b is evicted, its successor lacks a ConfigMap; web-a serves on", "evicted", innocent="web-a web-c")
def one_evicted_successor_waits() -> Operation:
    run = Operation()
    run.update(30, "web-b", disruption="EvictionByEvictionAPI")
    run.delete(30, "web-b", dropped_s=0.2, exit_s=0.15)
    run.some_fail(30.1, 30.9, "refused")
    run.pod(30.3, "web-c", node="n1")
    run.container(
        31, "web-c", state="waiting", reason="CreateContainerConfigError", message='configmap "web" not found'
    )
    return run


@situation("the only pod is preempted, and nothing has room for the next", "evicted unschedulable")
def preempted_no_room() -> Operation:
    run = Operation(pods=1)
    run.update(30, "web-a", disruption="PreemptionByScheduler")
    run.delete(30, "web-a", exit_s=1)
    run.pod(30.2, "web-b", node="")
    run.update(
        30.3, "web-b", unscheduled="0/2 nodes are available: 2 Insufficient cpu.", phase="Pending", containers=[]
    )
    run.fail(31.1, "refused", count=4440, until_s=119.98, next_good_s=None)
    return run


@situation("the only pod crashes, comes up for 3 s and crashes again", "container_crashed")
def crashes_twice() -> Operation:
    run = Operation(pods=1)
    run.restarted(30, "web-a", "Error", 1, up_s=3)
    run.restarted(36, "web-a", "Error", 1, up_s=14)
    run.fail(30.1, "refused", count=145, until_s=33)
    run.fail(36.1, "refused", count=695, until_s=50)
    return run


@situation("the only pod is OOM killed again so soon that the probe sees one outage", "oom_killed")
def killed_again_in_one_outage() -> Operation:
    run = Operation(pods=1)
    run.restarted(30, "web-a", "OOMKilled", 137, up_s=4)
    run.restarted(34.5, "web-a", "OOMKilled", 137, up_s=15)
    run.fail(30.1, "refused", count=970, until_s=49.5)
    return run
