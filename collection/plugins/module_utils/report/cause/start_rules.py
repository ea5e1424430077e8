# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Service without an endpoint, because the pods that should have become one could not start."""

from __future__ import annotations

from collections.abc import Iterator

from .container_rules import NEVER_RAN
from .emptied import Emptied
from .failure import Failure
from .finding import NS_PER_S, Change, Evidence, Finding
from .lives import Note, PodLife, Wait
from .scene import Scene
from .unserved import empty_text, unserved

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
CREATE_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
VOLUME_EVENTS = ("FailedAttachVolume", "FailedMount", "FailedMapVolume")
AGAIN_NS = 5 * NS_PER_S
SAFE = "keep maxUnavailable at 0"  # then the old pods serve on until a new one is ready


def image_not_pulled(failure: Failure, scene: Scene) -> Finding | None:
    """No pod could start, because its image cannot be pulled."""
    for empty, pod, wait in _waiting(failure, scene, PULL_REASONS):
        images = [one.get("image") for one in pod.containers if one["name"] == wait.container]
        image = images[0] if images else f"of {wait.container}"
        text = f"{pod.name} cannot start: {wait.reason} for {image}: {wait.message[:200]}"
        change = scene.change(pod, f"correct the image {image}, or load it into every node; {SAFE}")
        return _found("image_not_pulled", pod, (Evidence(wait.start_ns, text), empty_text(scene, empty)), change)
    return None


def container_not_created(failure: Failure, scene: Scene) -> Finding | None:
    """No pod could start, because its container names what is not there: a ConfigMap, a Secret, a command."""
    for empty, pod, wait in _waiting(failure, scene, CREATE_REASONS):
        text = f"{pod.name} cannot start: {wait.reason} of container {wait.container}: {wait.message[:200]}"
        change = scene.change(pod, f"create what it names, or correct its name in the template; {SAFE}")
        return _found("container_not_created", pod, (Evidence(wait.start_ns, text), empty_text(scene, empty)), change)
    gone = _unreplaced(failure, scene)
    for pod in _starting(failure, scene) if gone is not None else ():
        end = next((one for one in pod.exits if one.reason in NEVER_RAN and one.t_ns <= failure.end_ns), None)
        if end is not None and gone is not None:
            text = f"{pod.name} cannot start: {end.reason} of container {end.container}, exit code {end.exit_code}"
            change = scene.change(pod, f"correct the command in the template, or what it names; {SAFE}")
            return _found("container_not_created", pod, (Evidence(end.t_ns, text), empty_text(scene, gone)), change)
    return None


def volume(failure: Failure, scene: Scene) -> Finding | None:
    """No pod could start, because one of its volumes cannot be attached or mounted."""
    empty = _unreplaced(failure, scene)
    for pod in _starting(failure, scene) if empty is not None else ():
        for reason in VOLUME_EVENTS:
            note = _told(scene, "Pod", pod.name, reason, failure)
            if note is not None and empty is not None and not _overcome(scene, pod, note):
                text = f"{pod.name} cannot start: {note.reason}: {note.message[:200]}"
                advice = (
                    "a volume of one node (ReadWriteOnce) moves only once the old pod and its node have let it go: "
                    "use ReadWriteMany or a pod that stays on its node"
                    if "Multi-Attach" in note.message
                    else "correct the volume that the pod names"
                )
                told = (Evidence(note.t_ns, text), empty_text(scene, empty))
                return _found("volume", pod, told, scene.change(pod, advice))
    return None


def not_created(failure: Failure, scene: Scene) -> Finding | None:
    """The controller was not allowed to create pods: a quota, a policy or a webhook refused them."""
    empty = _unreplaced(failure, scene)
    if empty is None:
        return None
    makers = scene.owners | {str(pod.spec.get("owner") or "") for pod in scene.pods}
    makers |= {key for key, states in scene.view.workloads.items() if states.values[-1].get("owner") in scene.owners}
    for key in sorted(makers - {""}):
        kind, _unused, name = key.partition("/")
        note = _told(scene, kind, name, "FailedCreate", failure)
        if note is not None:
            target = next(iter(sorted(scene.owners)), key)
            advice = "raise the quota, or correct what the webhook or policy asks for, before pods are replaced"
            evidence = (Evidence(note.t_ns, f"{key} could not create a pod: {note.message[:200]}"),)
            return Finding(
                "not_created", "high", note.t_ns, target, (*evidence, empty_text(scene, empty)), Change(advice, target)
            )
    return None


def unschedulable(failure: Failure, scene: Scene) -> Finding | None:
    """No node had room for the pod that should have replaced one."""
    empty = _unreplaced(failure, scene)
    if empty is None:
        return None
    for pod in scene.pods:
        for start, end, why in pod.unscheduled.spans():
            if why and start <= failure.end_ns and (end is None or end >= failure.first_bad_ns):
                change = scene.change(pod, f"lower the pod's requests, or add a node; {SAFE}")
                told = Evidence(start, f"{pod.name} has no node: {why}")
                return _found("unschedulable", pod, (told, empty_text(scene, empty)), change)
    return None


def _unreplaced(failure: Failure, scene: Scene) -> Emptied | None:
    """The time without endpoints, where it lasted because new pods had to start."""
    empty = unserved(failure, scene)
    return empty if empty is not None and empty.unreplaced else None


def _starting(failure: Failure, scene: Scene) -> Iterator[PodLife]:
    """The pods that were there during the failure and took no requests yet."""
    for pod in scene.pods:
        gone = pod.gone_ns is not None and pod.gone_ns < failure.first_bad_ns
        if pod.first_ns <= failure.end_ns and not gone and not pod.routed(failure.first_bad_ns):
            yield pod


def _waiting(failure: Failure, scene: Scene, reasons: frozenset[str]) -> Iterator[tuple[Emptied, PodLife, Wait]]:
    empty = _unreplaced(failure, scene)
    if empty is None:
        return
    for pod in _starting(failure, scene):
        for wait in pod.waiting(failure.first_bad_ns, failure.end_ns):
            if wait.reason in reasons:
                yield empty, pod, wait


def _overcome(scene: Scene, pod: PodLife, note: Note) -> bool:
    """Whether the pod's containers were created soon after: the kubelet tries again at once, mostly with success."""
    created = scene.view.notes_about("Pod", pod.name, "Created")
    return any(note.t_ns <= one.t_ns <= note.t_ns + AGAIN_NS for one in created)


def _told(scene: Scene, kind: str, name: str, reason: str, failure: Failure) -> Note | None:
    """An Event of the minutes before the failure's end: Kubernetes repeats the same one ever more seldom."""
    notes = scene.view.notes_about(kind, name, reason)
    began = max(failure.first_bad_ns - 120 * NS_PER_S, scene.view.record.started_ns - NS_PER_S)
    return next((note for note in notes if began <= note.t_ns <= failure.end_ns), None)


def _found(cause: str, pod: PodLife, evidence: tuple[Evidence, ...], change: Change) -> Finding:
    return Finding(cause, "high", evidence[0].t_ns, pod.name, evidence, change)
