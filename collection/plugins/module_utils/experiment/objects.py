# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Applies and removes the objects of a workload, its namespace first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..cluster.api import ApiRefused
from ..cluster.changes import MANAGED_BY, Changes
from ..cluster.object_ready import PREDICATES
from .stage import Stage

Manifests = Sequence[Mapping[str, Any]]
NAMESPACE_GONE_S = 180
ACCOUNT_S = 30


def have_namespace(stage: Stage) -> None:
    """Make the namespace unless it is there. One that is about to go is waited for."""
    path = f"/api/v1/namespaces/{stage.namespace}"

    def going() -> str:
        found = _namespace(stage.changes, path)
        phase = ((found or {}).get("status") or {}).get("phase")
        return "an older namespace of that name is still being removed" if phase == "Terminating" else ""

    stage.wait_until(f"namespace {stage.namespace}", going, NAMESPACE_GONE_S)
    if _namespace(stage.changes, path) is None:
        labels = {"name": stage.namespace, "labels": dict(MANAGED_BY)}
        stage.changes.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": labels})
        account = f"{path}/serviceaccounts/default"  # without it a bare pod is refused
        stage.wait_until(
            f"namespace {stage.namespace}",
            lambda: "" if stage.changes.read(account) else "it has no default service account yet",
            ACCOUNT_S,
        )


def apply(stage: Stage, manifests: Manifests) -> None:
    """Apply all in their order. What was so already is no change, and gets no stamp."""
    paths = [stage.changes.path_of(manifest, stage.namespace) for manifest in manifests]
    before = [_version(stage.changes.read(path)) for path in paths]
    for manifest, path, version in zip(manifests, paths, before):
        with stage.change(f"apply {manifest['kind']} {manifest['metadata']['name']}") as made:
            made.real = _version(stage.changes.apply(path, manifest)) != version


def wait_all_ready(stage: Stage, manifests: Manifests, timeout_s: float) -> None:
    """Return when every object whose kind can be ready is. Raises StepError, Interrupted."""
    for manifest in manifests:
        if manifest["kind"] in PREDICATES:
            stage.wait_ready(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"], timeout_s)


def remove(changes: Changes, namespace: str, manifests: Manifests) -> None:
    """Remove the namespace if the lab made it, else the objects alone. Does not wait for their end."""
    path = f"/api/v1/namespaces/{namespace}"
    found = _namespace(changes, path)
    if found is None or (found.get("status") or {}).get("phase") == "Terminating":
        return
    labels = (found.get("metadata") or {}).get("labels") or {}
    if MANAGED_BY.items() <= labels.items():
        changes.delete(path)
        return
    for manifest in reversed(manifests):
        changes.delete(changes.path_of(manifest, namespace))


def _version(found: Mapping[str, Any] | None) -> str:
    return str(found["metadata"]["resourceVersion"]) if found else ""


def _namespace(changes: Changes, path: str) -> dict[str, Any] | None:
    """The namespace; None where there is none. Who may not look is believed to have been given one."""
    try:
        return changes.read(path)
    except ApiRefused as error:
        if error.status == 403:
            return {}
        raise
