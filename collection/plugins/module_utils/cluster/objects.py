# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the record keeps of each Kubernetes object: a small ``state`` that changes and a ``spec`` that explains it.

Pure functions of the API's JSON. A change that leaves the state as it was (a heartbeat, an annotation) is no
change to the record, which keeps it small and the recorder cheap.
"""

from __future__ import annotations

from typing import Any, Callable

from .pod import pod_spec, pod_state

Json = dict[str, Any]


def _labels(obj: Json) -> Json:
    return dict(obj.get("metadata", {}).get("labels") or {})


def version_of(labels: Json, images: dict[str, str]) -> str | None:
    """The version as people see it: the label that names it, else the tag of a single image."""
    for name in ("app.kubernetes.io/version", "version", "tag"):
        if labels.get(name):
            return str(labels[name])
    if len(images) == 1:
        image = next(iter(images.values())).partition("@")[0]
        _unused, colon, tag = image.rpartition(":")
        return tag if colon and "/" not in tag else None
    return None


def endpoint_slice_state(obj: Json) -> Json:
    """ready: new connections are sent there; serving: it answers; terminating: its pod is being deleted."""
    endpoints = []
    for endpoint in obj.get("endpoints") or []:
        conditions = endpoint.get("conditions") or {}
        ready = conditions.get("ready") is not False  # the API says: no value means ready
        target = endpoint.get("targetRef") or {}
        endpoints.append(
            {
                "pod": target.get("name"),
                "uid": target.get("uid"),
                "addresses": endpoint.get("addresses") or [],
                "ready": ready,
                "serving": ready if conditions.get("serving") is None else conditions["serving"],
                "terminating": bool(conditions.get("terminating")),
                "node": endpoint.get("nodeName"),
            }
        )
    return {
        "service": _labels(obj).get("kubernetes.io/service-name"),
        "ports": [port.get("port") for port in obj.get("ports") or []],
        "endpoints": sorted(endpoints, key=lambda entry: str(entry["pod"])),
    }


def service_state(obj: Json) -> Json:
    spec = obj.get("spec") or {}
    ports = [
        {"port": port.get("port"), "target_port": port.get("targetPort"), "node_port": port.get("nodePort")}
        for port in spec.get("ports") or []
    ]
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return {
        "type": spec.get("type"),
        "selector": spec.get("selector") or {},
        "cluster_ip": spec.get("clusterIP"),
        "load_balancer": [entry.get("ip") or entry.get("hostname") for entry in ingress],
        "ports": ports,
        "external_traffic_policy": spec.get("externalTrafficPolicy"),  # only of types that take outside traffic
        "health_check_node_port": spec.get("healthCheckNodePort"),
    }


def workload_state(obj: Json) -> Json:
    """Deployments, ReplicaSets and StatefulSets: how many replicas of which revision, image and version."""
    metadata, spec, status = obj.get("metadata") or {}, obj.get("spec") or {}, obj.get("status") or {}
    template = spec.get("template") or {}
    images = {
        container["name"]: container.get("image", "")
        for container in (template.get("spec") or {}).get("containers") or []
    }
    state: Json = {
        "revision": (metadata.get("annotations") or {}).get("deployment.kubernetes.io/revision"),
        "replicas": spec.get("replicas", 1),
        "current": status.get("replicas", 0),
        "ready": status.get("readyReplicas", 0),
        "available": status.get("availableReplicas", 0),
        "images": images,
        "version": version_of((template.get("metadata") or {}).get("labels") or {}, images),
    }
    if obj.get("kind") != "ReplicaSet":
        state["updated"] = status.get("updatedReplicas", 0)
        state["observed"] = status.get("observedGeneration") == metadata.get("generation")
        state["min_ready_s"] = spec.get("minReadySeconds", 0)
    strategy = (spec.get("strategy") or spec.get("updateStrategy") or {}).get("type")
    if strategy:
        state["strategy"] = strategy
    rolling = (spec.get("strategy") or spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    if rolling:
        state["rolling_update"] = rolling
    if status.get("updateRevision"):
        state["revision"] = status["updateRevision"]
    owner = next(iter(metadata.get("ownerReferences") or []), None)
    if owner is not None:
        state["owner"] = f"{owner['kind']}/{owner['name']}"
    return state


def autoscaler_state(obj: Json) -> Json:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    metrics = {}
    for metric in status.get("currentMetrics") or []:
        resource = metric.get("resource") or {}
        if resource:
            metrics[resource.get("name")] = (resource.get("current") or {}).get("averageUtilization")
    return {
        "target": f"{target.get('kind')}/{target.get('name')}",
        "min": spec.get("minReplicas", 1),
        "max": spec.get("maxReplicas"),
        "current": status.get("currentReplicas", 0),
        "desired": status.get("desiredReplicas", 0),
        "utilization_percent": metrics,
        "problems": {
            condition["type"]: condition.get("reason")
            for condition in status.get("conditions") or []
            if condition.get("status") == "False" and condition["type"] != "ScalingLimited"
        },
    }


def node_state(obj: Json) -> Json:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
    ready = conditions.pop("Ready", {})
    return {
        "ready": ready.get("status", "Unknown"),  # True, False or Unknown: no word from its kubelet
        "ready_reason": ready.get("reason"),
        "ready_since": ready.get("lastTransitionTime"),
        "pressures": sorted(name for name, condition in conditions.items() if condition.get("status") == "True"),
        "unschedulable": bool(spec.get("unschedulable")),
        "taints": sorted(f"{taint['key']}:{taint.get('effect')}" for taint in spec.get("taints") or []),
        "deletion_timestamp": (obj.get("metadata") or {}).get("deletionTimestamp"),
        "addresses": sorted({str(one.get("address")) for one in status.get("addresses") or []}),
        "boot_id": (status.get("nodeInfo") or {}).get("bootID"),  # tells whether it shares a kernel with others
    }


def ingress_state(obj: Json) -> Json:
    """Which host and path lead to which Service; host or path None: any. exact: the whole path, else its beginning."""
    spec = obj.get("spec") or {}
    rules = [
        _rule(rule.get("host"), path.get("path"), path.get("pathType") == "Exact", _backend(path.get("backend") or {}))
        for rule in spec.get("rules") or []
        for path in (rule.get("http") or {}).get("paths") or []
    ]
    if spec.get("defaultBackend"):
        rules.append(_rule(None, None, False, _backend(spec["defaultBackend"])))
    return {"class": spec.get("ingressClassName"), "rules": rules}


def _backend(backend: Json) -> str | None:
    return (backend.get("service") or {}).get("name")


def http_route_state(obj: Json) -> Json:
    """As ingress_state, of the Gateway API; the class is the Gateway that it hangs on."""
    spec = obj.get("spec") or {}
    rules = []
    for rule in spec.get("rules") or []:
        services = [one.get("name") for one in rule.get("backendRefs") or [] if one.get("kind", "Service") == "Service"]
        paths = [match.get("path") or {} for match in rule.get("matches") or [{}]]
        for host in spec.get("hostnames") or [None]:
            rules += [
                _rule(host, path.get("value"), path.get("type") == "Exact", service)
                for path in paths
                for service in services
            ]
    parents = [parent.get("name") for parent in spec.get("parentRefs") or []]
    return {"class": next(iter(parents), None), "rules": rules}


def budget_state(obj: Json) -> Json:
    """min_available and max_unavailable as the API has them: a number, a share as text, or null."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return {
        "selector": (spec.get("selector") or {}).get("matchLabels") or {},
        "min_available": spec.get("minAvailable"),
        "max_unavailable": spec.get("maxUnavailable"),
        "allowed": status.get("disruptionsAllowed", 0),
    }


def network_policy_state(obj: Json) -> Json:
    """Of a policy for incoming traffic: whose pods it is for, and a text that changes with what it lets through."""
    spec = obj.get("spec") or {}
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]  # the API's own default
    return {
        "selector": (spec.get("podSelector") or {}).get("matchLabels") or {},
        "expressions": (spec.get("podSelector") or {}).get("matchExpressions") or [],
        "incoming": "Ingress" in types,
        "lets_in": spec.get("ingress") or [],
    }


def _rule(host: str | None, path: str | None, exact: bool, service: str | None) -> Json:
    return {"host": host, "path": path, "exact": exact, "service": service}


def event_state(obj: Json) -> Json:
    """first, last: whole seconds, as Kubernetes counts repeated events; event_time: microseconds, newer reporters."""
    about = obj.get("involvedObject") or {}
    series = obj.get("series") or {}
    return {
        "type": obj.get("type"),
        "reason": obj.get("reason"),
        "message": obj.get("message"),
        "about": {
            "kind": about.get("kind"),
            "name": about.get("name"),
            "uid": about.get("uid"),
            "field_path": about.get("fieldPath"),
        },
        "count": series.get("count") or obj.get("count") or 1,
        "first": obj.get("firstTimestamp") or obj.get("eventTime"),
        "last": series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime"),
        "source": (obj.get("source") or {}).get("component") or obj.get("reportingComponent"),
    }


STATES: dict[str, Callable[[Json], Json]] = {
    "Pod": pod_state,
    "EndpointSlice": endpoint_slice_state,
    "Service": service_state,
    "Deployment": workload_state,
    "ReplicaSet": workload_state,
    "StatefulSet": workload_state,
    "HorizontalPodAutoscaler": autoscaler_state,
    "Node": node_state,
    "Ingress": ingress_state,
    "HTTPRoute": http_route_state,
    "PodDisruptionBudget": budget_state,
    "NetworkPolicy": network_policy_state,
    "Event": event_state,
}


def state_of(kind: str, obj: Json) -> Json:
    """The part of ``obj`` that the record follows. Raises KeyError for a kind that is not watched."""
    if kind != obj.get("kind"):
        obj = {**obj, "kind": kind}  # items of a list come without their kind
    return STATES[kind](obj)


def spec_of(kind: str, obj: Json) -> Json | None:
    """What explains the object's behaviour and does not change in its life; None for kinds without."""
    return pod_spec(obj) if kind == "Pod" else None


def api_time_of(kind: str, obj: Json) -> str | None:
    """The API's own time of the newest write it tells of (whole seconds mostly), as RFC 3339 text."""
    metadata = obj.get("metadata") or {}
    times = [entry.get("time") for entry in metadata.get("managedFields") or []]
    times.append(metadata.get("creationTimestamp"))
    if kind == "Event":
        times.append(event_state(obj)["last"])
    return max((time for time in times if time), default=None)
