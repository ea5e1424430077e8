# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The cluster record as the rules ask for it: lives of pods, endpoints over time, nodes, restarts, throttling."""

from __future__ import annotations

import gc
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from ...cluster.record import ClusterRecord, HostLoad, ObjectChange, PodUsage, parse_time_ns
from .endpoints import Endpoints
from .finding import EXIT_LAG_NS, NS_PER_S
from .in_time import InTime
from .last_words import last_words
from .lives import Exit, HeldBack, Note, PodLife, Steps, Wait

COUNTERS_OLD_NS = 60 * NS_PER_S  # cAdvisor reads them every 10 to 15 s, by default
NODE_AHEAD_NS = 2 * NS_PER_S


class ClusterView:
    """One pass over the record; every answer after it is a look-up.

    namespace: the recorded one by default, or that of the proxy in front of the service.
    """

    def __init__(self, record: ClusterRecord, namespace: str = "") -> None:
        self.record = record
        recorded = str(record.header.get("namespace") or "default")
        self.namespace = namespace or recorded
        self.pods: dict[str, PodLife] = {}  # by uid
        self.nodes: dict[str, Steps[str]] = {}  # Ready: True, False, Unknown, gone
        self.node_at: dict[str, str] = {}  # by the node's addresses
        self.pressures: dict[str, Steps[tuple[str, ...]]] = {}  # of nodes: MemoryPressure, DiskPressure, ...
        self.budgets: dict[str, Steps[Mapping[str, Any]]] = {}  # of disruptions, by name
        self.policies: dict[str, Steps[Mapping[str, Any]]] = {}  # of networks, by name
        self.boot_ids: set[str | None] = set()  # of the nodes
        self.services: dict[str, Steps[Mapping[str, Any]]] = {}
        self.workloads: dict[str, Steps[Mapping[str, Any]]] = {}  # "Deployment/web" -> state
        self.endpoints: dict[str, Endpoints] = {}  # by service
        self.fronts: dict[str, Steps[Mapping[str, Any]]] = {}  # "Ingress/shop" -> state
        self.notes: dict[tuple[str, str, str], list[Note]] = {}  # Events by kind, name and reason
        self._empty: dict[str, list[tuple[int, int | None]]] = {}
        self._told: set[tuple[str, str, Any, int]] = set()
        take = {
            "Pod": self._add_pod,
            "EndpointSlice": self._add_endpointslice,
            "Service": self._add_service,
            "Node": self._add_node,
            "Event": self._add_event,
            "Ingress": self._add_front,
            "HTTPRoute": self._add_front,
            "PodDisruptionBudget": self._add_budget,
            "NetworkPolicy": self._add_policy,
        }
        other = {recorded, record.front.namespace} - {self.namespace} if record.front else set()
        with _all_of_it_stays():
            for change in record.changes:
                if change.namespace not in other or (change.state.get("about") or {}).get("kind") == "Node":
                    take.get(change.kind, self._add_workload)(change)

    def pods_of(self, service: str | None) -> list[PodLife]:
        """The pods that were endpoints of a service, with those of the same owner, each routed as that service did.

        For None the endpoints of all services: a pod that never was one took no requests.
        """
        if service is None:
            found = {uid: pod for name in self.endpoints for pod in self.pods_of(name) for uid in [pod.uid]}
            return list(found.values())
        ends = self.endpoints.get(service) or Endpoints()
        mine = [pod for pod in self.pods.values() if pod.uid in ends.of or pod.name in ends.names]
        owners = {self.workload_of(pod) for pod in mine} - {""}
        return [
            replace(pod, endpoint=ends.of.get(pod.uid) or Steps())
            for pod in self.pods.values()
            if pod.uid in ends.of or pod.name in ends.names or self.workload_of(pod) in owners
        ]

    def workload_of(self, pod: PodLife) -> str:
        """The object whose template made the pod, as in Deployment/web; "" for a bare pod."""
        owner = str(pod.spec.get("owner") or "")
        states = self.workloads.get(owner)
        above = states.values[-1].get("owner") if states and states.values else None
        return str(above or owner)

    def without_endpoint(self, service: str) -> list[tuple[int, int | None]]:
        """Spans in which a service had no usable endpoint; none for one that never had any: it is not in use."""
        if service not in self._empty:
            ends = self.endpoints.get(service)
            spans = list(ends.usable.spans()) if ends and any(ends.usable.values) else []
            self._empty[service] = [(start, end) for start, end, usable in spans if usable == 0 and end != start]
        return self._empty[service]

    def notes_about(self, kind: str, name: str, reason: str) -> list[Note]:
        return self.notes.get((kind, name, reason), [])

    @cached_property
    def on_this_machine(self) -> bool:
        """Whether the nodes share the recorder's kernel, as a local lab's do: by its boot id, else by the address."""
        boot_id, known = self.record.header.get("boot_id"), self.boot_ids - {None}
        if boot_id and known:
            return boot_id in known
        host = urlsplit(str(self.record.header.get("api") or "")).hostname
        if host in (None, "localhost"):
            return True
        try:
            return ipaddress.ip_address(str(host)).is_private
        except ValueError:
            return False

    @cached_property
    def held_back(self) -> dict[str, HeldBack]:
        """By "pod/container", of those with a CPU limit."""
        found: dict[str, HeldBack] = {}
        before: dict[str, tuple[int, Mapping[str, Any]]] = {}
        for line in self.record.throttling:
            for key, new in line.containers.items():
                at_ns = _read_ns(line.t_ns, new)
                if key in before:
                    start, old = before[key]
                    more, held = (new.get(name, 0) - old.get(name, 0) for name in ("periods", "throttled_periods"))
                    if more > 0 <= held:  # a counter that went back belongs to a restarted container
                        steps = found.setdefault(key, HeldBack())
                        steps.starts_ns.append(start)
                        steps.ends_ns.append(at_ns)
                        steps.periods.append(more)
                        steps.throttled.append(held)
                before[key] = at_ns, new
        return found

    def usage_between(self, from_ns: int, to_ns: int) -> Sequence[PodUsage]:
        """metrics-server's figures of a span, both ends included."""
        return self._usage.between(from_ns, to_ns)

    def load_between(self, from_ns: int, to_ns: int) -> Sequence[HostLoad]:
        """How busy the recorder's machine was in a span, both ends included."""
        return self._load.between(from_ns, to_ns)

    def changes_between(self, from_ns: int, to_ns: int) -> Sequence[ObjectChange]:
        """What was seen to change in a span, both ends included; what was there at the start is no change."""
        return self._seen_to_change.between(from_ns, to_ns)

    @cached_property
    def _usage(self) -> InTime[PodUsage]:
        return InTime(self.record.usage)

    @cached_property
    def _load(self) -> InTime[HostLoad]:
        return InTime(self.record.load)

    @cached_property
    def _seen_to_change(self) -> InTime[ObjectChange]:
        seen = (change for change in self.record.changes if change.via != "list")
        return InTime(sorted(seen, key=lambda change: change.t_ns))

    def _pod(self, uid: str, name: str, t_ns: int) -> PodLife:
        """The life of a pod, begun when it is first told of."""
        pod = self.pods.get(uid)
        if pod is None:
            pod = self.pods[uid] = PodLife(name, uid, t_ns)
        return pod

    def _add_pod(self, change: ObjectChange) -> None:
        pod, state, t = self._pod(change.uid, change.name, change.t_ns), change.state, change.t_ns
        if change.spec is not None:
            pod.spec = change.spec
        pod.node = state.get("node") or pod.node
        if change.event == "deleted":
            pod.gone_ns = t
            pod.ready.set(t, False)
        else:
            pod.ready.set(t, bool(state.get("ready")))
        if state.get("deletion_timestamp") and pod.deletion_ns is None:
            pod.deletion_ns, pod.deletion_grace_s = t, state.get("deletion_grace_s")
            until = parse_time_ns(state["deletion_timestamp"])  # when the grace period ends
            pod.deletion_api_ns = None if until is None else until - (state.get("deletion_grace_s") or 0) * NS_PER_S
        pod.unscheduled.set(t, state.get("unscheduled") or "")
        removal = state.get("disruption") or state.get("reason")
        if removal and pod.removal is None and change.via != "list":
            pod.removal = Note(t, removal, state.get("message") or "")
        for container in state.get("containers", []):
            for ended in (container, container.get("last") or {}):
                if ended.get("state") == "terminated":
                    self._add_exit(pod, change, container["name"], ended)
        for container in state.get("init_containers", []) if pod.deletion_ns is None else ():
            for ended in (container, container.get("last") or {}):
                if ended.get("state") == "terminated" and ended.get("exit_code"):  # 0: it has done its work
                    self._add_exit(pod, change, container["name"], ended)
        self._add_waits(pod, change)

    def _add_waits(self, pod: PodLife, change: ObjectChange) -> None:
        """Each reason with its beginning and end."""
        told = () if change.event == "deleted" else ("containers", "init_containers")
        now = {
            str(container["name"]): container
            for group in told
            for container in change.state.get(group, ())
            if container.get("state") == "waiting"
        }
        if not now and not pod.waits:
            return
        for wait in pod.waits:
            if wait.end_ns is None and (now.get(wait.container) or {}).get("reason", "") != wait.reason:
                wait.end_ns = change.t_ns
        known = {wait.container for wait in pod.waits if wait.end_ns is None}
        pod.waits += [
            Wait(name, body.get("reason") or "", body.get("message") or "", change.t_ns)
            for name, body in now.items()
            if name not in known
        ]

    def _add_exit(self, pod: PodLife, change: ObjectChange, container: str, ended: Mapping[str, Any]) -> None:
        finished = parse_time_ns(ended.get("finished_at"))
        key = (pod.uid, container, ended.get("finished_at"), int(ended.get("exit_code") or 0))
        if key in self._told:
            return
        self._told.add(key)
        if change.via == "list" and (finished is None or finished < self.record.started_ns - EXIT_LAG_NS):
            return  # it explains nothing that came after the recording began
        words = last_words(ended.get("message"))
        t_ns = change.t_ns
        if finished is not None:
            # The start of the second in which it ended: what the application still did in that second came before, and
            # the watch may have told within it.
            lived_ns = max(finished + NS_PER_S // 2, words.sigterm_ns or 0, words.last_request_ns or 0)
            t_ns = min(t_ns, finished + NS_PER_S, lived_ns)
        if pod.deletion_ns is not None:
            t_ns = max(t_ns, pod.deletion_ns)  # the deletion ended it, whatever its node's clock says
        pod.exits.append(Exit(container, t_ns, change.t_ns, ended.get("reason") or "", ended.get("exit_code"), words))

    def _add_endpointslice(self, change: ObjectChange) -> None:
        service = change.state.get("service") or ""
        for uid, name in self.endpoints.setdefault(service, Endpoints()).add(change):
            self._pod(uid, name, change.t_ns)

    def _add_service(self, change: ObjectChange) -> None:
        _add_state(self.services, change.name, change)

    def _add_node(self, change: ObjectChange) -> None:
        self.boot_ids.add(change.state.get("boot_id"))
        self.node_at.update(dict.fromkeys(change.state.get("addresses") or (), change.name))
        ready = "gone" if change.event == "deleted" else str(change.state.get("ready"))
        self.nodes.setdefault(change.name, Steps()).set(change.t_ns, ready)
        self.pressures.setdefault(change.name, Steps()).set(change.t_ns, tuple(change.state.get("pressures") or ()))

    def _add_event(self, change: ObjectChange) -> None:
        state = change.state
        # An event that was there before the recording keeps its own time.
        t_ns = change.t_ns if change.via == "watch" else parse_time_ns(state.get("last")) or change.t_ns
        note = Note(t_ns, state.get("reason") or "", state.get("message") or "")
        about = state.get("about") or {}
        pod = self.pods.get(str(about.get("uid")))
        if note.reason == "Evicted" and pod is not None and pod.removal is None and change.via == "watch":
            pod.removal = note  # the status of a pod that ends with exit code 0 does not tell of it
        self.notes.setdefault((str(about.get("kind")), str(about.get("name")), note.reason), []).append(note)

    def _add_workload(self, change: ObjectChange) -> None:
        _add_state(self.workloads, f"{change.kind}/{change.name}", change)

    def _add_budget(self, change: ObjectChange) -> None:
        _add_state(self.budgets, change.name, change)

    def _add_policy(self, change: ObjectChange) -> None:
        _add_state(self.policies, change.name, change)

    def _add_front(self, change: ObjectChange) -> None:
        self.fronts.setdefault(f"{change.kind}/{change.name}", Steps()).set(change.t_ns, change.state)


@contextmanager
def _all_of_it_stays() -> Iterator[None]:
    """Nothing made meanwhile becomes garbage: the collector would go through a large record again and again in vain."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _add_state(kept: dict[str, Steps[Mapping[str, Any]]], key: str, change: ObjectChange) -> None:
    """The newest state; of what was deleted the last one, marked as such."""
    gone = {"deleted": True} if change.event == "deleted" else {}
    kept.setdefault(key, Steps()).set(change.t_ns, {**change.state, **gone})


def _read_ns(seen_ns: int, counters: Mapping[str, Any]) -> int:
    """When cAdvisor read the counters, unless the node's clock is plainly another than the recorder's."""
    read_ns: int | None = counters.get("api_time_ns")
    plausible = read_ns is not None and -NODE_AHEAD_NS <= seen_ns - read_ns <= COUNTERS_OLD_NS
    return read_ns if read_ns is not None and plausible else seen_ns
