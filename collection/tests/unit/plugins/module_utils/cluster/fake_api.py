# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A small Kubernetes API server over real sockets: lists, streaming watches, 410 Gone, cut connections, restarts.

It keeps an event log as etcd does, so that a watch from resource version v gets exactly what came after v, and
``compact`` makes old versions unknown.
"""

from __future__ import annotations

import contextlib
import copy
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

GVR = {
    "pods": "Pod", "endpointslices": "EndpointSlice", "services": "Service", "events": "Event",
    "deployments": "Deployment", "replicasets": "ReplicaSet", "statefulsets": "StatefulSet",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler", "ingresses": "Ingress",
    "poddisruptionbudgets": "PodDisruptionBudget", "networkpolicies": "NetworkPolicy", "nodes": "Node",
}  # fmt: skip


class FakeApi:
    """``put`` and ``delete`` change objects; ``cut`` breaks all streams; ``stop`` and ``start`` keep the data."""

    def __init__(self) -> None:
        self.version = 100
        self.compacted = 0
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.log: list[tuple[int, str, str, dict[str, Any]]] = []
        self.changed = threading.Condition()
        self.refuse: dict[str, int] = {}  # end of path -> status
        self.raw: dict[str, bytes] = {}  # path -> body of a plain GET
        self.requests: list[str] = []
        self.page = 500  # the server's own idea of how many are enough
        self.busy: list[str] = []  # plurals whose next request is answered 429, with a second to wait
        self.double = False  # send every watch event twice
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        self._connections: set[socket.socket] = set()  # a kept one of an ended server would still be served
        self._epoch = 0

    def start(self) -> None:
        api = self

        class Handler(_Handler):
            owner = api

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64  # ten watches reconnect at once

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self.cut()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self.stop()

    def cut(self) -> None:
        """Break every connection without a word."""
        with self.changed:
            self._epoch += 1
            for stream in list(self._connections):
                with contextlib.suppress(OSError):  # the client was faster
                    stream.shutdown(socket.SHUT_RDWR)
            self.changed.notify_all()

    def compact(self) -> None:
        with self.changed:
            self.compacted = self.version

    def put(self, plural: str, name: str, **body: Any) -> dict[str, Any]:
        with self.changed:
            self.version += 1
            key = (plural, name)
            old = self.objects.get(key)
            metadata = {
                "name": name, "namespace": "shop", "uid": old["metadata"]["uid"] if old else f"{name}-{self.version}",
                "creationTimestamp": "2026-11-21T08:00:00Z",
                **body.pop("metadata", {}), "resourceVersion": str(self.version),
            }  # fmt: skip
            found = {"kind": GVR[plural], "metadata": metadata, **body}
            self.objects[key] = found
            self.log.append((self.version, plural, "MODIFIED" if old else "ADDED", copy.deepcopy(found)))
            self.changed.notify_all()
            return found

    def delete(self, plural: str, name: str) -> None:
        with self.changed:
            self.version += 1
            found = copy.deepcopy(self.objects.pop((plural, name)))
            found["metadata"]["resourceVersion"] = str(self.version)
            self.log.append((self.version, plural, "DELETED", found))
            self.changed.notify_all()

    def kubeconfig(self, folder: Any) -> str:
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "fake", "user": {"token": "t"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }  # fmt: skip
        path = folder / "kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FakeApi

    def log_message(self, *_unused: Any) -> None:
        return

    def setup(self) -> None:
        super().setup()
        with self.owner.changed:
            self.owner._connections.add(self.connection)

    def finish(self) -> None:
        with self.owner.changed:
            self.owner._connections.discard(self.connection)
        with contextlib.suppress(OSError):  # it was cut
            super().finish()

    def do_GET(self) -> None:
        api, address = self.owner, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        api.requests.append(self.path)
        status = next((code for end, code in api.refuse.items() if address.path.endswith(end)), 200)
        plural = address.path.rsplit("/", 1)[-1]
        if plural in api.busy:
            api.busy.remove(plural)
            self._answer(429, {"kind": "Status", "code": 429, "message": "slow down"}, {"Retry-After": "1"})
        elif status != 200:
            self._answer(status, {"kind": "Status", "code": status, "message": f"{plural} is refused"})
        elif address.path in api.raw:
            self._send(200, api.raw[address.path], {})
        elif address.path == "/version":
            self._answer(200, {"gitVersion": "v1.33.1"})
        elif address.path == "/api/v1/namespaces/shop":
            self._answer(200, {"kind": "Namespace"})
        elif plural not in GVR or "metrics.k8s.io" in address.path:
            self._answer(404, {"kind": "Status", "code": 404, "message": "page not found"})
        elif query.get("watch") == "true":
            self._watch(plural, query, _namespace(address.path))
        else:
            self._list(plural, query, _namespace(address.path))

    def _list(self, plural: str, query: dict[str, str], namespace: str) -> None:
        with self.owner.changed:
            found = self.owner.objects.items()
            items = [body for (kind, _unused), body in found if kind == plural and _is_in(body, namespace)]
            part, more = self._page(items, query)
            metadata = {"resourceVersion": str(self.owner.version), "continue": more}
            body = {"metadata": metadata, "items": copy.deepcopy(part)}
        for item in body["items"]:
            item.pop("kind")
        self._answer(200, body)

    def _page(self, items: list[Any], query: dict[str, str]) -> tuple[list[Any], str]:
        """As the API server: at most `limit` of them, and where to go on."""
        first = int(query.get("continue", "0"))
        last = first + min(int(query.get("limit", len(items) or 1)), self.owner.page)
        return items[first:last], str(last) if last < len(items) else ""

    def _watch(self, plural: str, query: dict[str, str], namespace: str) -> None:
        api, sent = self.owner, int(query["resourceVersion"])
        epoch = api._epoch
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        deadline = time.monotonic() + float(query["timeoutSeconds"])
        try:
            while epoch == api._epoch and time.monotonic() < deadline:
                with api.changed:
                    if sent < api.compacted:
                        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
                        self._chunk({"type": "ERROR", "object": status})
                        break
                    later = [entry for entry in api.log if entry[0] > sent and entry[1] == plural]
                    news = [entry for entry in later if _is_in(entry[3], namespace)]
                    if not news:
                        api.changed.wait(0.2)
                for version, _unused, kind, body in news:
                    for _unused in range(2 if api.double else 1):
                        self._chunk({"type": kind, "object": body})
                    sent = version
            if epoch == api._epoch:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass
        finally:
            self.close_connection = True

    def _chunk(self, event: dict[str, Any]) -> None:
        data = json.dumps(event).encode() + b"\n"
        half = len(data) // 2  # events do not end where chunks end
        for part in (data[:half], data[half:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), headers or {})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _namespace(path: str) -> str:
    """Of whose objects are asked; "" for those of the cluster."""
    return path.partition("/namespaces/")[2].partition("/")[0]


def _is_in(body: dict[str, Any], namespace: str) -> bool:
    return namespace in ("", body["metadata"]["namespace"])
