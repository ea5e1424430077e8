# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Story told in the shapes that real recordings have: slices with terminating endpoints, revisions, whole Events, and
a probe record whose timeline holds good and bad answers.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import (
    NS,
    START_NS,
    Story,
    rfc3339,
)

#: Requests in each bucket of 100 ms.
A_BUCKET = 5
NODE = {"ready": "True", "ready_reason": "KubeletReady", "pressures": [], "unschedulable": False, "taints": []}


class Operation(Story):
    """Two nodes of their own kernels; Deployment web (two pods on them unless told otherwise) behind Service web."""

    def __init__(self, length_s: float = 120, namespace: str = "shop", pods: int = 2, **container: Any) -> None:
        self._moves: list[tuple[float, str, dict[str, Any] | None, str]] = []
        self.length_s = length_s
        self.names_pods = False
        self.asked: str | None = None
        self.url = "http://192.168.49.2:30080/"
        self.where = "lab"
        super().__init__(length_s, namespace)
        self.cluster.header["boot_id"] = "boot-lab"
        for name in ("n1", "n2"):
            self.node_state(0, name, via="list")
        self.revision(0, "1", "web:1.0", via="list", pods=pods)
        for i in range(pods):
            self.serving_pod("web-" + "abcdef"[i], node=f"n{i % 2 + 1}", **container)

    # --- what stands in the API
    def node_state(self, at_s: float, name: str, via: str = "watch", **state: Any) -> None:
        self.change(at_s, "Node", name, {**NODE, "boot_id": f"boot-{name}", **state}, via=via)

    def revision(self, at_s: float, number: str, image: str, via: str = "watch", pods: int = 2, **state: Any) -> None:
        """The Deployment's template changed: its own state, and the ReplicaSet of this revision."""
        told = {"revision": number, "replicas": pods, "images": {"web": image}, "version": image.split(":")[1]}
        strategy = {"strategy": "RollingUpdate", "rolling_update": {"maxUnavailable": 0, "maxSurge": 1}}
        self.change(at_s, "Deployment", "web", {**told, "observed": True, **strategy, **state}, via=via)
        self.change(at_s, "ReplicaSet", f"web-{number}", {**told, "owner": "Deployment/web"}, via=via)

    def pod(self, at_s: float, name: str, via: str = "watch", node: str = "n1", **container: Any) -> None:
        owner = container.pop("owner", "ReplicaSet/web-1")
        labels = container.pop("labels", {"app": "web"})
        called = container.pop("called", "web")
        super().pod(at_s, name, via, node, **container)
        spec = next(c.spec for c in self.cluster.changes if c.kind == "Pod" and c.name == name and c.spec)
        spec["containers"][0]["name"] = self._pods[name]["containers"][0]["name"] = called
        spec.update(owner=owner, labels=labels, termination_grace_s=30)

    def new_pod(self, at_s: float, name: str, node: str = "n1", image: str = "web:2.0", **container: Any) -> None:
        """One of revision 2."""
        self.pod(at_s, name, node=node, image=image, owner="ReplicaSet/web-2", **container)

    def told(self, at_s: float, kind: str, name: str, reason: str, message: str) -> None:
        """A whole Event of type Warning."""
        about = {"kind": kind, "name": name, "uid": name, "field_path": None}
        by = {"Pod": "kubelet", "ReplicaSet": "replicaset-controller"}
        by |= {"FailedScheduling": "default-scheduler", "FailedAttachVolume": "attachdetach-controller"}
        when = {"count": 1, "first": rfc3339(at_s), "last": rfc3339(at_s), "source": by.get(reason, by[kind])}
        state = {"type": "Warning", "reason": reason, "message": message, "about": about, **when}
        self.change(at_s, "Event", f"{name}.{self._counter}", state, event="added")

    def other(self, at_s: float, name: str, owner: str, via: str = "list", **state: Any) -> None:
        """A pod of another workload of the namespace, without a port."""
        running = {"name": "main", "ready": True, "restarts": 0, "state": "running"}
        self._pods[name] = {"ready": True, "node": "n1", "containers": [running], "deletion_timestamp": None, **state}
        container = {"name": "main", "image": "other:1", "ports": [], "readiness": None, "pre_stop": None, "limits": {}}
        spec = {"owner": owner, "labels": {"app": owner.split("/")[1]}, "containers": [container]}
        event = "listed" if via == "list" else "added"
        self.change(at_s, "Pod", name, dict(self._pods[name]), via=via, spec=spec, event=event)

    def store(self, ready: bool = True) -> None:
        """Service db with its single pod db-0, which answers no probe of ours."""
        ports = [{"port": 5432, "target_port": 5432, "node_port": None}]
        state = {"type": "ClusterIP", "selector": {"app": "db"}, "cluster_ip": "10.96.0.20", "load_balancer": []}
        self.change(0, "Service", "db", {**state, "ports": ports}, via="list")
        self.change(0, "StatefulSet", "db", {"replicas": 1}, via="list")
        self.pod(0, "db-0", "list", "n2", called="db", ports=[5432], owner="StatefulSet/db", labels={"app": "db"})
        self._pods["db-0"]["ready"] = ready
        self.change(0, "Pod", "db-0", dict(self._pods["db-0"]), via="list")
        self.store_endpoint(0, ready, via="list")

    def store_endpoint(self, at_s: float, ready: bool, via: str = "watch") -> None:
        entry = {"pod": "db-0", "uid": "db-0", "addresses": ["10.0.2.9"], "node": "n2"}
        entry.update(ready=ready, serving=ready, terminating=False)
        self.change(at_s, "EndpointSlice", "db-x", {"service": "db", "ports": [5432], "endpoints": [entry]}, via=via)

    # --- endpoints, written in the order of time once all is told
    def endpoint(self, at_s: float, name: str, ready: bool, terminating: bool = False, via: str = "watch") -> None:
        entry = {"pod": name, "uid": name, "addresses": [f"10.0.0.{10 + len(self._moves)}"], "ready": ready}
        entry.update(serving=ready or terminating, terminating=terminating, node=self._pods[name]["node"])
        self._moves.append((at_s, name, entry, via))

    def ready(self, at_s: float, name: str, via: str = "watch") -> None:
        self._pods[name]["containers"] = [{**one, "ready": True} for one in self._pods[name]["containers"]]
        super().ready(at_s, name, via)

    def dropped(self, at_s: float, name: str) -> None:
        self._moves.append((at_s, name, None, "watch"))

    def _slice(self, at_s: float, via: str) -> None:
        """Nothing yet: see finish."""

    def finish(self) -> None:
        slices: dict[str, Any] = {}
        empty = {"service": "web", "ports": [5000], "endpoints": []}
        self.change(0, "EndpointSlice", "web-x", empty, via="list")
        for at_s, name, entry, via in sorted(self._moves, key=lambda move: move[0]):
            slices.pop(name, None)
            if entry:
                slices[name] = entry
            state = {"service": "web", "ports": [5000], "endpoints": [dict(one) for one in slices.values()]}
            self.change(at_s, "EndpointSlice", "web-x", state, via=via)

    def delete(self, at_s: float, name: str, dropped_s: float = 0.1, exit_s: float = 0.4, words: str = "") -> None:
        """As recorded: terminating and serving in the slice until its container has ended."""
        self.update(at_s, name, deletion_timestamp=rfc3339(at_s + 30), deletion_grace_s=30)
        self.endpoint(at_s + dropped_s, name, ready=False, terminating=True)
        ended = {"state": "terminated", "exit_code": 0, "reason": "Completed", "finished_at": rfc3339(at_s + exit_s)}
        self.update(at_s + exit_s, name, ready=False, containers=[{**self._pods[name]["containers"][0], **ended}])
        self.dropped(at_s + exit_s + 0.1, name)
        self.change(at_s + exit_s + 0.2, "Pod", name, dict(self._pods[name]), event="deleted")

    def evict(self, at_s: float, name: str, message: str) -> None:
        """The kubelet's own eviction: the pod stays, failed; nobody deleted it."""
        self.told(at_s, "Pod", name, "Evicted", message)
        self.endpoint(at_s + 0.3, name, ready=False)
        over = {"state": "terminated", "exit_code": 137, "reason": "Error", "finished_at": rfc3339(at_s + 0.8)}
        gone = {"phase": "Failed", "reason": "Evicted", "message": message, "ready": False}
        gone["disruption"] = "TerminationByKubelet"
        self.update(at_s + 1, name, containers=[{**self._pods[name]["containers"][0], **over}], **gone)
        self.dropped(at_s + 1.1, name)

    def restarted(self, at_s: float, name: str, reason: str, code: int, *, up_s: float, which: str = "web") -> None:
        """One container ends and is started again; the pod is unready for up_s."""
        last = {"state": "terminated", "exit_code": code, "reason": reason, "finished_at": rfc3339(at_s)}
        told = [
            {**one, "restarts": one["restarts"] + 1, "last": last, "ready": False} if one["name"] == which else one
            for one in self._pods[name]["containers"]
        ]
        self.update(at_s + 0.3, name, ready=False, containers=told)
        self.endpoint(at_s + 0.4, name, ready=False)
        self.ready(at_s + up_s, name)

    # --- what the probe saw
    def some_fail(
        self, from_s: float, to_s: float, outcome: str, every_s: float = 0.2, lost: int = 2, **more: Any
    ) -> None:
        """A part of the requests fails: many short runs."""
        for i in range(int((to_s - from_s) / every_s)):
            at_s = round(from_s + i * every_s, 3)
            self.fail(at_s, outcome, count=lost, until_s=round(at_s + 0.02 * (lost - 1), 3), **more)

    def probe(self) -> dict[str, Any]:
        probe = super().probe()
        probe["options"]["url"] = [self.url]
        probe["elapsed_s"] = self.length_s
        probe["vantage"] = {"host": self.where, "boot_id": f"boot-{self.where}"}
        bad: dict[int, dict[str, int]] = {}
        totals = dict(self.outcomes)
        for row in self.outages:
            row["target"] = self.url
            row["shortest_s"], row["longest_s"] = row["last_bad_s"] - row["first_bad_s"], row["length_s"] + 0.02
            first, last = int(row["first_bad_s"] * 10), int(row["last_bad_s"] * 10)
            for outcome, count in row["outcomes"].items():
                for n in range(count):
                    bucket = bad.setdefault(first + n * (last - first + 1) // count, {})
                    bucket[outcome] = bucket.get(outcome, 0) + 1
                total = totals.setdefault(
                    outcome, {"count": 0, "first_s": row["first_bad_s"], "example": row["first_error"]}
                )
                total.update(count=total["count"] + count, last_s=row["last_bad_s"])
        rows = []
        for i in range(int(self.length_s * 10)):
            good = max(0, A_BUCKET - sum(bad.get(i, {}).values()))
            row = {"i": i, "outcomes": {**({"ok": good} if good else {}), **bad.get(i, {})}}
            if self.names_pods and good:
                row["identities"] = {"pod": self._who(i / 10, good)}
            rows.append(row)
        probe["timeline"]["rows"] = rows
        totals["ok"] = {
            "count": sum(row["outcomes"].get("ok", 0) for row in rows),
            "first_s": 0.0,
            "example": "status 200",
        }
        probe["totals"]["outcomes"] = totals
        return probe

    def _who(self, at_s: float, good: int) -> dict[str, int]:
        ready: dict[str, bool] = {}
        for when, name, entry, _via in sorted(self._moves, key=lambda move: move[0]):
            if when <= at_s:
                ready[name] = bool(entry and entry["ready"])
        names = [name for name, yes in ready.items() if yes] or ["web-a"]
        return {name: n for k, name in enumerate(names) if (n := good // len(names) + (k < good % len(names)))}

    def explained(self) -> dict[str, Any]:
        self.finish()
        found: dict[str, Any] = explain(self.probe(), self.cluster, service=self.asked)
        return found


def at(at_s: float) -> int:
    """Nanoseconds of the epoch."""
    return START_NS + int(at_s * NS)
