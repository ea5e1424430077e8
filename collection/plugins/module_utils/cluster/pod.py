# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the record keeps of a pod: its state, and the settings that decide how it starts, is checked and dies."""

from __future__ import annotations

from typing import Any, Callable

from .quantity import cpu_m, memory_bytes

Json = dict[str, Any]


def pod_state(obj: Json) -> Json:
    """phase, readiness, deletion, restarts and each container's state with exit code and reason."""
    metadata, spec, status = obj.get("metadata") or {}, obj.get("spec") or {}, obj.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
    ready = conditions.get("Ready") or {}
    sidecars = {container["name"] for container in spec.get("initContainers") or [] if _is_sidecar(container)}
    before = status.get("initContainerStatuses") or []
    beside = [entry for entry in before if entry.get("name") in sidecars]
    containers = [_container_state(entry) for entry in [*(status.get("containerStatuses") or []), *beside]]
    init = [_container_state(entry) for entry in before if entry.get("name") not in sidecars]
    state: Json = {
        "phase": status.get("phase"),
        "ready": ready.get("status") == "True",
        "ready_since": ready.get("lastTransitionTime"),
        "node": spec.get("nodeName"),
        "ip": status.get("podIP"),
        "deletion_timestamp": metadata.get("deletionTimestamp"),
        "deletion_grace_s": metadata.get("deletionGracePeriodSeconds"),
        "restarts": sum(container["restarts"] for container in containers),
        "containers": sorted(containers, key=lambda entry: str(entry["name"])),
    }
    if any(entry.get("state") != "terminated" or entry.get("exit_code") for entry in init):
        state["init_containers"] = init  # as long as the pod waits for one of them
    if status.get("reason"):  # Evicted, NodeLost, …
        state["reason"], state["message"] = status["reason"], status.get("message")
    target = conditions.get("DisruptionTarget") or {}
    if target.get("status") == "True":
        state["disruption"] = target.get(
            "reason"
        )  # EvictionByEvictionAPI, TerminationByKubelet, PreemptionByScheduler, …
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False":
        state["unscheduled"] = scheduled.get("message") or scheduled.get("reason")
    return state


def _container_state(status: Json) -> Json:
    state: Json = {
        "name": status.get("name"),
        "ready": bool(status.get("ready")),
        "started": bool(status.get("started")),
        "restarts": status.get("restartCount", 0),
        **_phase(status.get("state") or {}),
    }
    last = _phase(status.get("lastState") or {})
    if last:
        state["last"] = last
    return state


def _phase(state: Json) -> Json:
    for name in ("running", "waiting", "terminated"):
        body = state.get(name)
        if body is None:
            continue
        known = {
            "state": name,
            "reason": body.get("reason"),
            "message": body.get("message"),
            "exit_code": body.get("exitCode"),
            "signal": body.get("signal"),
            "started_at": body.get("startedAt"),
            "finished_at": body.get("finishedAt"),
        }
        return {key: value for key, value in known.items() if value is not None}
    return {}


def pod_spec(obj: Json) -> Json:
    """The settings that explain a pod's behaviour; probes and hooks in one short text each, None where not set."""
    metadata, spec = obj.get("metadata") or {}, obj.get("spec") or {}
    owner = next(iter(metadata.get("ownerReferences") or []), None)
    return {
        "labels": metadata.get("labels") or {},
        "owner": f"{owner['kind']}/{owner['name']}" if owner else None,
        "created_at": metadata.get("creationTimestamp"),
        "termination_grace_s": spec.get("terminationGracePeriodSeconds", 30),
        "containers": [
            *(_container_spec(container) for container in spec.get("containers") or []),
            *(
                {**_container_spec(container), "sidecar" if _is_sidecar(container) else "init": True}
                for container in spec.get("initContainers") or []
            ),
        ],
    }


def _is_sidecar(container: Json) -> bool:
    """Kubernetes' native sidecars are init containers that go on running."""
    return container.get("restartPolicy") == "Always"


def _container_spec(container: Json) -> Json:
    resources = container.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    return {
        "name": container.get("name"),
        "image": container.get("image"),
        "ports": [port.get("containerPort") for port in container.get("ports") or []],
        "readiness": probe_text(container.get("readinessProbe")),
        "liveness": probe_text(container.get("livenessProbe")),
        "startup": probe_text(container.get("startupProbe")),
        "pre_stop": handler_text((container.get("lifecycle") or {}).get("preStop")),
        "limits": {"cpu_m": cpu_m(limits.get("cpu")), "memory_bytes": memory_bytes(limits.get("memory"))},
        "requests": {"cpu_m": cpu_m(requests.get("cpu")), "memory_bytes": memory_bytes(requests.get("memory"))},
    }


def probe_text(probe: Json | None) -> str | None:
    """As in "GET :5000/healthz every 5 s, timeout 1 s, 3 failures, first after 0 s"; None when there is no probe."""
    if not probe:
        return None
    return (
        f"{handler_text(probe)} every {probe.get('periodSeconds', 10)} s, timeout {probe.get('timeoutSeconds', 1)} s, "
        f"{probe.get('failureThreshold', 3)} failures, first after {probe.get('initialDelaySeconds', 0)} s"
    )


def handler_text(handler: Json | None) -> str | None:
    """A probe's or hook's action: GET, TCP, gRPC, exec or sleep; None when nothing is set."""
    for name, text in _ACTIONS.items():
        body = (handler or {}).get(name)
        if body:
            return text(body)
    return None


_ACTIONS: dict[str, Callable[[Json], str]] = {
    "httpGet": lambda body: f"GET :{body.get('port')}{body.get('path', '/')}",
    "tcpSocket": lambda body: f"TCP :{body.get('port')}",
    "grpc": lambda body: f"gRPC :{body.get('port')}",
    "sleep": lambda body: f"sleep {body.get('seconds')} s",
    "exec": lambda body: "exec " + " ".join(body.get("command") or []),
}
