# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""CPU and memory of pods and nodes from metrics-server, and CFS throttling from each node's cAdvisor.

metrics-server averages over a window (about 15 s) and needs a minute to know a new pod; whether a container was
throttled it does not tell. The kernel's counters do: cAdvisor shows them through the API server's node proxy.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .api import ApiGone, ApiRefused, ApiUnavailable, ClusterApi
from .host_load import host_load
from .quantity import cpu_m, memory_bytes, parse_quantity
from .record import parse_time_ns
from .writer import RecordWriter

METRICS = "/apis/metrics.k8s.io/v1beta1"
DEAF_S = 60.0  # a node that hangs would hold up the others every time
HURRY_S = 2.0  # between two looks while the last counters are waited for: cAdvisor reads them every 10 to 15 s
HELD_SHARE = 0.1  # of the periods; the least that a cause asks for is 25 %
_DURATION = re.compile(r"(?:([0-9.]+)h)?(?:([0-9.]+)m(?!s))?(?:([0-9.]+)s)?(?:([0-9.]+)ms)?")
_FAMILIES = {
    b"container_cpu_cfs_periods_total": "periods",
    b"container_cpu_cfs_throttled_periods_total": "throttled_periods",
    b"container_cpu_cfs_throttled_seconds_total": "throttled_s",
}
_LABEL = re.compile(rb'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Reading:
    """One reading of a container's counters: when, and how much it had been held back since the one before."""

    at_ns: int
    periods: float
    throttled_periods: float
    held_share: float


def readings(before: dict[str, Reading], held: dict[str, Any], now_ns: int) -> dict[str, Reading]:
    """The newest readings by container, from the ones before and what cAdvisor's pages say now."""
    found = {}
    for key, counters in held.items():
        at_ns = counters["api_time_ns"] or now_ns
        old = before.get(key)
        if old is not None and old.at_ns == at_ns:
            found[key] = old
            continue
        periods, throttled = counters.get("periods", 0.0), counters.get("throttled_periods", 0.0)
        if old is None or old.periods > periods:  # new, or restarted
            old = Reading(0, 0.0, 0.0, 0.0)
        more = periods - old.periods
        share = (throttled - old.throttled_periods) / more if more else 0.0
        found[key] = Reading(at_ns, periods, throttled, share)
    return found


class UsagePoller(threading.Thread):
    """Asks every ``interval_s``; what is not available is written once as skipped and asked for again.

    What one node or one right withholds costs nothing else. nodes: those with pods of the namespace, at the moment;
    only their cAdvisor is asked. One that does not answer is asked again a minute later, one that may not never.
    """

    def __init__(
        self,
        api: ClusterApi,
        namespace: str,
        writer: RecordWriter,
        interval_s: float,
        nodes: Callable[[], Iterable[str]],
    ) -> None:
        super().__init__(name="metrics", daemon=True)
        self._api, self._namespace, self._writer, self._interval_s = api, namespace, writer, interval_s
        self._nodes = nodes
        self._halt = threading.Event()
        self._hurry = threading.Event()
        self._fresh = threading.Event()  # there was a look since it was cleared
        self._readings: dict[str, Reading] = {}  # the newest of each container that runs
        self._missing: set[str] = set()
        self._again_s: dict[str, float] = {}  # when a question that failed may be asked again

    def stop(self) -> None:
        self._halt.set()
        self._hurry.set()

    def tells_of(self, begun_ns: int, ended_ns: int) -> bool:
        """Whether the counters on record tell what there is to tell of a time.

        Each running container's were read after it, or within it when the container was not held back.
        """
        if not self._hurry.is_set():
            self._fresh.clear()
            self._hurry.set()
        return self._fresh.is_set() and all(
            one.at_ns > ended_ns or (one.at_ns > begun_ns and one.held_share < HELD_SHARE)
            for one in self._readings.values()
        )

    def run(self) -> None:
        while not self._halt.is_set():
            pods = self._ask("usage", self._pods) or {}
            nodes = self._ask("usage of nodes", self._node_usage) or {}
            if pods or nodes:
                self._writer.line("usage", pods=pods, nodes=nodes)
            held: dict[str, Any] = {}
            for node in sorted(self._nodes()):
                held.update(self._ask(f"throttling of {node}", partial(self._throttling, node)) or {})
            if held:
                self._writer.line("throttling", containers=held)
            self._readings = readings(self._readings, held, time.time_ns())
            self._fresh.set()
            self._writer.line("load", **host_load())
            bounds = self._api.clock.bounds_ms()
            if bounds is not None:
                self._writer.line("clock", offset_min_ms=bounds[0], offset_max_ms=bounds[1])
            if not self._hurry.wait(self._interval_s):
                continue
            self._halt.wait(HURRY_S)

    def _ask(self, name: str, question: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        if time.monotonic() < self._again_s.get(name, 0.0) or self._halt.is_set():
            return None
        try:
            return question()
        except (ApiRefused, ApiUnavailable, ApiGone) as error:
            if name.startswith("throttling"):
                wait_s = float("inf") if getattr(error, "status", None) in (401, 403) else DEAF_S
                self._again_s[name] = time.monotonic() + wait_s
            if name not in self._missing:
                self._missing.add(name)
                self._writer.line("skipped", kind=name, reason=str(error))
            return None

    def _pods(self) -> dict[str, Any]:
        return pod_usage(self._api.get(f"{METRICS}/namespaces/{self._namespace}/pods"))

    def _node_usage(self) -> dict[str, Any]:
        items = self._api.get(f"{METRICS}/nodes")["items"]
        return {item["metadata"]["name"]: _usage(item, item) for item in items}

    def _throttling(self, node: str) -> dict[str, Any]:
        text = self._api.get_bytes(f"/api/v1/nodes/{node}/proxy/metrics/cadvisor")
        return throttling(text, self._namespace)


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


def throttling(text: bytes, namespace: str) -> dict[str, dict[str, Any]]:
    """The CFS counters of one namespace's containers from cAdvisor's page: "pod/container" -> running totals.

    api_time_ns is when cAdvisor read them, by the node's clock: as long as 15 s before the page was asked for.
    """
    found: dict[str, dict[str, Any]] = {}
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
                value, *read_ms = values.split()
                counters = found.setdefault(key, {"api_time_ns": int(read_ms[0]) * 1_000_000 if read_ms else None})
                counters[_FAMILIES[family]] = float(value)
        start = text.find(b"\ncontainer_cpu_cfs_", start + 1)
    return found
