# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""CPU and memory of pods and nodes from metrics-server, and CFS throttling from each node's cAdvisor.

metrics-server averages over a window (about 15 s) and needs a minute to know a new pod; whether a container was
throttled it does not tell. The kernel's counters do: cAdvisor shows them through the API server's node proxy.
"""

from __future__ import annotations

import re
import threading
from typing import Any

from .api import ApiGone, ApiRefused, ApiUnavailable, ClusterApi
from .host_load import host_load
from .quantity import cpu_m, memory_bytes, parse_quantity
from .record import parse_time_ns
from .writer import RecordWriter

METRICS = "/apis/metrics.k8s.io/v1beta1"
_DURATION = re.compile(r"(?:([0-9.]+)h)?(?:([0-9.]+)m(?!s))?(?:([0-9.]+)s)?(?:([0-9.]+)ms)?")
_FAMILIES = {
    b"container_cpu_cfs_periods_total": "periods",
    b"container_cpu_cfs_throttled_periods_total": "throttled_periods",
    b"container_cpu_cfs_throttled_seconds_total": "throttled_s",
}
_LABEL = re.compile(rb'(\w+)="((?:[^"\\]|\\.)*)"')


class UsagePoller(threading.Thread):
    """Asks every ``interval_s``; what is not available is written once as skipped and asked for again."""

    def __init__(self, api: ClusterApi, namespace: str, writer: RecordWriter, interval_s: float) -> None:
        super().__init__(name="metrics", daemon=True)
        self._api, self._namespace, self._writer, self._interval_s = api, namespace, writer, interval_s
        self._halt = threading.Event()
        self._missing: set[str] = set()

    def stop(self) -> None:
        self._halt.set()

    def run(self) -> None:
        while not self._halt.is_set():
            self._ask("usage", self._usage)
            self._ask("throttling", self._throttling)
            self._writer.line("load", **host_load())
            bounds = self._api.clock.bounds_ms()
            if bounds is not None:
                self._writer.line("clock", offset_min_ms=bounds[0], offset_max_ms=bounds[1])
            self._halt.wait(self._interval_s)

    def _ask(self, name: str, question: Any) -> None:
        try:
            body = question()
        except (ApiRefused, ApiUnavailable, ApiGone) as error:
            if name not in self._missing:
                self._missing.add(name)
                self._writer.line("skipped", kind=name, reason=str(error))
            return
        if any(body.values()):
            self._writer.line(name, **body)

    def _usage(self) -> dict[str, Any]:
        pods = self._api.get(f"{METRICS}/namespaces/{self._namespace}/pods")
        nodes = self._api.get(f"{METRICS}/nodes")
        return {
            "pods": pod_usage(pods),
            "nodes": {item["metadata"]["name"]: _usage(item, item) for item in nodes["items"]},
        }

    def _throttling(self) -> dict[str, Any]:
        containers: dict[str, Any] = {}
        for node in self._api.get("/api/v1/nodes")["items"]:
            text = self._api.get_bytes(f"/api/v1/nodes/{node['metadata']['name']}/proxy/metrics/cadvisor")
            containers.update(throttling(text, self._namespace))
        return {"containers": containers}


def pod_usage(answer: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """PodMetricsList as pod -> container -> {cpu_m, memory_bytes, window_s, api_time_ns}."""
    return {
        item["metadata"]["name"]: {entry["name"]: _usage(entry, item) for entry in item.get("containers") or []}
        for item in answer.get("items") or []
    }


def _usage(entry: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    usage = entry.get("usage") or {}
    return {
        "cpu_m": cpu_m(usage.get("cpu", "0")),
        "memory_bytes": memory_bytes(usage.get("memory", "0")),
        "window_s": duration_s(item.get("window", "0s")),
        "api_time_ns": parse_time_ns(item.get("timestamp")),
    }


def duration_s(text: str) -> float:
    """Go's duration text ("15.063s", "1m2s", "250ms") in seconds. Raises ValueError when it is not one."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return parse_quantity(text)
    hours, minutes, seconds, milliseconds = (float(group or 0) for group in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def throttling(text: bytes, namespace: str) -> dict[str, dict[str, float]]:
    """The CFS counters of one namespace's containers from cAdvisor's page: "pod/container" -> running totals."""
    found: dict[str, dict[str, float]] = {}
    wanted = b'namespace="' + namespace.encode() + b'"'
    start = text.find(b"\ncontainer_cpu_cfs_")
    while start != -1:
        end = text.find(b"\n", start + 1)
        line = text[start + 1 : end if end != -1 else len(text)]
        family, _unused, rest = line.partition(b"{")
        labels, _unused, values = rest.rpartition(b"} ")
        if family in _FAMILIES and wanted in labels:
            label = dict(_LABEL.findall(labels))
            if label.get(b"container"):
                key = f"{label[b'pod'].decode()}/{label[b'container'].decode()}"
                found.setdefault(key, {})[_FAMILIES[family]] = float(values.split()[0])
        start = text.find(b"\ncontainer_cpu_cfs_", start + 1)
    return found
