# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Empties a node as `kubectl drain` does: cordon, then evict; what a PodDisruptionBudget refuses is tried again."""

from __future__ import annotations

import time
from typing import Any, Callable

from .api import ApiRefused, ApiUnavailable, ClusterError
from .changes import Changes

RETRY_S = 0.5
_MIRROR = "kubernetes.io/config.mirror"

Pause = Callable[[float], None]


def set_schedulable(changes: Changes, node: str, schedulable: bool) -> None:
    """Whether pods may come to the node. Raises the API's problems."""
    changes.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": None if schedulable else True}})


def evictable(changes: Changes, node: str) -> list[dict[str, Any]]:
    """The node's pods that a drain moves: no DaemonSet's, no static one, none that has ended."""
    listed = changes.api.get("/api/v1/pods", fieldSelector=f"spec.nodeName={node}")["items"]
    return [one for one in listed if _moves(one)]


def evict_all(changes: Changes, node: str, timeout_s: float, pause: Pause, evicted: Callable[[str], Any]) -> None:
    """Evict every pod and wait until all are gone; `evicted(pod)` is a context in which each eviction is called.

    Raises ClusterError when some are left after `timeout_s`, and whatever `pause` raises.
    """
    deadline = time.monotonic() + timeout_s
    asked: set[str] = set()
    while True:
        left = evictable(changes, node)
        if not left:
            return
        if time.monotonic() > deadline:
            names = ", ".join(sorted(one["metadata"]["name"] for one in left))
            raise ClusterError(f"node {node} still has pods after {timeout_s:g} s: {names}")
        for one in left:
            if one["metadata"]["uid"] not in asked and _evict(changes, one, evicted):
                asked.add(one["metadata"]["uid"])
        pause(RETRY_S)


def _evict(changes: Changes, pod: dict[str, Any], evicted: Callable[[str], Any]) -> bool:
    """Whether the eviction was taken; a budget that does not allow it now answers 429."""
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
    }
    try:
        with evicted(metadata["name"]):
            changes.create(path, body)
    except ApiUnavailable as error:
        if error.status == 429:
            return False
        raise
    except ApiRefused as error:
        if error.status != 404:
            raise
    return True


def _moves(pod: dict[str, Any]) -> bool:
    metadata = pod["metadata"]
    owners = {owner["kind"] for owner in metadata.get("ownerReferences") or []}
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return "DaemonSet" not in owners and _MIRROR not in (metadata.get("annotations") or {}) and not ended
