# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""More of what operators meet, written before its first run, but by who had read the rules by then: services."""

from __future__ import annotations

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen import releases, services
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.situation import situation


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


@situation("the Deployment is deleted by a tool that prunes", "deleted")
def pruned() -> Operation:
    run = Operation()
    run.change(40, "Deployment", "web", {"replicas": 2, "revision": "1"}, event="deleted")
    run.delete(40.1, "web-a")
    run.delete(40.1, "web-b")
    run.fail(40.5, "refused", count=3950, until_s=119.98, next_good_s=None)
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
