# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The cluster record as the rules ask for it: lives of pods, endpoints over time, nodes, restarts, throttling."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from ...cluster.record import ClusterRecord, HostLoad, ObjectChange, PodUsage, parse_time_ns
from .finding import NS_PER_S
from .last_words import LastWords, last_words

T = TypeVar("T")


class Steps(Generic[T]):
    """A value that changes at known times and holds in between."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[T] = []

    def set(self, t_ns: int, value: T) -> None:
        """Append; an unchanged value adds no step."""
        if not self.values or self.values[-1] != value:
            self.times.append(t_ns)
            self.values.append(value)

    def at(self, t_ns: int) -> T | None:
        """The value at a time; None before the first."""
        index = bisect_right(self.times, t_ns) - 1
        return self.values[index] if index >= 0 else None

    def spans(self) -> Iterator[tuple[int, int | None, T]]:
        """(from, to, value); the last one has no end."""
        for index, (t_ns, value) in enumerate(zip(self.times, self.values)):
            yield t_ns, self.times[index + 1] if index + 1 < len(self.times) else None, value


@dataclass(frozen=True)
class Exit:
    """A container that ended. t_ns: the best known moment; seen_ns: when the observer learned of it."""

    container: str
    t_ns: int
    seen_ns: int
    reason: str
    exit_code: int | None
    words: LastWords = field(default_factory=LastWords)


@dataclass(frozen=True)
class Note:
    """An Event about a pod or node, or a waiting reason: what, when, and the cluster's own words."""

    t_ns: int
    reason: str
    message: str


@dataclass
class HeldBack:
    """How a container's CPU counters grew, sample by sample: periods of 100 ms, and those in which it was paused."""

    starts_ns: list[int] = field(default_factory=list)
    ends_ns: list[int] = field(default_factory=list)
    periods: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)

    def between(self, from_ns: int, to_ns: int) -> HeldBack:
        """The steps that touch a span."""
        part = slice(bisect_left(self.ends_ns, from_ns), bisect_right(self.starts_ns, to_ns))
        return HeldBack(self.starts_ns[part], self.ends_ns[part], self.periods[part], self.throttled[part])


@dataclass
class PodLife:
    """All that was seen of one pod."""

    name: str
    uid: str
    first_ns: int
    spec: Mapping[str, Any] = field(default_factory=dict)
    node: str = ""
    deletion_ns: int | None = None
    deletion_api_ns: int | None = None  # the API's own time of it, a whole second at or before it
    gone_ns: int | None = None
    ready: Steps[bool] = field(default_factory=Steps)
    endpoint: Steps[str] = field(default_factory=Steps)  # ready, serving (terminating, still answering), no
    exits: list[Exit] = field(default_factory=list)
    waiting: list[Note] = field(default_factory=list)
    removal: Note | None = None  # evicted, preempted, …
    unscheduled: Steps[str] = field(default_factory=Steps)  # why it has no node, "" once it has one

    # Looked up for every failure, hence computed once, when the whole record has been read.

    @cached_property
    def containers(self) -> list[Mapping[str, Any]]:
        return list(self.spec.get("containers", []))

    @cached_property
    def last_exits(self) -> list[Exit]:
        """The ends of containers that the deletion brought about, in their order."""
        return [end for end in self.exits if self.deletion_ns is not None and end.seen_ns >= self.deletion_ns]

    @cached_property
    def exit_ns(self) -> int | None:
        """When the last container ended after the deletion."""
        return max((max(end.t_ns, self.deletion_ns or end.t_ns) for end in self.last_exits), default=None)

    @cached_property
    def words(self) -> LastWords:
        """What the application said as it ended after the deletion."""
        return next((end.words for end in reversed(self.last_exits) if end.words != LastWords()), LastWords())

    @cached_property
    def served(self) -> int | None:
        """Requests by the application's own count, over its restarts; None where an ended container told none."""
        counts = [end.words.requests for end in self.exits]
        told = [count for count in counts if count is not None]
        return sum(told) if told and len(told) == len(counts) else None

    @cached_property
    def added_ns(self) -> int | None:
        """When it first became a ready endpoint."""
        return next((start for start, _unused, value in self.endpoint.spans() if value == "ready"), None)

    @cached_property
    def dropped_ns(self) -> int | None:
        """When its endpoint stopped being ready after the deletion."""
        for start, _unused, value in self.endpoint.spans():
            if value != "ready" and self.deletion_ns is not None and start >= self.deletion_ns - NS_PER_S:
                return start
        return None

    @cached_property
    def hook_ns(self) -> int:
        """How long a preStop hook that sleeps keeps SIGTERM away: until then the application serves as ever."""
        waits = [re.fullmatch(r"sleep (\d+) s", str(container.get("pre_stop"))) for container in self.containers]
        return min((int(wait.group(1)) if wait else 0 for wait in waits), default=0) * NS_PER_S

    @cached_property
    def downtimes(self) -> list[tuple[Exit, int | None]]:
        """Each exit with the time when the pod was ready again, or gone; None: not before the end of the record."""
        return [
            (end, next((t for t, _unused, ready in self.ready.spans() if ready and t > end.seen_ns), self.gone_ns))
            for end in self.exits
        ]


class ClusterView:
    """One pass over the record; every answer after it is a look-up."""

    def __init__(self, record: ClusterRecord) -> None:
        self.record = record
        self.pods: dict[str, PodLife] = {}  # by uid
        self.nodes: dict[str, Steps[str]] = {}  # Ready: True, False, Unknown, gone
        self.services: dict[str, Steps[Mapping[str, Any]]] = {}
        self.workloads: dict[str, Steps[Mapping[str, Any]]] = {}  # "Deployment/web" -> state
        self.ready_endpoints: dict[str, Steps[int]] = {}  # of a service: ready ones, else those still serving
        self.notes: dict[tuple[str, str, str], list[Note]] = {}  # Events by kind, name and reason
        self.members: dict[str, set[str]] = {}  # service -> names of pods that were ever its endpoints
        self._slices: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._empty: dict[str, list[tuple[int, int | None]]] = {}
        self._told: set[tuple[str, str, Any, int]] = set()
        take = {
            "Pod": self._add_pod,
            "EndpointSlice": self._add_endpointslice,
            "Service": self._add_service,
            "Node": self._add_node,
            "Event": self._add_event,
        }
        for change in record.changes:
            take.get(change.kind, self._add_workload)(change)

    def pods_of(self, service: str | None) -> list[PodLife]:
        """The pods that were endpoints of a service, with those of the same owner; all pods for None."""
        if service is None:
            return list(self.pods.values())
        names = self.members.get(service, set())
        owners = {self.workload_of(pod) for pod in self.pods.values() if pod.name in names} - {""}
        return [pod for pod in self.pods.values() if pod.name in names or self.workload_of(pod) in owners]

    def workload_of(self, pod: PodLife) -> str:
        """The object whose template made the pod, as in Deployment/web; "" for a bare pod."""
        owner = str(pod.spec.get("owner") or "")
        states = self.workloads.get(owner)
        above = states.values[-1].get("owner") if states and states.values else None
        return str(above or owner)

    def service_at(self, url: str) -> str | None:
        """The Service that a URL leads to by node port, address or name; None when it is none or not one."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parts.hostname or ""
        found = {name for name, states in self.services.items() if _leads_to(name, states.values, host, port)}
        return found.pop() if len(found) == 1 else None

    def without_endpoint(self, service: str) -> list[tuple[int, int | None]]:
        """Spans in which a service had no usable endpoint; none for one that never had any: it is not in use."""
        if service not in self._empty:
            steps = self.ready_endpoints.get(service)
            spans = list(steps.spans()) if steps and any(steps.values) else []
            self._empty[service] = [(start, end) for start, end, usable in spans if usable == 0]
        return self._empty[service]

    def notes_about(self, kind: str, name: str, reason: str) -> list[Note]:
        return self.notes.get((kind, name, reason), [])

    @cached_property
    def held_back(self) -> dict[str, HeldBack]:
        """By "pod/container", of those with a CPU limit."""
        found: dict[str, HeldBack] = {}
        before: dict[str, tuple[int, Mapping[str, float]]] = {}
        for line in self.record.throttling:
            for key, new in line.containers.items():
                if key in before:
                    start, old = before[key]
                    more, held = (new.get(name, 0) - old.get(name, 0) for name in ("periods", "throttled_periods"))
                    if more > 0 <= held:  # a counter that went back belongs to a restarted container
                        steps = found.setdefault(key, HeldBack())
                        steps.starts_ns.append(start)
                        steps.ends_ns.append(line.t_ns)
                        steps.periods.append(more)
                        steps.throttled.append(held)
                before[key] = line.t_ns, new
        return found

    def usage_between(self, from_ns: int, to_ns: int) -> Sequence[PodUsage]:
        """metrics-server's figures of a span, both ends included."""
        usage = self.record.usage
        return usage[bisect_left(usage, from_ns, key=_time) : bisect_right(usage, to_ns, key=_time)]

    def load_between(self, from_ns: int, to_ns: int) -> Sequence[HostLoad]:
        """How busy the recorder's machine was in a span, both ends included."""
        load = self.record.load
        return load[bisect_left(load, from_ns, key=_time) : bisect_right(load, to_ns, key=_time)]

    def changes_between(self, from_ns: int, to_ns: int) -> Sequence[ObjectChange]:
        """What was seen to change in a span, both ends included; what was there at the start is no change."""
        seen = self._seen_to_change
        return seen[bisect_left(seen, from_ns, key=_time) : bisect_right(seen, to_ns, key=_time)]

    @cached_property
    def _seen_to_change(self) -> list[ObjectChange]:
        return sorted((change for change in self.record.changes if change.via != "list"), key=_time)

    def _pod(self, change: ObjectChange) -> PodLife:
        return self.pods.setdefault(change.uid, PodLife(change.name, change.uid, change.t_ns))

    def _add_pod(self, change: ObjectChange) -> None:
        pod, state, t = self._pod(change), change.state, change.t_ns
        if change.spec is not None:
            pod.spec = change.spec
        pod.node = state.get("node") or pod.node
        if change.event == "deleted":
            pod.gone_ns = t
            pod.ready.set(t, False)
        else:
            pod.ready.set(t, bool(state.get("ready")))
        if state.get("deletion_timestamp") and pod.deletion_ns is None:
            pod.deletion_ns = t
            until = parse_time_ns(state["deletion_timestamp"])  # when the grace period ends
            pod.deletion_api_ns = None if until is None else until - (state.get("deletion_grace_s") or 0) * NS_PER_S
        pod.unscheduled.set(t, state.get("unscheduled") or "")
        removal = state.get("reason") or state.get("disruption")
        if removal and pod.removal is None:
            pod.removal = Note(t, removal, state.get("message") or "")
        for container in state.get("containers", []):
            for ended in (container, container.get("last") or {}):
                if ended.get("state") == "terminated":
                    self._add_exit(pod, change, container["name"], ended)
            if container.get("state") == "waiting":
                note = Note(t, container.get("reason") or "", container.get("message") or "")
                if not pod.waiting or pod.waiting[-1].reason != note.reason:
                    pod.waiting.append(note)

    def _add_exit(self, pod: PodLife, change: ObjectChange, container: str, ended: Mapping[str, Any]) -> None:
        finished = parse_time_ns(ended.get("finished_at"))
        key = (pod.uid, container, ended.get("finished_at"), int(ended.get("exit_code") or 0))
        if key in self._told:
            return
        self._told.add(key)
        words = last_words(ended.get("message"))
        t_ns = change.t_ns
        if finished is not None:
            # The start of the second in which it ended: what the application still did in that second came before, and
            # the watch may have told within it.
            lived_ns = max(finished + NS_PER_S // 2, words.sigterm_ns or 0, words.last_request_ns or 0)
            t_ns = min(t_ns, finished + NS_PER_S, lived_ns)
        pod.exits.append(Exit(container, t_ns, change.t_ns, ended.get("reason") or "", ended.get("exit_code"), words))

    def _add_endpointslice(self, change: ObjectChange) -> None:
        service = change.state.get("service") or ""
        slices = self._slices.setdefault(service, {})
        before = {entry["pod"] for old in slices.values() for entry in old["endpoints"]}
        if change.event == "deleted":
            slices.pop(change.name, None)
        else:
            slices[change.name] = change.state
        entries = {entry["uid"]: entry for state in slices.values() for entry in state["endpoints"]}
        members = self.members.setdefault(service, set())
        members.update(str(entry["pod"]) for entry in entries.values())
        counts = {"ready": 0, "serving": 0, "no": 0}
        for entry in entries.values():
            value = _endpoint(entry)
            counts[value] += 1
            if entry["uid"]:
                pod = self.pods.setdefault(entry["uid"], PodLife(str(entry["pod"]), entry["uid"], change.t_ns))
                pod.endpoint.set(change.t_ns, value)
        for pod in self.pods.values():
            if pod.name in before and pod.uid not in entries and pod.endpoint.values:
                pod.endpoint.set(change.t_ns, "no")
        # without a ready endpoint kube-proxy falls back to those that terminate but still serve
        usable = counts["ready"] or counts["serving"]
        self.ready_endpoints.setdefault(service, Steps()).set(change.t_ns, usable)

    def _add_service(self, change: ObjectChange) -> None:
        self.services.setdefault(change.name, Steps()).set(change.t_ns, change.state)

    def _add_node(self, change: ObjectChange) -> None:
        ready = "gone" if change.event == "deleted" else str(change.state.get("ready"))
        self.nodes.setdefault(change.name, Steps()).set(change.t_ns, ready)

    def _add_event(self, change: ObjectChange) -> None:
        state = change.state
        # An event that was there before the recording keeps its own time.
        t_ns = change.t_ns if change.via == "watch" else parse_time_ns(state.get("last")) or change.t_ns
        note = Note(t_ns, state.get("reason") or "", state.get("message") or "")
        about = state.get("about") or {}
        self.notes.setdefault((str(about.get("kind")), str(about.get("name")), note.reason), []).append(note)

    def _add_workload(self, change: ObjectChange) -> None:
        key = f"{change.kind}/{change.name}"
        state = {**change.state, "replicas": 0} if change.event == "deleted" else change.state
        self.workloads.setdefault(key, Steps()).set(change.t_ns, state)


def _time(line: ObjectChange | PodUsage | HostLoad) -> int:
    return line.t_ns


def _endpoint(entry: Mapping[str, Any]) -> str:
    if entry["ready"]:
        return "ready"
    return "serving" if entry["serving"] and entry["terminating"] else "no"


def _leads_to(name: str, states: list[Mapping[str, Any]], host: str, port: int) -> bool:
    for state in states:
        addresses = [state.get("cluster_ip"), *state.get("load_balancer", [])]
        named = host == name or host.startswith(name + ".")
        for entry in state.get("ports", []):
            if entry.get("node_port") == port or (entry.get("port") == port and (named or host in addresses)):
                return True
    return False
