# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The pieces of a manifest that keep a service up, which of them are missing, and what that cost in this run.

What a record does not hold is said to be not recorded, which is neither set nor missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ...cluster.record import ClusterRecord
from .lives import PodLife
from .timeline import ClusterView

Json = dict[str, Any]
SET, MISSING, NOT_RECORDED, IMPOSSIBLE = "set", "missing", "not recorded", "not possible"


@dataclass(frozen=True)
class Risk:
    """One piece of one workload. lost: requests lost to what it prevents; None where it is not missing."""

    workload: str
    piece: str
    found: str
    state: str
    guards: str
    lost: int | None


# piece -> what it guards against, the causes (docs/causes.md) that a missing one lets through
GUARDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "readiness probe": ("requests before a pod listens", ("added_before_listening",)),
    "preStop hook": (
        "requests to a pod that is stopping",
        ("terminated_while_routed", "late_deregistration", "stale_connection"),
    ),
    "grace period": ("a kill in the middle of an answer", ()),
    "replicas": ("one pod's end is the service's end", ("replicas_zero", "no_ready_endpoint")),
    "surge": ("a rollout that takes pods away first", ("no_ready_endpoint", "image_not_pulled", "unschedulable")),
    "spread": ("one node's end is the service's end", ("node_not_ready", "evicted", "no_local_endpoint")),
    "disruption budget": ("a drain that takes all pods at once", ("evicted",)),
}


def risk_sheet(record: ClusterRecord, explained: Sequence[Mapping[str, Any]]) -> list[Risk]:
    """The pieces of each workload behind the probed service. explained: the explanations made with this record."""
    view = ClusterView(record)
    lost: dict[str, int] = {}
    for one in explained:
        for cause in one["causes"]:
            lost[cause["id"]] = lost.get(cause["id"], 0) + cause["requests_lost"]
    services = {one["service"] for one in explained} or {None}
    workloads: dict[str, dict[str, PodLife]] = {}
    for service in services:
        for pod in view.pods_of(service):
            if name := view.workload_of(pod):
                workloads.setdefault(name, {})[pod.uid] = pod
    rows = []
    for name, pods in sorted(workloads.items()):
        steps = view.workloads.get(name)
        states = [] if steps is None else list(steps.values)
        for piece, (found, state) in _pieces(list(pods.values()), states, view).items():
            guards, causes = GUARDS[piece]
            cost = sum(lost.get(cause, 0) for cause in causes) if state == MISSING else None
            rows.append(Risk(name, piece, found, state, guards, cost))
    return rows


def _pieces(
    pods: Sequence[PodLife], states: Sequence[Mapping[str, Any]], view: ClusterView
) -> dict[str, tuple[str, str]]:
    return {
        "readiness probe": _of_pods(pods, lambda pod: _first(one.get("readiness") for one in pod.doors)),
        "preStop hook": _of_pods(pods, lambda pod: _first(one.get("pre_stop") for one in pod.doors)),
        "grace period": _grace(pods),
        "replicas": _replicas(states),
        "surge": _surge(states),
        "spread": _spread(pods, len(view.nodes)),
        "disruption budget": _budget(pods, view),
    }


def _first(values: Iterable[Any]) -> str:
    return next((str(value) for value in values if value), "")


def _of_pods(pods: Sequence[PodLife], setting: Callable[[PodLife], str]) -> tuple[str, str]:
    """A setting of the pods' template: missing where any pod of the run had none."""
    known = [pod for pod in pods if pod.containers]
    if not known:
        return "", NOT_RECORDED
    settings = [setting(pod) for pod in known]
    without = settings.count("")
    if without == len(settings):
        return "none", MISSING
    shown = _first(reversed(settings))
    return (f"{shown}; none in {without} of {len(settings)} pods", MISSING) if without else (shown, SET)


def _grace(pods: Sequence[PodLife]) -> tuple[str, str]:
    known = [grace for pod in pods if (grace := pod.spec.get("termination_grace_s")) is not None]
    if not known:
        return "", NOT_RECORDED
    return f"{min(known)} s", MISSING if min(known) == 0 else SET


def _replicas(states: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The fewest that were asked for during the run."""
    wanted = [int(state["replicas"]) for state in states if state.get("replicas") is not None]
    if not wanted:
        return "", NOT_RECORDED
    return f"{min(wanted)}", SET if min(wanted) > 1 else MISSING


def _surge(states: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    rolling = next((state["rolling_update"] for state in reversed(states) if state.get("rolling_update")), None)
    if rolling is None:
        return "", NOT_RECORDED
    surge, unavailable = rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 0)
    wanted = min((int(state["replicas"]) for state in states if state.get("replicas") is not None), default=1)
    taken = int(str(unavailable).rstrip("%"))
    if str(unavailable).endswith("%"):  # Kubernetes rounds it down to whole pods
        taken = wanted * taken // 100
    return f"maxSurge {surge}, maxUnavailable {unavailable}", MISSING if taken else SET


def _budget(pods: Sequence[PodLife], view: ClusterView) -> tuple[str, str]:
    """The budget that selects the pods by their labels."""
    if "PodDisruptionBudget" in view.record.skipped:
        return "", NOT_RECORDED
    labels = [pod.spec.get("labels") or {} for pod in pods]
    for name, states in view.budgets.items():
        state = states.values[-1]
        wanted = (state.get("selector") or {}).items()
        if wanted and not state.get("deleted") and all(wanted <= own.items() for own in labels):
            least, most = state.get("min_available"), state.get("max_unavailable")
            return f"{name}: minAvailable {least}" if least is not None else f"{name}: maxUnavailable {most}", SET
    return "none", MISSING


def _spread(pods: Sequence[PodLife], nodes: int) -> tuple[str, str]:
    """Where the pods really ran, whatever the manifest asks for."""
    used = {pod.node for pod in pods if pod.node}
    if not used:
        return "", NOT_RECORDED
    if not nodes:
        return f"on {len(used)} node{'s' if len(used) > 1 else ''}; how many there were was not recorded", NOT_RECORDED
    if nodes == 1:
        return "on the only node", IMPOSSIBLE
    return f"on {len(used)} of {nodes} nodes", SET if len(used) > 1 else MISSING
