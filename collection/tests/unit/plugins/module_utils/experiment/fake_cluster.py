# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The fake API server, with changes: apply, patches, deletions and evictions of single objects, and ready rollouts."""

from __future__ import annotations

import copy
import json
import threading
import time
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.cluster.fake_api import GVR, FakeApi, _Handler

SERVED = {
    "/api/v1": ["pods", "services", "nodes"],
    "/apis/apps/v1": ["deployments", "statefulsets"],
}


class FakeCluster(FakeApi):
    """Namespaced objects live in `shop`. A Deployment is rolled out `ready_after_s` after each change."""

    def __init__(self, ready_after_s: float = 0.0) -> None:
        super().__init__()
        self.ready_after_s = ready_after_s
        self.calls: list[tuple[float, str, str]] = []  # wall clock, method, path
        self.namespaces: dict[str, dict[str, Any]] = {}
        self.dry_runs: list[tuple[str, dict[str, Any]]] = []  # query, patch
        self.refusals: dict[str, tuple[int, str]] = {}  # name of an object -> status and message for its dry run

    def start(self) -> None:
        cluster = self

        class Handler(_Changing):
            owner = cluster

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def change(self, plural: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Store an object as changed; rollouts are done a little later."""
        metadata = {key: value for key, value in body.get("metadata", {}).items() if key not in ("name", "namespace")}
        metadata["generation"] = metadata.get("generation", 0) + 1
        rest = {key: value for key, value in body.items() if key not in ("metadata", "apiVersion", "kind", "status")}
        found = self.put(plural, name, metadata=metadata, **rest)
        if plural == "deployments":
            threading.Timer(self.ready_after_s, self._roll_out, (name,)).start()
        return found

    def _roll_out(self, name: str) -> None:
        with self.changed:
            found = self.objects.get(("deployments", name))
            if found is None:
                return
            replicas = found["spec"].get("replicas", 1)
            status = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas)
            status["observedGeneration"] = found["metadata"]["generation"]
            body = {key: value for key, value in copy.deepcopy(found).items() if key not in ("kind", "status")}
        self.put("deployments", name, status=status, **body)


def merged(old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7386."""
    new = dict(old)
    for key, value in patch.items():
        if value is None:
            new.pop(key, None)
        elif isinstance(value, dict):
            new[key] = merged(old.get(key) or {}, value)
        else:
            new[key] = value
    return new


class _Changing(_Handler):
    owner: FakeCluster

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        cluster = self.owner
        if path in SERVED:
            listed = [{"name": name, "kind": GVR[name], "namespaced": name != "nodes"} for name in SERVED[path]]
            self._answer(200, {"resources": listed})
            return
        if path.startswith("/api/v1/namespaces/") and path.count("/") == 4:
            found = cluster.namespaces.get(path.rsplit("/", 1)[-1])
            self._answer(200 if found else 404, found or {"message": "no such namespace"})
            return
        if path.endswith("/serviceaccounts/default"):
            self._answer(200, {"kind": "ServiceAccount"})
            return
        plural, name = self._object(path)
        if plural:
            with cluster.changed:
                found = copy.deepcopy(cluster.objects.get((plural, name)))
            self._answer(200 if found else 404, found or {"message": f"{name} not found"})
            return
        super().do_GET()

    def do_PATCH(self) -> None:
        body, cluster = self._body(), self.owner
        plural, name = self._object(urlsplit(self.path).path)
        with cluster.changed:
            old = copy.deepcopy(cluster.objects.get((plural, name), {}))
        if not old and "apply" not in self.headers["Content-Type"]:
            self._answer(404, {"message": f"{name} not found"})
            return
        new = merged(old, {key: value for key, value in body.items() if key not in ("kind", "apiVersion")})
        query = urlsplit(self.path).query
        if "dryRun=All" in query:
            cluster.dry_runs.append((query, body))
            status, message = cluster.refusals.get(name, (200, ""))
            self._answer(status, {"message": message} if message else new)
            return
        self._answer(200, old if old and new == old else cluster.change(plural, name, new))

    def do_POST(self) -> None:
        body, path = self._body(), urlsplit(self.path).path
        if path == "/api/v1/namespaces":
            self.owner.namespaces[body["metadata"]["name"]] = body
        elif path.endswith("/eviction"):
            self.owner.delete("pods", path.split("/")[-2])
        self._answer(201, body)

    def do_DELETE(self) -> None:
        path = urlsplit(self.path).path
        self._body()
        plural, name = self._object(path)
        if path.startswith("/api/v1/namespaces/") and path.count("/") == 4:
            gone = self.owner.namespaces.pop(path.rsplit("/", 1)[-1], None)
        else:
            gone = self.owner.objects.get((plural, name))
            if gone:
                self.owner.delete(plural, name)
        self._answer(200 if gone else 404, {"message": "not found"})

    def _object(self, path: str) -> tuple[str, str]:
        """(plural, name) of a single object's path, else ("", "")."""
        parts = path.split("/")
        return (parts[-2], parts[-1]) if len(parts) > 3 and parts[-2] in GVR else ("", "")

    def _body(self) -> dict[str, Any]:
        self.owner.calls.append((time.time(), self.command, urlsplit(self.path).path))
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body: dict[str, Any] = json.loads(raw) if raw else {}
        return body
