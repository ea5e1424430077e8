# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""When is an object ready? One small predicate a kind, as `kubectl rollout status` and `kubectl wait` decide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

Json = Mapping[str, Any]


def deployment(found: Json) -> str:
    """The controller has seen the change, and all replicas are new, available, and alone."""
    spec, status = found["spec"], found.get("status") or {}
    wanted = spec.get("replicas", 1)
    for condition in status.get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"replicas cannot be made: {condition.get('message')}"
    if not _seen(found):
        return "the controller has not seen the change"
    counts = {name: status.get(name) or 0 for name in ("updatedReplicas", "availableReplicas", "replicas")}
    return "" if set(counts.values()) == {wanted} else _counted(counts, wanted)


def stateful_set(found: Json) -> str:
    """Every replica is of the newest revision and ready."""
    spec, status = found["spec"], found.get("status") or {}
    wanted = spec.get("replicas", 1)
    if not _seen(found):
        return "the controller has not seen the change"
    counts = {name: status.get(name) or 0 for name in ("readyReplicas", "updatedReplicas", "replicas")}
    if status.get("updateRevision") == status.get("currentRevision"):
        counts.pop("updatedReplicas")  # not counted where nothing is updated
    return "" if set(counts.values()) == {wanted} else _counted(counts, wanted)


def daemon_set(found: Json) -> str:
    """A pod of the newest kind is available on each node that wants one."""
    status = found.get("status") or {}
    wanted = status.get("desiredNumberScheduled") or 0
    if not _seen(found):
        return "the controller has not seen the change"
    counts = {name: status.get(name) or 0 for name in ("updatedNumberScheduled", "numberAvailable")}
    return "" if not wanted or set(counts.values()) == {wanted} else _counted(counts, wanted)


def pod(found: Json) -> str:
    """Its condition Ready is true."""
    return _condition(found, "Ready")


def node(found: Json) -> str:
    """Its condition Ready is true."""
    return _condition(found, "Ready")


#: Kind -> why an object of it is not ready, "" when it is. Other kinds are ready as soon as they are there.
PREDICATES: dict[str, Callable[[Json], str]] = {
    "Deployment": deployment,
    "StatefulSet": stateful_set,
    "DaemonSet": daemon_set,
    "Pod": pod,
    "Node": node,
}


def why_not_ready(kind: str, found: Json | None) -> str:
    """ "" when it is ready, else why it is not."""
    if found is None:
        return "it is not there"
    predicate = PREDICATES.get(kind)
    return predicate(found) if predicate else ""


def troubles(pods: list[dict[str, Any]]) -> list[str]:
    """What the pods of a namespace themselves say of why they are not ready: one line each, no line twice."""
    lines = []
    for one in pods:
        status = one.get("status") or {}
        for container in status.get("containerStatuses") or []:
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting:
                lines.append(f"{waiting.get('reason')}: {waiting.get('message', '')}".rstrip(": "))
        for condition in status.get("conditions") or []:
            if condition["status"] == "False" and condition.get("message"):
                lines.append(condition["message"])
    return list(dict.fromkeys(lines))


def _seen(found: Json) -> bool:
    generation = found["metadata"].get("generation", 0)
    return bool((found.get("status") or {}).get("observedGeneration", 0) >= generation)


def _counted(counts: Mapping[str, int], wanted: int) -> str:
    return f"{wanted} replicas are wanted, " + ", ".join(f"{name} {number}" for name, number in counts.items())


def _condition(found: Json, name: str) -> str:
    for condition in (found.get("status") or {}).get("conditions") or []:
        if condition["type"] == name:
            return "" if condition["status"] == "True" else str(condition.get("message") or f"it is not {name}")
    return f"it is not {name}"
