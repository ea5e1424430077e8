# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""More of what operators meet, written before its first run, but by who had read the rules by then."""

from __future__ import annotations

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import rfc3339
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen import (
    nodes_and_containers,
    releases,
    services,
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


@situation("the preStop hook is shorter than kube-proxy needs here", "terminated_while_routed", innocent="web-b")
def hook_too_short() -> Operation:
    run = Operation(pre_stop="sleep 1 s")
    run.delete(40, "web-a", dropped_s=0.3, exit_s=1.2)
    run.some_fail(41.2, 42.4, "refused")
    run.pod(40.1, "web-c")
    run.ready(43, "web-c")
    return run


@situation(
    "a StatefulSet of one is rolled: its only pod goes before the next comes",
    "no_ready_endpoint terminated_while_routed",
    most="no_ready_endpoint",
)
def stateful_rollout() -> Operation:
    run = Operation(pods=0)
    run.change(0, "StatefulSet", "web", {"replicas": 1, "revision": "1", "strategy": "RollingUpdate"}, via="list")
    run.pod(0, "web-0", "list", owner="StatefulSet/web")
    run.ready(0, "web-0", via="list")
    run.delete(40, "web-0", exit_s=0.7)
    run.change(
        41.2,
        "Pod",
        "web-0",
        {"ready": False, "node": "n1", "containers": [], "deletion_timestamp": None},
        uid="web-0-again",
        event="added",
        spec={
            "owner": "StatefulSet/web",
            "labels": {"app": "web"},
            "containers": [{"name": "web", "image": "web:2.0", "ports": [5000], "readiness": "GET :5000/healthz"}],
        },
    )
    run.fail(40.8, "refused", count=460, until_s=50)
    run._pods["web-0-again"] = {
        "ready": True,
        "node": "n1",
        "containers": [{"name": "web", "ready": True, "restarts": 0, "state": "running"}],
        "deletion_timestamp": None,
    }
    run.change(50, "Pod", "web-0", dict(run._pods["web-0-again"]), uid="web-0-again")
    run._moves.append(
        (
            50.05,
            "web-0-again",
            {
                "pod": "web-0",
                "uid": "web-0-again",
                "addresses": ["10.0.9.9"],
                "ready": True,
                "serving": True,
                "terminating": False,
                "node": "n1",
            },
            "watch",
        )
    )
    return run


@situation("the autoscaler adds pods without readiness probe that listen 4 s late", "added_before_listening")
def scaled_up_before_listening() -> Operation:
    run = Operation(readiness=None)
    run.revision(40, "1", "web:1.0", pods=3)
    run.pod(40.1, "web-c", readiness=None)
    run.ready(41, "web-c")
    run.some_fail(41.1, 44.9, "refused", every_s=0.3, lost=1)
    return run


@situation(
    "the image cannot be pulled for pods that the autoscaler adds; the old ones are too slow",
    "unknown too_little_capacity",
)
def scale_up_without_image() -> Operation:
    run = Operation(requests={"cpu_m": 100, "memory_bytes": None})
    scaler = {"target": "Deployment/web", "min": 2, "max": 6, "current": 3, "problems": {}}
    run.change(30, "HorizontalPodAutoscaler", "web", {**scaler, "desired": 4, "utilization_percent": {"cpu": 190}})
    run.pod(30.4, "web-c")
    run.container(32, "web-c", state="waiting", reason="ImagePullBackOff", message="manifest unknown")
    run.some_fail(35, 80, "timeout_headers", every_s=0.5)
    return run


@situation("an Ingress loses its rule by a wrong edit: the proxy answers 404", "application_error unknown")
def ingress_rule_gone() -> Operation:
    shop, proxy = services.behind_nginx()
    shop.change(40, "Ingress", "shop", {"class": "nginx", "rules": []})
    shop.fail(40.5, "wrong_status", count=3950, until_s=119.98, first_error="status 404", next_good_s=None)
    return services.joined(shop, proxy)


@situation("all pods of the proxy are evicted in one drain", "front_disrupted")
def proxy_drained() -> Operation:
    shop, proxy = services.behind_nginx()
    for late_s, name in ((0, "web-a"), (0.5, "web-b")):
        proxy.update(40 + late_s, name, disruption="EvictionByEvictionAPI")
        proxy.delete(40 + late_s, name, exit_s=0.5)
    proxy.pod(41, "web-c", node="n2")
    proxy.ready(52, "web-c")
    shop.fail(41, "refused", count=550, until_s=52)
    return services.joined(shop, proxy)


@situation("the shop's pods are unready: its proxy answers 503", "readiness_failed no_ready_endpoint")
def no_endpoint_behind_the_proxy() -> Operation:
    shop, proxy = services.behind_nginx()
    for name in ("web-a", "web-b"):
        shop.told(39, "Pod", name, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500")
        shop.unready(40, name)
        shop.ready(60, name)
    shop.fail(40.3, "wrong_status", count=985, until_s=60, first_error="status 503")
    return services.joined(shop, proxy)


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


@situation(
    "the new revision answers 503 for 2 s after each of its pods is ready: caches are cold",
    "bad_release application_error unknown",
)
def cold_caches() -> Operation:
    run = Operation(pre_stop="sleep 5 s")
    releases.replaced(run, 30)
    run.some_fail(33.1, 35, "wrong_status", lost=1, first_error="status 503")
    run.some_fail(37.1, 39, "wrong_status", lost=1, first_error="status 503")
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


@situation("the Deployment is deleted by a tool that prunes", "deleted")
def pruned() -> Operation:
    run = Operation()
    run.change(40, "Deployment", "web", {"replicas": 2, "revision": "1"}, event="deleted")
    run.delete(40.1, "web-a")
    run.delete(40.1, "web-b")
    run.fail(40.5, "refused", count=3950, until_s=119.98, next_good_s=None)
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


@situation("HTTP/2: streams are refused as their pod drains", "terminated_while_routed", innocent="web-b")
def streams_refused() -> Operation:
    run = Operation()
    run.delete(40, "web-a", dropped_s=0.2, exit_s=2)
    run.fail(40.1, "unprocessed", count=9, until_s=40.4, lane="reuse")
    return run


@situation(
    "a rollout takes one pod away first (maxUnavailable 1), and the other is overrun", "unknown too_little_capacity"
)
def overrun_during_a_rollout() -> Operation:
    run = Operation(pre_stop="sleep 5 s")
    run.revision(40, "2", "web:2.0", rolling_update={"maxUnavailable": 1, "maxSurge": 0})
    run.delete(40.1, "web-a", exit_s=6)
    run.new_pod(46.5, "web-c", pre_stop="sleep 5 s")
    run.ready(60, "web-c")
    run.some_fail(44, 60, "timeout_headers", every_s=0.5)
    return run


@situation("the Service's only endpoints are pods of a debug Deployment that nobody meant", "selector_changed")
def selector_too_wide() -> Operation:
    run = Operation()
    run.pod(
        0,
        "debug-1",
        "list",
        called="debug",
        ports=[8080],
        owner="ReplicaSet/debug-1",
        labels={"app": "debug", "team": "shop"},
    )
    run.ready(0, "debug-1", via="list")
    run.dropped(0.01, "debug-1")
    services.service(run, 40, selector={"app": "debug"})
    run.dropped(40.1, "web-a")
    run.dropped(40.1, "web-b")
    run.endpoint(40.1, "debug-1", ready=True)
    run.fail(40.3, "refused", count=3960, until_s=119.98, next_good_s=None)
    return run


@situation("the probe has no free port left for 3 s", "probe_fault")
def ports_exhausted() -> Operation:
    run = Operation()
    run.delete(49, "web-a", exit_s=0.4)
    run.unsent(50, "ports_exhausted", 90)
    return run
