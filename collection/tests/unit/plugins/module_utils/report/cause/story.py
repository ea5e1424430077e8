# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Builds a cluster record and a probe record second by second, so that a test reads like what happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.cluster.record import (
    ClusterRecord,
    Gap,
    HostLoad,
    ObjectChange,
    PodUsage,
    Throttling,
)
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain

START_NS = 1_795_248_000_000_000_000
NS = 1_000_000_000


def rfc3339(at_s: float) -> str:
    """Whole seconds, as the API tells times."""
    return datetime.fromtimestamp(START_NS // NS + int(at_s), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Story:
    """Times are seconds after the start of both records. Service web on node port 30080, pods of Deployment web."""

    def __init__(self, length_s: float = 120, namespace: str = "shop") -> None:
        self.namespace = namespace
        header = {"t_ns": START_NS, "mono_ns": 0, "namespace": namespace, "started_at": rfc3339(0), "observer": "lab"}
        self.cluster = ClusterRecord("cluster.jsonl", header)
        self.cluster.end = {"t_ns": START_NS + int(length_s * NS)}
        self.outages: list[dict[str, Any]] = []
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.answers: dict[int, dict[str, int]] = {}
        self.truncated = 0
        self._pods: dict[str, dict[str, Any]] = {}
        self._endpoints: dict[str, dict[str, Any]] = {}
        self._counter = 0
        ports = [{"port": 80, "target_port": 5000, "node_port": 30080}]
        self.selector = {"app": "web"}
        self.ports = ports
        self.service(0, "list")
        self.node(0, "n1", via="list")
        self.workload(0, "ReplicaSet", "web-1", replicas=2, owner="Deployment/web", via="list")
        self.workload(0, "Deployment", "web", replicas=2, via="list")
        self._slice(0, "list")

    def change(self, at_s: float, kind: str, name: str, state: dict[str, Any], **more: Any) -> None:
        self._counter += 1
        t_ns = START_NS + int(at_s * NS)
        via = more.pop("via", "watch")
        event = more.pop("event", "listed" if via == "list" else "modified")
        self.cluster.changes.append(
            ObjectChange(
                t_ns,
                t_ns,
                kind,
                event,
                via,
                name,
                self.namespace,
                more.pop("uid", name),
                str(self._counter),
                None,
                state,
                more.pop("spec", None),
            )
        )
        self.cluster.changes.sort(key=lambda change: change.t_ns)

    def service(self, at_s: float, via: str = "watch", **selector: str) -> None:
        self.selector = selector or self.selector
        state = {"selector": self.selector, "cluster_ip": "10.96.0.9", "load_balancer": [], "ports": self.ports}
        self.change(at_s, "Service", "web", state, via=via)

    def node(self, at_s: float, name: str, ready: str = "True", via: str = "watch") -> None:
        self.change(at_s, "Node", name, {"ready": ready}, via=via)

    def workload(
        self, at_s: float, kind: str, name: str, *, replicas: int, owner: str = "", via: str = "watch"
    ) -> None:
        self.change(at_s, kind, name, {"replicas": replicas, **({"owner": owner} if owner else {})}, via=via)

    def event(self, at_s: float, pod: str, reason: str, message: str) -> None:
        about = {"kind": "Pod", "name": pod}
        self.change(at_s, "Event", f"{pod}.{self._counter}", {"reason": reason, "message": message, "about": about})

    def pod(self, at_s: float, name: str, via: str = "watch", node: str = "n1", **container: Any) -> None:
        """A pod that appears; container overrides its settings (readiness, liveness, pre_stop, limits, image)."""
        settings: dict[str, Any] = {
            "name": "web",
            "image": "web:1.0",
            "ports": [5000],
            "readiness": "GET :5000/healthz",
            "liveness": None,
            "startup": None,
            "pre_stop": None,
            "limits": {"cpu_m": None, "memory_bytes": None},
            "requests": {},
            **container,
        }
        running = {"name": "web", "ready": False, "restarts": 0, "state": "running"}
        self._pods[name] = {"ready": False, "node": node, "containers": [running], "deletion_timestamp": None}
        spec = {"owner": "ReplicaSet/web-1", "containers": [settings]}
        event = "listed" if via == "list" else "added"
        self.change(at_s, "Pod", name, dict(self._pods[name]), via=via, spec=spec, event=event)

    def serving_pod(self, name: str, node: str = "n1", **container: Any) -> None:
        """One that was ready before the recording began."""
        self.pod(0, name, "list", node, **container)
        self.ready(0, name, via="list")

    def update(self, at_s: float, name: str, **state: Any) -> None:
        self._pods[name] = {**self._pods[name], **state}
        self.change(at_s, "Pod", name, dict(self._pods[name]))

    def container(self, at_s: float, name: str, **state: Any) -> None:
        self.update(at_s, name, containers=[{**self._pods[name]["containers"][0], **state}])

    def ready(self, at_s: float, name: str, via: str = "watch") -> None:
        """The pod becomes ready and an endpoint at once."""
        self._pods[name] = {**self._pods[name], "ready": True}
        self.change(at_s, "Pod", name, dict(self._pods[name]), via=via)
        self.endpoint(at_s, name, ready=True, via=via)

    def unready(self, at_s: float, name: str) -> None:
        self.update(at_s, name, ready=False)
        self.endpoint(at_s, name, ready=False)

    def endpoint(self, at_s: float, name: str, ready: bool, terminating: bool = False, via: str = "watch") -> None:
        self._endpoints[name] = {
            "pod": name,
            "uid": name,
            "addresses": ["10.0.0.1"],
            "ready": ready,
            "serving": ready or terminating,
            "terminating": terminating,
            "node": "n1",
        }
        self._slice(at_s, via)

    def _slice(self, at_s: float, via: str) -> None:
        state = {"service": "web", "ports": [5000], "endpoints": [dict(entry) for entry in self._endpoints.values()]}
        self.change(at_s, "EndpointSlice", "web-x", state, via=via)

    def delete(self, at_s: float, name: str, dropped_s: float = 0.1, exit_s: float = 0.4, words: str = "") -> None:
        """Deletion, endpoint dropped, container ended with its last words, pod gone. Times count from the deletion."""
        self.update(at_s, name, deletion_timestamp=rfc3339(at_s + 30), deletion_grace_s=30)
        self._endpoints.pop(name, None)
        self._slice(at_s + dropped_s, "watch")
        ended = {"state": "terminated", "exit_code": 143, "reason": "Error", "finished_at": rfc3339(at_s + exit_s)}
        if words:
            ended["message"] = words
        self.container(at_s + exit_s, name, **ended)
        self.change(at_s + exit_s + 0.1, "Pod", name, dict(self._pods[name]), event="deleted")

    def exit(self, at_s: float, name: str, reason: str, exit_code: int, *, up_s: float = 2, words: str = "") -> None:
        """The container ends with its last words and is restarted, ready again up_s later."""
        last = {"state": "terminated", "exit_code": exit_code, "reason": reason, "finished_at": rfc3339(at_s)}
        if words:
            last["message"] = words
        self.container(at_s + 0.3, name, state="running", restarts=1, last=last)
        self.unready(at_s + 0.3, name)
        self.ready(at_s + up_s, name)

    def throttled(self, at_s: float, key: str, periods: float, held: float, read_s: float | None = None) -> None:
        """read_s: when cAdvisor read the counters that were seen at at_s."""
        counters: dict[str, Any] = {"periods": periods, "throttled_periods": held}
        if read_s is not None:
            counters["api_time_ns"] = START_NS + int(read_s * NS)
        self.cluster.throttling.append(Throttling(START_NS + int(at_s * NS), {key: counters}))

    def beside(self, pod: str, name: str, first: bool = False, **settings: Any) -> None:
        """Another container in a pod's template."""
        container = {"name": name, "image": name, "ports": [], "readiness": None, "pre_stop": None, "limits": {}}
        for change in self.cluster.changes:
            if change.name == pod and change.spec:
                change.spec["containers"].insert(0 if first else 9, {**container, **settings})

    def as_listed(self, change: ObjectChange) -> ObjectChange:
        """The same state, there before the recording."""
        return replace(change, via="list", event="listed")

    def behind(self, proxy: Story) -> None:
        """What happened to the proxy in front, Service web of its own namespace, stands in the record, too."""
        self.cluster.header["front"] = {"namespace": proxy.namespace, "service": "web"}
        self.cluster.changes += proxy.cluster.changes
        self.cluster.changes.sort(key=lambda change: change.t_ns)

    def no_endpoints(self, at_s: float) -> None:
        """The Service's pods are as they were, but it no longer sends to them."""
        self._endpoints.clear()
        self._slice(at_s, "watch")

    def killed(self, at_s: float, name: str, grace_s: int) -> None:
        """Deleted, out of the endpoints at once, and killed when its grace period was over."""
        self.update(at_s, name, deletion_timestamp=rfc3339(at_s + grace_s), deletion_grace_s=grace_s)
        self._endpoints.pop(name, None)
        self._slice(at_s + 0.1, "watch")
        over = at_s + grace_s
        self.container(over, name, state="terminated", exit_code=137, reason="Error", finished_at=rfc3339(over))
        self.change(over + 0.2, "Pod", name, dict(self._pods[name]), event="deleted")

    def used(self, at_s: float, pod: str, cpu_m: float, memory_bytes: float = 0) -> None:
        usage = {pod: {"web": {"cpu_m": cpu_m, "memory_bytes": memory_bytes}}}
        self.cluster.usage.append(PodUsage(START_NS + int(at_s * NS), usage, {}))

    def load(self, at_s: float, load_1m: float, pressure: float | None = None) -> None:
        self.cluster.load.append(HostLoad(START_NS + int(at_s * NS), 2, load_1m, pressure))

    def gap(self, from_s: float, to_s: float, kind: str = "Pod") -> None:
        span = START_NS + int(from_s * NS), START_NS + int(to_s * NS)
        self.cluster.gaps.append(Gap(kind, *span, True, "cut"))

    def fail(
        self, at_s: float, outcome: str = "refused", count: int = 1, until_s: float | None = None, **more: Any
    ) -> None:
        """One outage (or isolated failure) of the probe."""
        last = at_s if until_s is None else until_s
        self.outages.append(
            {
                "lane": "new",
                "kind": "outage",
                "isolated": count == 1,
                "last_good_s": at_s - 0.05,
                "first_bad_s": at_s,
                "last_bad_s": last,
                "next_good_s": last + 0.05,
                "end_s": last + 0.05,
                "length_s": last + 0.05 - at_s,
                "resolution_s": 0.05,
                "requests_lost": count,
                "requests_slow": 0,
                "first_outcome": outcome,
                "first_error": f"an example of {outcome}",
                "outcomes": {outcome: count},
                "control_failed": False,
                **more,
            }
        )

    def unsent(self, at_s: float, outcome: str, count: int) -> None:
        self.outcomes[outcome] = {"count": count, "first_s": at_s, "last_s": at_s + 1, "example": "EMFILE"}

    def answered(self, pod: str, from_s: float, to_s: float) -> None:
        """The pod answers ten times a second."""
        for i in range(round(from_s * 10), round(to_s * 10)):
            self.answers.setdefault(i, {})[pod] = 1

    def probe(self) -> dict[str, Any]:
        rows = [
            {"i": i, "outcomes": {"ok": len(pods)}, "identities": {"pod": pods}}
            for i, pods in sorted(self.answers.items())
        ]
        return {
            "started_unix_ns": START_NS,
            "options": {"url": ["http://192.168.49.2:30080/"]},
            "vantage": {"host": "lab"},
            "totals": {"outcomes": self.outcomes},
            "timeline": {"bucket_ms": 100, "rows": rows},
            "outages": {"list": self.outages, "list_truncated": self.truncated},
        }


def causes(story: Story) -> list[tuple[str, str, str]]:
    """Id, confidence and subject of the cause of each failure."""
    rows = explain(story.probe(), story.cluster)["failures"]
    return [(row["cause"]["id"], row["cause"]["confidence"], row["cause"]["subject"]) for row in rows]


def only(story: Story) -> dict[str, Any]:
    """The cause of the only failure."""
    rows = explain(story.probe(), story.cluster)["failures"]
    assert len(rows) == 1
    cause: dict[str, Any] = rows[0]["cause"]
    assert cause["evidence"], "a cause without evidence is a guess"
    return cause
