# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Nodes that stopped to answer, and pods that were sent away."""

from __future__ import annotations

from ..figures.executed import ANSWERED_OUTCOMES, CLIENT_OUTCOMES
from .failure import TIMEOUT_OUTCOMES, Failure
from .finding import NS_PER_S, PROXY_LAG_NS, Evidence, Finding, seconds
from .lives import PodLife
from .scene import Scene, near, onset_within

# A silent node is called not ready after node-monitor-grace-period (50 s since Kubernetes 1.32, 40 s before) and up to
# one more node-monitor-period (5 s): its requests fail from the first of these seconds.
SILENT_NS = 60 * NS_PER_S
TOLD_NS = 10 * NS_PER_S  # how often a kubelet writes its node's state, unless something else makes it
UNREACHED = TIMEOUT_OUTCOMES | {"unreachable", "reset", "refused"}
NO_WAY = TIMEOUT_OUTCOMES | {"unreachable"}  # what a silent node does to requests, and a rollout hardly ever
EVICTIONS = {
    "Evicted": "set memory and ephemeral-storage requests that cover what the pod uses",
    "TerminationByKubelet": "set memory and ephemeral-storage requests that cover what the pod uses",
    "Terminated": "keep a replica on another node (topologySpreadConstraints), and drain a node before it is shut down",
    "DeletionByPodGC": "the pod's node is gone: keep a replica on another node (topologySpreadConstraints)",
    "PreemptionByScheduler": "give the pod a priorityClassName that is not preempted, or the cluster more room",
    "DeletionByTaintManager": "a taint drove the pod away: keep a replica on another node (topologySpreadConstraints)",
    "EvictionByEvictionAPI": "add a PodDisruptionBudget (minAvailable), two replicas on two nodes, and a preStop hook",
}


def node_not_ready(failure: Failure, scene: Scene) -> Finding | None:
    """A node with pods of the service stopped to report: requests to them went nowhere."""
    if not set(failure.outcomes) & UNREACHED or failure.only(CLIENT_OUTCOMES | ANSWERED_OUTCOMES):
        return None
    for node, steps in scene.view.nodes.items():
        for start, end, ready in steps.spans():
            if ready == "True" or start <= scene.view.record.started_ns + NS_PER_S:
                continue
            if not onset_within(failure, start - SILENT_NS, None if end is None else end + PROXY_LAG_NS):
                continue
            pods = [pod for pod in scene.pods if pod.node == node and pod.routed(failure.first_bad_ns)]
            if not pods:
                break
            wait = start - failure.first_bad_ns
            late = f", noticed {seconds(wait)} after the first failure" if wait > 0 else ""
            text = f"node {node} went Ready={ready}{late}; on it: {', '.join(sorted(pod.name for pod in pods))}"
            confidence = "high" if wait <= 0 or failure.only(NO_WAY) else "medium"
            change = scene.change(
                pods[0], "spread replicas over nodes (topologySpreadConstraints on kubernetes.io/hostname)"
            )
            return Finding("node_not_ready", confidence, start, node, (Evidence(start, text),), change)
    return None


def evicted(failure: Failure, scene: Scene) -> Finding | None:
    """A pod was evicted, preempted or drained."""
    if failure.only(CLIENT_OUTCOMES | ANSWERED_OUTCOMES):
        return None
    found = [(pod, removal) for pod, removal in scene.removed if removal.reason in EVICTIONS]
    for pod, removal in sorted(found, key=lambda pair: abs(failure.first_bad_ns - pair[1].t_ns)):
        last = max(removal.t_ns, pod.dropped_ns or 0, pod.exit_ns or 0)
        without = scene.without_endpoint(failure)
        emptied = without is not None and near_removal(without, pod, removal.t_ns)
        if not onset_within(failure, removal.t_ns - NS_PER_S, last + PROXY_LAG_NS) and not emptied:
            continue
        if not pod.routed(removal.t_ns - NS_PER_S, last) and not emptied:
            continue
        text = f"{pod.name} was removed from node {pod.node}: {removal.reason} {removal.message}".strip()
        at_once = near(failure, removal.t_ns, NS_PER_S, PROXY_LAG_NS) or emptied
        shutdown = "node shutdown" in removal.message
        change = scene.change(pod, EVICTIONS["Terminated" if shutdown else removal.reason])
        confidence = "high" if at_once else "medium"
        evidence = (Evidence(removal.t_ns, text), *_pressure(scene, pod, removal.t_ns))
        return Finding("evicted", confidence, removal.t_ns, pod.name, evidence, change)
    return None


def _pressure(scene: Scene, pod: PodLife, removal_ns: int) -> list[Evidence]:
    """What the node was short of then. A kubelet tells of it up to 10 s after it began to evict, or before."""
    steps = scene.view.pressures.get(pod.node)
    for start, end, short in steps.spans() if steps else ():
        if short and start <= removal_ns + TOLD_NS and (end is None or end >= removal_ns):
            return [Evidence(start, f"node {pod.node} told of {', '.join(short)}")]
    return []


def near_removal(without_ns: int, pod: PodLife, removal_ns: int) -> bool:
    """Whether the service lost its last endpoint by this removal."""
    return removal_ns - NS_PER_S <= without_ns <= (pod.gone_ns or removal_ns) + PROXY_LAG_NS
