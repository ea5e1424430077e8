# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Services without an endpoint: scaled to zero, images that cannot be pulled, no place, never ready."""

from __future__ import annotations

from .cluster_view import PodLife
from .failure import ANSWERED_OUTCOMES, CLIENT_OUTCOMES, LATE_OUTCOMES, Failure
from .finding import NS_PER_S, PROXY_LAG_NS, WATCH_LAG_NS, Change, Evidence, Finding, seconds
from .scene import Scene, onset_within

PULL_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "RegistryUnavailable",
        "ImageInspectError",
    }
)


def replicas_zero(failure: Failure, scene: Scene) -> Finding | None:
    """Somebody (or an autoscaler) asked for no replica at all."""
    without = _unserved(failure, scene)
    if without is None:
        return None
    for key, steps in scene.view.workloads.items():
        if (scene.owners and key not in scene.owners) or key.startswith(("ReplicaSet/", "HorizontalPodAutoscaler/")):
            continue
        for start, end, state in steps.spans():
            if state.get("replicas") == 0 and onset_within(
                failure, start, None if end is None else end + 60 * NS_PER_S
            ):
                evidence = (Evidence(start, f"{key} wants 0 replicas"), _empty(scene, without))
                change = Change("ask for at least two replicas", key, {"spec": {"replicas": 2}})
                return Finding("replicas_zero", "high" if scene.owners else "medium", start, key, evidence, change)
    return None


def image_not_pulled(failure: Failure, scene: Scene) -> Finding | None:
    """No pod could start, because its image cannot be pulled."""
    without = _unserved(failure, scene)
    if without is None:
        return None
    for pod in scene.pods or ():
        found = next((note for note in pod.waiting if note.reason in PULL_REASONS), None)
        if found is None or not _alive(pod, failure) or found.t_ns > failure.end_ns:
            continue
        image = pod.containers[0].get("image") if pod.containers else "?"
        text = f"{pod.name} cannot start: {found.reason} for {image}: {found.message[:200]}"
        change = scene.change(pod, f"correct the image {image}, or load it into every node; keep maxUnavailable at 0")
        return Finding(
            "image_not_pulled",
            "high",
            found.t_ns,
            pod.name,
            (Evidence(found.t_ns, text), _empty(scene, without)),
            change,
        )
    return None


def unschedulable(failure: Failure, scene: Scene) -> Finding | None:
    """No node had room for the pod."""
    without = _unserved(failure, scene)
    if without is None:
        return None
    for pod in scene.pods:
        for start, end, why in pod.unscheduled.spans():
            if why and onset_within(failure, start, end):
                evidence = (Evidence(start, f"{pod.name} has no node: {why}"), _empty(scene, without))
                change = scene.change(pod, "lower the pod's requests, or add a node; keep maxUnavailable at 0")
                return Finding("unschedulable", "high", start, pod.name, evidence, change)
    return None


def readiness_failed(failure: Failure, scene: Scene) -> Finding | None:
    """Pods run, but their readiness probe fails, and so the service has no endpoint."""
    without = _unserved(failure, scene)
    if without is None:
        return None
    for pod in scene.pods:
        for note in scene.view.notes_about("Pod", pod.name, "Unhealthy"):
            recent = failure.first_bad_ns - 60 * NS_PER_S <= note.t_ns <= failure.end_ns
            if note.message.startswith("Readiness") and recent and _alive(pod, failure) and pod.deletion_ns is None:
                probe = next((one["readiness"] for one in pod.containers if one.get("readiness")), "not recorded")
                evidence = (Evidence(note.t_ns, f"{pod.name}: {note.message}"), _empty(scene, without))
                change = scene.change(
                    pod, f"correct the readiness probe ({probe}), or give the application what it waits for"
                )
                return Finding("readiness_failed", "medium", note.t_ns, pod.name, evidence, change)
    return None


def no_ready_endpoint(failure: Failure, scene: Scene) -> Finding | None:
    """The service had no endpoint to send to, whatever the reason for that."""
    without = _unserved(failure, scene)
    if without is None:
        return None
    target = next((scene.view.workload_of(pod) for pod in scene.pods), "")
    patch = (
        {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}}
        if target.startswith("Deployment/")
        else {}
    )
    change = Change(
        "keep at least one pod ready: two replicas or more, strategy RollingUpdate, maxUnavailable 0", target, patch
    )
    evidence = (_empty(scene, without),)
    return Finding(
        "no_ready_endpoint",
        "high" if scene.service else "medium",
        without,
        scene.service or "every service",
        evidence,
        change,
    )


def _unserved(failure: Failure, scene: Scene) -> int | None:
    """As Scene.without_endpoint; None for failures that prove that somebody accepted, or that nothing was sent."""
    if failure.kind == "stall" or failure.only(CLIENT_OUTCOMES | ANSWERED_OUTCOMES | LATE_OUTCOMES):
        return None
    return scene.without_endpoint(failure)


def _alive(pod: PodLife, failure: Failure) -> bool:
    gone = pod.gone_ns
    return pod.first_ns <= failure.end_ns and (gone is None or gone + PROXY_LAG_NS >= failure.first_bad_ns)


def _empty(scene: Scene, since: int) -> Evidence:
    steps = scene.view.ready_endpoints.get(scene.service or "")
    end = next((end for start, end, _unused in steps.spans() if start == since), None) if steps else None
    lasted = "to the end of the record" if end is None else f"for {seconds(end - since)}"
    if since <= scene.view.record.started_ns + WATCH_LAG_NS:
        lasted += " (already when the recording began)"
    return Evidence(since, f"Service {scene.service or '(not known)'} had no ready endpoint {lasted}")
