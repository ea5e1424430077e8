# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Services with too few endpoints or none: scaled to zero, deleted, not ready, lost with what they depend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .emptied import Emptied
from .failure import LATE_OUTCOMES, TIMEOUT_OUTCOMES, Failure
from .finding import NS_PER_S, PROXY_LAG_NS, WATCH_LAG_NS, Change, Evidence, Finding
from .lives import Note, PodLife
from .scene import Scene, mostly_within
from .unserved import empty_text, unserved

# How long a readiness probe may take to fail after what it asks for is gone: three periods of 10 s, and more.
BEHIND_NS = 60 * NS_PER_S


def replicas_zero(failure: Failure, scene: Scene) -> Finding | None:
    """Somebody (or an autoscaler) asked for no replica at all."""
    empty = unserved(failure, scene)
    if empty is None or not empty.unreplaced:
        return None
    for key, start, end, state in _states(scene):
        if state.get("replicas") == 0 and not state.get("deleted") and _in_force(empty, start, end):
            evidence = (Evidence(start, f"{key} wants 0 replicas"), empty_text(scene, empty))
            change = Change("ask for at least two replicas", key, {"spec": {"replicas": 2}})
            return Finding("replicas_zero", "high" if scene.owners else "medium", start, key, evidence, change)
    return None


def deleted(failure: Failure, scene: Scene) -> Finding | None:
    """The workload itself was deleted, and its pods with it."""
    empty = unserved(failure, scene)
    if empty is None or not (empty.by("deleted") or not empty.lost):
        return None
    for key, start, end, state in _states(scene):
        if state.get("deleted") and _in_force(empty, start, end):
            evidence = (Evidence(start, f"{key} was deleted"), empty_text(scene, empty))
            advice = "change a workload in place (kubectl apply, rollout): replacing it by force deletes its pods first"
            return Finding("deleted", "high", start, key, evidence, Change(advice, key))
    return None


def dependency_down(failure: Failure, scene: Scene) -> Finding | None:
    """Pods went unready because a service that their readiness probe asks for had lost its last endpoint."""
    empty = unserved(failure, scene)
    if empty is None or not empty.by("unready"):
        return None
    for other in scene.behind:
        for start, end in other.view.without_endpoint(str(other.service)):
            before = start <= empty.since_ns + WATCH_LAG_NS and empty.since_ns <= start + BEHIND_NS
            if before and start > scene.view.record.started_ns and (end is None or end >= empty.since_ns):
                told = [Evidence(note.t_ns, f"{pod.name}: {note.message}") for pod, note in _unhealthy(failure, scene)]
                evidence = (
                    Evidence(start, f"Service {other.service} lost its last endpoint"),
                    *told[:1],
                    empty_text(scene, empty),
                )
                advice = (
                    f"a readiness probe that asks Service {other.service} takes every pod out at once: let it tell of "
                    "the pod alone, or give that service a second replica"
                )
                change = scene.change(empty.by("unready")[0].pod, advice)
                confidence = "high" if told else "medium"
                return Finding("dependency_down", confidence, start, str(other.service), evidence, change)
    return None


def readiness_failed(failure: Failure, scene: Scene) -> Finding | None:
    """Pods run, but their readiness probe fails, and so the service has no endpoint."""
    empty = unserved(failure, scene)
    if empty is None:
        return None
    lost = {one.pod.name for one in empty.by("unready")}
    for pod, note in _unhealthy(failure, scene):
        new = empty.unreplaced and not pod.routed(failure.first_bad_ns)
        if pod.name in lost or new:
            told = (one for other, one in _unhealthy(failure, scene) if other is pod)
            answered = next((one for one in told if "statuscode" in one.message), None)
            # A process that answers its probe wrongly most of the time has started, and waits for nothing but that.
            sure = pod.name in lost or (answered is not None and mostly_within(failure, answered.t_ns, None))
            first = note if answered is None else answered
            probe = next((one["readiness"] for one in pod.doors if one.get("readiness")), "not recorded")
            evidence = (Evidence(first.t_ns, f"{pod.name}: {first.message}"), empty_text(scene, empty))
            text = f"correct the readiness probe ({probe}), or give the application what it waits for"
            confidence = "high" if sure else "medium"
            return Finding("readiness_failed", confidence, first.t_ns, pod.name, evidence, scene.change(pod, text))
    return None


def no_ready_endpoint(failure: Failure, scene: Scene) -> Finding | None:
    """The service had no endpoint to send to, whatever the reason for that."""
    empty = unserved(failure, scene)
    if empty is None:
        return None
    gone = sorted({one.pod.name for one in empty.by("deleted")})
    evidence = [empty_text(scene, empty)]
    if gone:
        evidence.append(Evidence(empty.since_ns, f"its last endpoints were deleted: {', '.join(gone[:5])}"))
    target, state = next(((key, states[-1]) for key, states in scene.workloads.items()), ("", {}))
    strategy = state.get("strategy")
    if strategy in ("Recreate", "OnDelete"):
        evidence.append(Evidence(empty.since_ns, f"the strategy of {target} is {strategy}"))
    change = _more_endpoints(target or next((scene.view.workload_of(pod) for pod in scene.pods), ""), state, empty)
    subject = scene.service or "every service"
    confidence = "high" if scene.service else "medium"
    return Finding("no_ready_endpoint", confidence, empty.since_ns, subject, tuple(evidence), change)


def too_little_capacity(failure: Failure, scene: Scene) -> Finding | None:
    """The autoscaler wanted more pods than it may have, or than came up, while requests were answered too late."""
    late = failure.kind == "stall" or failure.only(LATE_OUTCOMES) or _overrun(failure)
    if not late and not scene.answered_in_front(failure):
        return None
    for key, start, _end, state in _scalers(scene, failure):
        most, current, desired = (int(state.get(name) or 0) for name in ("max", "current", "desired"))
        used = max((value or 0 for value in (state.get("utilization_percent") or {}).values()), default=0)
        full = desired >= most > 0 and used > 100
        short = desired > current > 0
        if full or short:
            why = f"is at its maximum of {most}" if full else f"wants {desired} pods and has {current}"
            text = f"{key} {why}; its pods use {used:.0f} % of what they request"
            patch = {"spec": {"maxReplicas": most * 2}} if full else {}
            advice = (
                "raise maxReplicas (each replica costs its requests)"
                if full
                else "scale earlier: a lower target utilization or more minReplicas (which cost while nothing happens)"
            )
            evidence = (Evidence(start, text),)
            empty = scene.emptied(failure)
            unready = empty is not None and bool(empty.by("unready"))  # too busy to answer their readiness probe
            confidence = "high" if full and unready else "medium"
            return Finding("too_little_capacity", confidence, start, key, evidence, Change(advice, key, patch))
    return None


def _overrun(failure: Failure) -> bool:
    """Whether it shows pods that cannot keep up: late answers, then full queues, and some refused meanwhile."""
    waited = sum(failure.outcomes.get(outcome, 0) for outcome in LATE_OUTCOMES | TIMEOUT_OUTCOMES)
    return bool(set(failure.outcomes) & LATE_OUTCOMES) and 2 * waited >= failure.requests_lost


def _more_endpoints(target: str, state: Mapping[str, Any], empty: Emptied) -> Change:
    """What keeps one pod ready, as far as a patch can say it."""
    if empty.by("unready"):
        return Change(
            "see why its pods were not ready any more: what their readiness probe asks for, and its time", target
        )
    text = "keep at least one pod ready: two replicas or more, strategy RollingUpdate, maxUnavailable 0"
    cost = " (a rollout then needs room for one more pod)"
    if not target.startswith("Deployment/"):
        return Change(text, target)
    spec: dict[str, Any] = {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    }
    if state.get("replicas") == 1:
        spec["replicas"] = 2
    return Change(text + cost, target, {"spec": spec})


def _states(scene: Scene) -> Iterator[tuple[str, int, int | None, Mapping[str, Any]]]:
    """The workloads of the service's pods, state by state; every workload where the pods' owners are not known."""
    for key, steps in scene.view.workloads.items():
        if (scene.owners and key not in scene.owners) or key.startswith(("ReplicaSet/", "HorizontalPodAutoscaler/")):
            continue
        for start, end, state in steps.spans():
            yield key, start, end, state


def _in_force(empty: Emptied, start_ns: int, end_ns: int | None) -> bool:
    """Whether a workload was in this state as the last endpoint went."""
    return start_ns <= empty.since_ns + WATCH_LAG_NS and (end_ns is None or end_ns >= empty.since_ns - WATCH_LAG_NS)


def _scalers(scene: Scene, failure: Failure) -> Iterator[tuple[str, int, int | None, Mapping[str, Any]]]:
    """The autoscalers of the service's workloads, in their states during the failure."""
    for key, steps in scene.view.workloads.items():
        for start, end, state in steps.spans() if key.startswith("HorizontalPodAutoscaler/") else ():
            during = start <= failure.end_ns and (end is None or end + PROXY_LAG_NS >= failure.first_bad_ns)
            if during and state.get("target") in scene.owners and not state.get("deleted"):
                yield key, start, end, state


def _unhealthy(failure: Failure, scene: Scene) -> Iterator[tuple[PodLife, Note]]:
    """Failed readiness probes of living pods in the minute before the failure's end."""
    for pod in scene.pods:
        for note in scene.view.notes_about("Pod", pod.name, "Unhealthy"):
            recent = failure.first_bad_ns - 60 * NS_PER_S <= note.t_ns <= failure.end_ns
            there = pod.gone_ns is None or pod.gone_ns + PROXY_LAG_NS >= failure.first_bad_ns
            alive = pod.deletion_ns is None or pod.deletion_ns > failure.first_bad_ns
            if note.message.startswith("Readiness") and recent and there and alive:
                yield pod, note
