# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Capacity, the clients themselves, and records that do not tell all."""

from __future__ import annotations

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen import services
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.situation import situation


@situation("the autoscaler is at its maximum and the pods use twice what they request", "too_little_capacity")
def autoscaler_at_maximum() -> Operation:
    run = Operation(requests={"cpu_m": 100, "memory_bytes": None})
    scaler = {"target": "Deployment/web", "min": 2, "max": 2, "current": 2, "desired": 2, "problems": {}}
    run.change(0, "HorizontalPodAutoscaler", "web", {**scaler, "utilization_percent": {"cpu": 40}}, via="list")
    run.change(30, "HorizontalPodAutoscaler", "web", {**scaler, "utilization_percent": {"cpu": 210}})
    for at_s in range(5, 120, 10):
        for name in ("web-a", "web-b"):
            run.used(at_s, name, 40 if at_s < 30 else 210)
    run.some_fail(35, 90, "timeout_headers", every_s=0.3)
    return run


@situation("the autoscaler is at its maximum, its pods are idle; some connections time out by nobody", "unknown")
def autoscaler_at_maximum_but_idle() -> Operation:
    run = Operation(requests={"cpu_m": 100, "memory_bytes": None})
    scaler = {"target": "Deployment/web", "min": 2, "max": 2, "current": 2, "desired": 2, "problems": {}}
    run.change(0, "HorizontalPodAutoscaler", "web", {**scaler, "utilization_percent": {"cpu": 12}}, via="list")
    for at_s in range(5, 120, 10):
        for name in ("web-a", "web-b"):
            run.used(at_s, name, 12)
    run.some_fail(35, 60, "timeout_headers", every_s=2, lost=1)
    return run


@situation(
    "one of two pods is unready for 30 s and the other one is too slow for all the requests",
    "unknown too_little_capacity readiness_failed",
)
def one_pod_for_all() -> Operation:
    run = Operation()
    run.told(29.5, "Pod", "web-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    run.unready(30, "web-a")
    run.some_fail(31, 60, "timeout_headers", every_s=0.5)
    run.ready(60, "web-a")
    return run


@situation("the metrics exporter beside web is throttled all the time; some connections time out by nobody", "unknown")
def exporter_throttled() -> Operation:
    run = Operation()
    run.beside("web-a", "exporter", limits={"cpu_m": 10, "memory_bytes": None})
    for n in range(12):
        run.throttled(n * 10, "web-a/exporter", 100 * n, 95 * n)
        run.throttled(n * 10, "web-a/web", 100 * n, 0)
    run.some_fail(35, 60, "timeout_headers", every_s=2, lost=1)
    return run


@situation("the probe itself stood still", "probe_fault probe_overloaded")
def client_paused() -> Operation:
    run = Operation()
    run.unsent(50, "client_late", 120)
    return run


@situation("the control target fails in the same moment as the service, during a rollout", "probe_fault")
def control_failed_too() -> Operation:
    run = Operation()
    run.delete(50, "web-a", exit_s=0.5)
    run.fail(50.1, "timeout_connecting", count=80, until_s=52, control_failed=True)
    return run


@situation("the machine is overloaded, but what resets requests is an OOM kill", "oom_killed", innocent="web-b")
def overloaded_beside_a_kill() -> Operation:
    run = Operation()
    for name in ("n1", "n2"):
        run.node_state(0, name, via="list", boot_id="boot-lab")
    for at_s in range(5, 120, 10):
        run.load(at_s, 6.0, 95.0)
    run.restarted(60, "web-a", "OOMKilled", 137, up_s=4)
    run.fail(60, "reset", count=3, until_s=60.05)
    run.some_fail(60.1, 60.6, "refused")
    return run


@situation("the lab's machine is overloaded, and answers are late", "host_overloaded")
def overloaded_lab() -> Operation:
    run = Operation()
    for name in ("n1", "n2"):
        run.node_state(0, name, via="list", boot_id="boot-lab")
    for at_s in range(5, 120, 10):
        run.load(at_s, 8.0 if 40 < at_s < 70 else 1.0, 96.0 if 40 < at_s < 70 else 8.0)
    run.some_fail(45, 62, "timeout_headers", every_s=0.5)
    return run


@situation("the probe's machine is overloaded, the cluster is elsewhere", "probe_overloaded")
def overloaded_probe() -> Operation:
    run = Operation()
    for at_s in range(5, 120, 10):
        run.load(at_s, 8.0 if 40 < at_s < 70 else 1.0, 96.0 if 40 < at_s < 70 else 8.0)
    run.some_fail(45, 62, "timeout_headers", every_s=0.5)
    return run


@situation("kept connections that were idle are found closed, with no change in the cluster", "unknown")
def idle_connections_closed() -> Operation:
    run = Operation()
    for at_s in (30, 60, 90):
        run.fail(at_s, "reset", lane="reuse")
    return run


@situation("the node's connection table is full: new connections time out, nothing is recorded of it", "unknown")
def connection_table_full() -> Operation:
    run = Operation()
    run.some_fail(40, 80, "timeout_connecting", every_s=1, lost=2)
    return run


@situation(
    "the probe's clock is 4 s behind: an end without a hook seems to come after its losses",
    "unknown terminated_while_routed",
)
def clocks_apart() -> Operation:
    run = Operation()
    run.where = "far"
    run.cluster.clock_offset_ms = (-100.0, 300.0)
    run.delete(40, "web-a", dropped_s=0.2, exit_s=0.15)
    run.some_fail(36.1, 36.8, "refused")
    return run


@situation("the recorder heard nothing from 25 to 45 s, web-a was replaced meanwhile", "unknown")
def nothing_heard() -> Operation:
    run = Operation()
    run.gap(25, 45)
    run.gap(25, 45, "EndpointSlice")
    run.change(45, "Pod", "web-a", dict(run._pods["web-a"]), via="relist", event="deleted")
    run.dropped(45, "web-a")
    run.pod(45, "web-c", "relist")
    run.ready(45, "web-c", via="relist")
    run.fail(35, "refused", count=12, until_s=35.3)
    return run


@situation(
    "an OOM kill of the only pod for 4 s, then somebody mistypes the selector for 26 s",
    "oom_killed selector_changed",
    most="selector_changed",
)
def two_causes_one_outage() -> Operation:
    run = Operation(pods=1)
    run.restarted(30, "web-a", "OOMKilled", 137, up_s=4)
    services.service(run, 34.5, selector={"app": "wbe"})
    run.dropped(34.6, "web-a")
    run.fail(30.1, "refused", count=1500, until_s=60)
    services.service(run, 60, selector={"app": "web"})
    run.endpoint(60.1, "web-a", ready=True)
    return run


@situation(
    "somebody scales to 0 by mistake, minutes after a careful rollout",
    "replicas_zero terminated_while_routed",
    most="replicas_zero",
)
def scaled_to_zero_later() -> Operation:
    run = Operation()
    run.revision(70, "1", "web:1.0", pods=0)
    run.delete(70.1, "web-a")
    run.delete(70.1, "web-b")
    run.fail(70.4, "refused", count=2400, until_s=119)
    return run
