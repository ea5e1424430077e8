# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The changes in a cluster that people want to hear of, in words: live, and as marks of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from .record import Front, ObjectChange

REPEAT_NS = 10_000_000_000  # an event that repeats within this is one
MESSAGE_LENGTH = 160


class Notable:
    """Rollouts and scaling, selectors, restarts with their reason, nodes, autoscaling, warnings, the last endpoint.

    Changes are told in the order of time. namespace: the recorded one; what is of the proxy in front is named with its
    own.
    """

    def __init__(self, namespace: str, front: Front | None) -> None:
        self._namespace, self._front = namespace, front
        self._before: dict[str, ObjectChange] = {}
        self._warned: dict[tuple[str, str], int] = {}
        self._ready: dict[str, int] = {}

    def words(self, change: ObjectChange) -> list[str]:
        """What is worth telling of a change; mostly nothing."""
        place = place_of(change, self._namespace, self._front)
        if change.kind == "EndpointSlice":
            return self._endpoints(change, place)
        if change.kind == "Event":
            return self._warning(change)
        old = self._before.get(change.uid)
        self._before[change.uid] = change
        tell = _TELL.get(change.kind)
        if old is None or tell is None or change.event == "deleted":
            return []
        return tell(place + change.name, old.state, change.state)

    def _endpoints(self, change: ObjectChange, place: str) -> list[str]:
        service = place + str(change.state.get("service") or change.name)
        count = 0 if change.event == "deleted" else ready_count(change.state)
        old = self._ready.get(service)
        self._ready[service] = count
        if old and not count:
            return [f"Service {service} has no ready endpoint"]
        return [f"Service {service} has a ready endpoint again"] if old == 0 and count else []

    def _warning(self, change: ObjectChange) -> list[str]:
        state = change.state
        if state.get("type") != "Warning" or change.event in ("listed", "deleted"):
            return []
        about = state.get("about") or {}
        key = (str(about.get("uid") or about.get("name")), str(state.get("reason")))
        recent = key in self._warned and change.t_ns - self._warned[key] < REPEAT_NS
        self._warned[key] = change.t_ns
        if recent:
            return []
        message = " ".join(str(state.get("message") or "").split())
        if len(message) > MESSAGE_LENGTH:
            message = message[: MESSAGE_LENGTH - 1] + "…"
        return [f"{state.get('reason')}: {about.get('name')}: {message}"]


def place_of(change: ObjectChange, namespace: str, front: Front | None) -> str:
    """What stands before the names of the proxy in front, where it is in a namespace of its own: "ingress/"."""
    other = front is not None and front.namespace == change.namespace != namespace
    return f"{change.namespace}/" if other else ""


def ready_count(state: Mapping[str, Any]) -> int:
    """How many endpoints of an EndpointSlice are ready."""
    return sum(bool(endpoint.get("ready")) for endpoint in state.get("endpoints", []))


def _workload(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    names = []
    if new.get("images") != old.get("images") or new.get("version") != old.get("version"):
        names.append(f"{name}: {old.get('version') or 'old image'} → {new.get('version') or 'new image'}")
    if new.get("replicas") != old.get("replicas"):
        names.append(f"{name}: {old.get('replicas')} → {new.get('replicas')} replicas")
    return names


def _service(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    if new.get("selector") == old.get("selector"):
        return []
    return [f"Service {name} selects " + ", ".join(f"{key}={value}" for key, value in new["selector"].items())]


def _pod(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [f"{name} restarted{_why_ended(new)}"] if new.get("restarts", 0) > old.get("restarts", 0) else []


def _node(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    if new.get("ready") == old.get("ready"):
        return []
    return [f"node {name} is {'ready' if new.get('ready') == 'True' else 'not ready'}"]


def _autoscaler(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    if new.get("desired") == old.get("desired"):
        return []
    return [f"autoscaler {name}: {old.get('desired')} → {new.get('desired')} replicas"]


_TELL: dict[str, Callable[[str, Mapping[str, Any], Mapping[str, Any]], list[str]]] = {
    "Deployment": _workload,
    "StatefulSet": _workload,
    "Service": _service,
    "Pod": _pod,
    "Node": _node,
    "HorizontalPodAutoscaler": _autoscaler,
}


def _why_ended(state: Mapping[str, Any]) -> str:
    for container in state.get("containers", []):
        last = container.get("last") or {}
        if last:
            return f" ({last.get('reason')}, exit code {last.get('exit_code')})"
    return ""
