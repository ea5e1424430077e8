# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Changes objects of any kind: where a kind lives is asked of the API itself, once for each group and version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .api import JSON, ApiRefused, ApiRejected, ClusterApi, ClusterError

Json = dict[str, Any]
#: Who owns the fields that the lab applies: what a later apply leaves out goes away.
FIELD_MANAGER = "availability-lab"
#: By this label the lab knows the namespaces that it made, and may remove.
MANAGED_BY = {"app.kubernetes.io/managed-by": FIELD_MANAGER}
_APPLY = "application/apply-patch+yaml"
_STRATEGIC = "application/strategic-merge-patch+json"
_MERGE = "application/merge-patch+json"


class Changes:
    """Reads and changes single objects; each method is one call. Raises the API's problems, and ClusterError for a kind
    that the cluster does not know."""

    def __init__(self, api: ClusterApi) -> None:
        self.api = api
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}

    def path(self, api_version: str, kind: str, namespace: str, name: str) -> str:
        """The object's path. Raises ClusterError when the cluster does not serve the kind."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        known = self._kinds.get(api_version)
        if known is None:
            try:
                listed = self.api.get(root)["resources"]
            except ApiRefused as error:
                raise ClusterError(f"the cluster does not know {api_version}: {error}") from error
            known = {e["kind"]: (e["name"], e["namespaced"]) for e in listed if "/" not in e["name"]}
            self._kinds[api_version] = known
        if kind not in known:
            raise ClusterError(f"the cluster has no kind {kind} in {api_version}")
        plural, namespaced = known[kind]
        return f"{root}/namespaces/{namespace}/{plural}/{name}" if namespaced else f"{root}/{plural}/{name}"

    def path_of(self, manifest: Mapping[str, Any], namespace: str) -> str:
        """The path of the object that a manifest describes."""
        metadata = manifest["metadata"]
        return self.path(
            manifest["apiVersion"], manifest["kind"], metadata.get("namespace") or namespace, metadata["name"]
        )

    def read(self, path: str) -> Json | None:
        """The object as it is; None where there is none."""
        try:
            found: Json = self.api.get(path)
        except ApiRefused as error:
            if error.status == 404:
                return None
            raise
        return found

    def apply(self, path: str, manifest: Mapping[str, Any]) -> Json:
        """Server-side apply, as `kubectl apply --server-side --force-conflicts`."""
        answer = self.api.send("PATCH", path, dict(manifest), _APPLY, fieldManager=FIELD_MANAGER, force="true")
        return _parsed(answer)

    def patch(self, path: str, patch: Mapping[str, Any]) -> Json:
        """A strategic merge patch, or a plain one where the kind knows no other (custom resources)."""
        try:
            return _parsed(self.api.send("PATCH", path, dict(patch), _STRATEGIC))
        except ApiRejected as error:
            if error.status != 415:
                raise
        return self.merge(path, patch)

    def dry_run(self, path: str, patch: Mapping[str, Any]) -> Json:
        """The object as a strategic merge patch would leave it; nothing is stored. Unknown fields are refused."""
        answer = self.api.send("PATCH", path, dict(patch), _STRATEGIC, dryRun="All", fieldValidation="Strict")
        return _parsed(answer)

    def merge(self, path: str, patch: Mapping[str, Any]) -> Json:
        """A JSON merge patch (RFC 7386): lists are replaced whole."""
        return _parsed(self.api.send("PATCH", path, dict(patch), _MERGE))

    def delete(self, path: str, grace_s: int | None = None) -> bool:
        """Delete; False where it was gone already. What belongs to it is collected in the background."""
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        try:
            self.api.send("DELETE", path, options)
        except ApiRefused as error:
            if error.status == 404:
                return False
            raise
        return True

    def create(self, path: str, body: Mapping[str, Any]) -> Json:
        """POST to a collection or a subresource (an eviction)."""
        return _parsed(self.api.send("POST", path, dict(body), JSON))


def _parsed(answer: bytes) -> Json:
    parsed: Json = json.loads(answer) if answer.strip() else {}
    return parsed
