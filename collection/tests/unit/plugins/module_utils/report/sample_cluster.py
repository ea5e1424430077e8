# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A cluster record of a rolling update made to order: two pods of the old version replaced by two of the new."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
NS = 1_000_000_000


class SampleCluster:
    """Times are seconds after start_ns. Lines come out in the order of their times."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self._lines: list[Json] = []
        self._endpoints: Json = {}
        self._version = 0

    def text(self, end_s: float) -> str:
        """The record as JSON lines."""
        header = {
            "record": "cluster",
            "schema_version": 1,
            "started_at": "2026-11-21T07:00:00Z",
            "t_ns": self._at(-5),
            "mono_ns": 0,
            "namespace": "shop",
            "api": "https://127.0.0.1:8443",
            "kubernetes_version": "v1.33.1",
            "observer": "probe1",
            "boot_id": None,
            "pid": 1,
            "metrics_interval_s": 10.0,
        }
        end = {"line": "end", "t_ns": self._at(end_s), "mono_ns": 0, "reason": "asked to stop", "counts": {}}
        lines = sorted(self._lines, key=lambda line: line["t_ns"])
        return "".join(json.dumps(line) + "\n" for line in [header, *lines, end])

    def change(self, at_s: float, kind: str, name: str, event: str, state: Json, **more: Json | None) -> None:
        self._version += 1
        line = {
            "line": "object",
            "t_ns": self._at(at_s),
            "mono_ns": 0,
            "kind": kind,
            "event": event,
            "via": "list" if event == "listed" else "watch",
            "name": name,
            "namespace": "shop",
            "uid": f"{kind}-{name}",
            "resource_version": str(self._version),
            "api_time": None,
            "state": state,
        }
        self._lines.append(line | {key: value for key, value in more.items() if value is not None})

    def deployment(self, at_s: float, version: str, event: str = "modified", ready: int = 2) -> None:
        images = {"hello": f"availability-lab/hello:{version}"}
        state = {"revision": version, "replicas": 2, "current": 2, "ready": ready, "images": images, "version": version}
        self.change(at_s, "Deployment", "hello", event, state)

    def pod(self, at_s: float, name: str, version: str, event: str = "modified", **state: Any) -> None:
        """ready, deleted and running tell the state; owner: whose pod it is ("": nobody's)."""
        container = {"name": "hello", "ready": state.get("ready", False), "started": True, "restarts": 0}
        container["state"] = "running" if state.get("running", True) else "waiting"
        body = {
            "phase": "Running",
            "ready": state.get("ready", False),
            "node": "minikube",
            "ip": "10.244.0.7",
            "deletion_timestamp": "2026-11-21T07:00:00Z" if state.get("deleted") else None,
            "restarts": 0,
            "containers": [container],
        }
        settings = {"name": "hello", "image": f"availability-lab/hello:{version}", "readiness": None, "pre_stop": None}
        spec = {"labels": {"tag": version}, "owner": state.get("owner", "Deployment/hello"), "termination_grace_s": 30}
        first = event in ("listed", "added")
        self.change(at_s, "Pod", name, event, body, spec={**spec, "containers": [settings]} if first else None)

    def endpoint(self, at_s: float, name: str, ready: bool | None) -> None:
        """ready None: the pod is no endpoint any more."""
        if ready is None:
            self._endpoints.pop(name, None)
        else:
            entry = {"pod": name, "uid": f"Pod-{name}", "addresses": ["10.244.0.7"], "ready": ready}
            self._endpoints[name] = {**entry, "serving": ready, "terminating": False, "node": "minikube"}
        event = "modified" if self._lines else "listed"
        state = {"service": "hello", "ports": [5000], "endpoints": list(self._endpoints.values())}
        self.change(at_s, "EndpointSlice", "hello-x", event, state)

    def usage(self, at_s: float, **cpu_m: float) -> None:
        pods = {
            name.replace("_", "-"): {"hello": {"cpu_m": value, "memory_bytes": 1, "window_s": 15.0, "api_time_ns": 1}}
            for name, value in cpu_m.items()
        }
        self._lines.append({"line": "usage", "t_ns": self._at(at_s), "mono_ns": 0, "pods": pods, "nodes": {}})

    def warning(self, at_s: float, pod: str, reason: str, message: str) -> None:
        about = {"kind": "Pod", "name": pod, "uid": f"Pod-{pod}", "field_path": None}
        state = {"type": "Warning", "reason": reason, "message": message, "about": about, "count": 1}
        self.change(
            at_s, "Event", f"{pod}.{at_s}", "added", {**state, "first": None, "last": None, "source": "kubelet"}
        )

    def _at(self, at_s: float) -> int:
        return self.start_ns + round(at_s * NS)


def rolling_update(start_ns: int, at_s: float = 30) -> SampleCluster:
    """blue-1 and blue-2 are replaced by green-1 and green-2, which have no readiness probe."""
    cluster = SampleCluster(start_ns)
    cluster.deployment(-2, "blue", "listed")
    for name in ("hello-blue-1", "hello-blue-2"):
        cluster.pod(-2, name, "blue", "listed", ready=True)
        cluster.endpoint(-2, name, True)
    cluster.deployment(at_s + 0.2, "green", ready=2)
    for number, begin in ((1, at_s + 0.4), (2, at_s + 4)):
        new, old = f"hello-green-{number}", f"hello-blue-{number}"
        cluster.pod(begin, new, "green", "added", running=False)
        cluster.pod(begin + 0.9, new, "green", ready=True)
        cluster.endpoint(begin + 1, new, True)
        cluster.pod(begin + 1.2, old, "blue", ready=True, deleted=True)
        cluster.endpoint(begin + 1.6, old, None)
        cluster.pod(begin + 3, old, "blue", "deleted", deleted=True)
    cluster.warning(at_s + 2, "hello-green-1", "Unhealthy", "Liveness probe failed: connection refused")
    for at in range(0, 60, 10):
        cluster.usage(at, hello_blue_1=20 + at / 5, hello_blue_2=18.0)
    return cluster
