# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether a cluster can be worked with: its nodes, and the pods that make them some, are ready, and the deployments
that others rely on are available.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from .kubectl import Kubectl, KubectlError

PAUSE_S = 1.0
#: Priority of the DaemonSets that a node is no use without: its pod network and its way to Services. After a node's
#: restart they come minutes, at worst, after all else seems ready, for that was ready before and has not yet failed.
NODE_CRITICAL = "system-node-critical"


class NotReadyError(Exception):
    """The cluster was not ready in time; the message says what lacked."""


def lacking(objects: Sequence[dict[str, Any]], deployments: Sequence[tuple[str, str]]) -> list[str]:
    """What of the cluster is not ready yet, by its nodes, deployments and daemonsets as they are read, in words."""
    nodes = [entry for entry in objects if entry["kind"] == "Node"]
    seen = {
        (entry["metadata"]["namespace"], entry["metadata"]["name"]): entry
        for entry in objects
        if entry["kind"] == "Deployment"
    }
    missing = [] if nodes else ["the cluster has no node"]
    missing += [f"node {entry['metadata']['name']} is not ready" for entry in nodes if not _is(entry, "Ready")]
    for namespace, name in deployments:
        entry = seen.get((namespace, name))
        if entry is None:
            missing.append(f"deployment {namespace}/{name} is not there")
        elif not _observed(entry) or not _is(entry, "Available"):
            missing.append(f"deployment {namespace}/{name} is not available")
    missing += [
        f"daemonset {entry['metadata']['namespace']}/{entry['metadata']['name']} is not ready on every node"
        for entry in objects
        if entry["kind"] == "DaemonSet" and _is_node_critical(entry) and not _is_everywhere(entry)
    ]
    return missing


def wait_until_ready(
    kubectl: Kubectl,
    deployments: Sequence[tuple[str, str]],
    timeout_s: float,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Return when nothing lacks. Raises NotReadyError after `timeout_s`; an API that does not answer is waited for."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            missing = lacking(kubectl.get("nodes,deployments,daemonsets"), deployments)
        except KubectlError as error:
            missing = [str(error)]
        if not missing:
            return
        if time.monotonic() >= deadline:
            raise NotReadyError(f"not ready after {timeout_s:g} s: {'; '.join(missing)}")
        pause(PAUSE_S)


def _is(entry: dict[str, Any], condition: str) -> bool:
    said = entry.get("status", {}).get("conditions", [])
    return any(one["type"] == condition and one["status"] == "True" for one in said)


def _is_node_critical(entry: dict[str, Any]) -> bool:
    return bool(entry["spec"]["template"]["spec"].get("priorityClassName") == NODE_CRITICAL)


def _is_everywhere(entry: dict[str, Any]) -> bool:
    status = entry.get("status", {})
    return _observed(entry) and status.get("numberReady", 0) >= status.get("desiredNumberScheduled", 1)


def _observed(entry: dict[str, Any]) -> bool:
    """Whether the status is that of the newest specification: right after a change it is still the old one's."""
    return bool(entry.get("status", {}).get("observedGeneration", 0) >= entry["metadata"].get("generation", 0))
