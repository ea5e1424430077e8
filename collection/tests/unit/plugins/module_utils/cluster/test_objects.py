# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is kept of each kind of object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.clock import ClockOffset
from ansible_collections.availability.lab.plugins.module_utils.cluster.host_load import cpu_pressure, host_load
from ansible_collections.availability.lab.plugins.module_utils.cluster.metrics import duration_s
from ansible_collections.availability.lab.plugins.module_utils.cluster.objects import (
    api_time_of,
    spec_of,
    state_of,
    version_of,
)
from ansible_collections.availability.lab.plugins.module_utils.cluster.pod import handler_text, probe_text
from ansible_collections.availability.lab.plugins.module_utils.cluster.quantity import (
    cpu_m,
    memory_bytes,
    parse_quantity,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.cluster.samples import (
    endpoint_slice,
    killed_pod,
    pod,
)


def test_a_pod() -> None:
    body = {
        "metadata": {"name": "web", "deletionTimestamp": "2026-11-21T08:00:09Z", "deletionGracePeriodSeconds": 30},
        **killed_pod(),
    }
    state = state_of("Pod", body)
    assert (state["ready"], state["restarts"], state["deletion_timestamp"]) == (True, 1, "2026-11-21T08:00:09Z")
    container = state["containers"][0]
    assert (container["state"], container["last"]) == (
        "running", {"state": "terminated", "exit_code": 137, "reason": "OOMKilled"},
    )  # fmt: skip
    spec = spec_of("Pod", body) or {}
    assert spec["termination_grace_s"] == 30
    kept = spec["containers"][0]
    assert (kept["readiness"], kept["liveness"], kept["pre_stop"]) == (
        "GET :5000/healthz every 2 s, timeout 1 s, 3 failures, first after 0 s", None, "sleep 5 s",
    )  # fmt: skip
    assert kept["limits"] == {"cpu_m": 250, "memory_bytes": 67108864}
    assert kept["requests"] == {"cpu_m": None, "memory_bytes": None}


def test_a_pod_that_was_evicted_or_cannot_be_placed() -> None:
    evicted = pod(phase="Failed", reason="Evicted", message="low on memory")
    evicted["status"]["conditions"].append(
        {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
    )
    state = state_of("Pod", evicted)
    assert (state["reason"], state["disruption"]) == ("Evicted", "TerminationByKubelet")
    waiting = {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}}
    assert state_of("Pod", waiting)["unscheduled"] == "0/1 nodes"


def test_an_endpoint_slice() -> None:
    body = {"metadata": {"labels": {"kubernetes.io/service-name": "web"}}, **endpoint_slice(b=False, a=True)}
    state = state_of("EndpointSlice", body)
    assert [(entry["pod"], entry["ready"], entry["terminating"]) for entry in state["endpoints"]] == [
        ("a", True, False), ("b", False, True),
    ]  # fmt: skip
    unset = state_of("EndpointSlice", {"endpoints": [{"addresses": ["1"], "conditions": {}}]})["endpoints"][0]
    assert (unset["ready"], unset["serving"]) == (True, True)
    assert state_of("EndpointSlice", {"endpoints": None})["endpoints"] == []


def test_a_deployment_and_its_replica_set() -> None:
    template = {
        "metadata": {"labels": {"version": "2.0"}},
        "spec": {"containers": [{"name": "web", "image": "web:2.0"}]},
    }
    deployment = {
        "kind": "Deployment",
        "metadata": {"generation": 4, "annotations": {"deployment.kubernetes.io/revision": "3"}},
        "spec": {"replicas": 4, "template": template, "strategy": {"rollingUpdate": {"maxSurge": 1}}},
        "status": {"replicas": 5, "readyReplicas": 4, "updatedReplicas": 1, "observedGeneration": 4},
    }
    state = state_of("Deployment", deployment)
    assert (state["revision"], state["version"], state["updated"], state["observed"]) == ("3", "2.0", 1, True)
    assert (state["replicas"], state["current"], state["ready"], state["available"]) == (4, 5, 4, 0)
    owner = {"ownerReferences": [{"kind": "Deployment", "name": "web"}]}
    replica_set = state_of("ReplicaSet", {"metadata": owner, "spec": {"replicas": 0, "template": template}})
    assert (replica_set["owner"], replica_set["replicas"], "updated" in replica_set) == ("Deployment/web", 0, False)
    stateful = state_of("StatefulSet", {"spec": {"replicas": 1}, "status": {"updateRevision": "db-7"}})
    assert stateful["revision"] == "db-7"


@pytest.mark.parametrize(
    ("labels", "images", "expected"),
    [
        ({"app.kubernetes.io/version": "1.2", "version": "x"}, {}, "1.2"),
        ({"tag": "blue"}, {"a": "web:9"}, "blue"),
        ({}, {"a": "host:5000/web:9"}, "9"),
        ({}, {"a": "host:5000/web"}, None),
        ({}, {"a": "web:9@sha256:00"}, "9"),
        ({}, {"a": "web:9", "b": "side:1"}, None),
    ],
)
def test_the_version_people_see(labels: dict[str, Any], images: dict[str, str], expected: str | None) -> None:
    assert version_of(labels, images) == expected


def test_a_node_its_service_its_autoscaler_and_an_event() -> None:
    conditions = [
        {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"},
        {"type": "MemoryPressure", "status": "True"},
        {"type": "DiskPressure", "status": "False"},
    ]
    spec = {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]}
    node = state_of("Node", {"spec": spec, "status": {"conditions": conditions}})
    assert (node["ready"], node["pressures"], node["unschedulable"]) == ("Unknown", ["MemoryPressure"], True)
    assert node["taints"] == ["node.kubernetes.io/unreachable:NoExecute"]
    ports = [{"port": 80, "targetPort": 5000, "nodePort": 30080}]
    service = state_of("Service", {"spec": {"type": "NodePort", "selector": {"tag": "blue"}, "ports": ports}})
    assert (service["selector"], service["ports"][0]["node_port"]) == ({"tag": "blue"}, 30080)
    autoscaler = state_of(
        "HorizontalPodAutoscaler",
        {
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5},
            "status": {
                "currentReplicas": 1,
                "desiredReplicas": 3,
                "currentMetrics": [{"resource": {"name": "cpu", "current": {"averageUtilization": 140}}}],
                "conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}],
            },
        },
    )
    assert (autoscaler["target"], autoscaler["desired"], autoscaler["utilization_percent"]) == (
        "Deployment/web",
        3,
        {"cpu": 140},
    )
    assert autoscaler["problems"] == {"ScalingActive": "FailedGetResourceMetric"}
    event = {
        "type": "Warning", "reason": "Unhealthy", "message": "404", "count": 3, "lastTimestamp": "2026-11-21T08:00:09Z",
        "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": "spec.containers{web}"},
        "metadata": {"creationTimestamp": "2026-11-21T08:00:01Z"},
    }  # fmt: skip
    assert state_of("Event", event)["about"]["field_path"] == "spec.containers{web}"
    assert api_time_of("Event", event) == "2026-11-21T08:00:09Z"


def test_probes_and_hooks_in_words() -> None:
    assert probe_text(None) is None
    assert (probe_text({"exec": {"command": ["cat", "/x"]}}) or "").startswith("exec cat /x every 10 s")
    assert handler_text({"tcpSocket": {"port": 5}}) == "TCP :5"
    assert handler_text({"grpc": {"port": 6}}) == "gRPC :6"
    assert handler_text({}) is None


@pytest.mark.parametrize(
    ("text", "number"), [("250m", 0.25), ("10Mi", 10 * 2**20), ("1e3", 1000), ("5", 5), ("7n", 7e-9)]
)
def test_quantities(text: str, number: float) -> None:
    assert parse_quantity(text) == pytest.approx(number)


def test_quantities_that_are_none() -> None:
    assert cpu_m(None) is memory_bytes(None) is None
    with pytest.raises(ValueError, match="'10 apples' is not a Kubernetes quantity"):
        parse_quantity("10 apples")


@pytest.mark.parametrize(
    ("text", "seconds"), [("15.063s", 15.063), ("1m2s", 62), ("250ms", 0.25), ("1h", 3600), ("30s", 30)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


def test_the_pressure_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "cpu").write_text(
        "some avg10=98.01 avg60=1.00 avg300=2.00 total=3\nfull avg10=0.00 avg60=0 avg300=0 total=0\n"
    )
    assert cpu_pressure(tmp_path / "cpu") == 98.01
    assert cpu_pressure(tmp_path / "none") is None
    (tmp_path / "cpu").write_text("nonsense here\n")
    assert cpu_pressure(tmp_path / "cpu") is None
    assert host_load()["cores"] >= 1


def test_the_clock_offset_is_narrowed_and_a_step_is_noticed() -> None:
    clock = ClockOffset()
    assert clock.bounds_ms() is None
    clock.add(None, 0, 0)
    clock.add("yesterday", 0, 0)
    assert clock.bounds_ms() is None
    date = "Thu, 01 Jan 1970 00:01:40 GMT"  # the server is 0.25 s ahead of the observer
    clock.add(date, 99.80, 99.81)
    clock.add(date, 100.74, 100.745)
    assert clock.bounds_ms() == (pytest.approx(190.0), pytest.approx(260.0))
    clock.add(date, 50.0, 50.1)
    assert clock.steps == 1


def test_a_native_sidecar_is_one_of_the_pods_containers_and_an_init_container_what_it_waits_for() -> None:
    killed = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-21T08:00:30Z"}
    sidecar = {"name": "proxy", "restartPolicy": "Always", "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}
    pod = {
        "metadata": {"name": "web"},
        "spec": {"initContainers": [{"name": "migrate"}, sidecar], "containers": [{"name": "web"}]},
        "status": {
            "containerStatuses": [{"name": "web", "ready": True, "state": {"running": {}}}],
            "initContainerStatuses": [
                {"name": "migrate", "state": {"waiting": {"reason": "ImagePullBackOff"}}},
                {"name": "proxy", "restartCount": 4, "state": {"running": {}}, "lastState": {"terminated": killed}},
            ],
        },
    }
    state, spec = state_of("Pod", pod), spec_of("Pod", pod)
    assert [one["name"] for one in state["containers"]] == ["proxy", "web"]
    assert (state["restarts"], state["containers"][0]["last"]["reason"]) == (4, "OOMKilled")
    assert [(one["name"], one["reason"]) for one in state["init_containers"]] == [("migrate", "ImagePullBackOff")]
    assert spec is not None
    assert [(one["name"], one.get("sidecar"), one.get("init")) for one in spec["containers"]] == [
        ("web", None, None),
        ("migrate", None, True),
        ("proxy", True, None),
    ]


def test_where_an_ingress_and_a_route_lead() -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/cart", "pathType": "Prefix", "backend": backend}
    ingress = {"spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example", "http": {"paths": [path]}}]}}
    rule = {"host": "a.example", "path": "/cart", "exact": False, "service": "web"}
    assert state_of("Ingress", ingress) == {"class": "nginx", "rules": [rule]}
    matches = [{"path": {"type": "Exact", "value": "/cart"}}]
    route = {
        "spec": {
            "hostnames": ["a.example"],
            "parentRefs": [{"name": "gate"}],
            "rules": [{"matches": matches, "backendRefs": [{"name": "web"}]}],
        }
    }
    assert state_of("HTTPRoute", route) == {"class": "gate", "rules": [{**rule, "exact": True}]}


def test_a_workloads_strategy_and_a_nodes_kernel_are_kept() -> None:
    assert state_of("Deployment", {"spec": {"strategy": {"type": "Recreate"}}})["strategy"] == "Recreate"
    assert state_of("Node", {"status": {"nodeInfo": {"bootID": "b-1"}}})["boot_id"] == "b-1"


def test_what_a_service_does_with_outside_traffic_and_where_a_node_is_asked() -> None:
    spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31234}
    service = state_of("Service", {"spec": spec})
    assert (service["external_traffic_policy"], service["health_check_node_port"]) == ("Local", 31234)
    assert state_of("Service", {"spec": {"type": "ClusterIP"}})["external_traffic_policy"] is None
    addresses = [{"type": "InternalIP", "address": "192.168.49.2"}, {"type": "Hostname", "address": "minikube"}]
    assert state_of("Node", {"status": {"addresses": addresses}})["addresses"] == ["192.168.49.2", "minikube"]
