# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a page shows of a cluster record: pods as lanes, endpoints, replicas and CPU as lines, changes as marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...cluster.notable import Notable, place_of, ready_count
from ...cluster.record import ClusterRecord, ObjectChange

Json = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet")


def cluster_view(record: ClusterRecord) -> Json:
    """Return {pods, endpoints, replicas, cpu, gaps} of one record, times in ns of the Unix epoch.

    pods: [{name, owner, version, node, spans: [{from, to, state}]}], state is waiting, ready, not ready, terminating
    or ended; those of one owner ("ReplicaSet web-6d55d8"; "" for a bare pod) stand together.
    endpoints: {service: [[ns, ready endpoints]]}. replicas: {workload: [[ns, wanted, ready]]}.
    cpu: {pod: [[ns, millicores]]}. gaps: [{from, to, kind}], when the recorder did not hear the cluster.
    """
    return {
        "pods": _pods(record),
        "endpoints": _endpoints(record),
        "replicas": _replicas(record),
        "cpu": _cpu(record),
        "gaps": [{"from": gap.from_ns, "to": gap.to_ns, "kind": gap.kind} for gap in record.gaps],
    }


def most_replicas(view: Mapping[str, Any], from_ns: int, to_ns: int) -> int:
    """The most ready replicas that one Deployment or StatefulSet had at any time between the two."""
    most = 0
    for points in view["replicas"].values():
        over = [point[0] for point in points[1:]] + [to_ns + 1]  # a count holds until the next one
        counts = [ready for (at, _wanted, ready), end in zip(points, over) if at <= to_ns and end > from_ns]
        most = max(most, *counts, 0)
    return most


def joined_views(views: Sequence[Json]) -> Json:
    """One view of several records that follow each other: a pod in two of them is one lane."""
    pods: dict[str, Json] = {}
    whole: Json = {"endpoints": {}, "replicas": {}, "cpu": {}, "gaps": [gap for view in views for gap in view["gaps"]]}
    for view in views:
        for pod in view["pods"]:
            lane = pods.setdefault(pod["name"], {**pod, "spans": []})
            lane["spans"] += pod["spans"]
        for lines in ("endpoints", "replicas", "cpu"):
            for name, points in view[lines].items():
                whole[lines].setdefault(name, []).extend(points)
    return {"pods": _by_owner(list(pods.values())), **whole}


def cluster_marks(record: ClusterRecord) -> list[Json]:
    """Return the changes worth a mark, {at_unix_ns, source: cluster, name}, in order of time."""
    notable = Notable(str(record.header.get("namespace") or ""), record.front)
    return [
        {"at_unix_ns": change.t_ns, "source": "cluster", "name": name}
        for change in sorted(record.changes, key=lambda one: one.t_ns)
        for name in notable.words(change)
    ]


def _place(record: ClusterRecord, change: ObjectChange) -> str:
    return place_of(change, str(record.header.get("namespace") or ""), record.front)


def _pods(record: ClusterRecord) -> list[Json]:
    lanes: dict[str, Json] = {}
    for change in record.of_kind("Pod"):
        place = _place(record, change)
        empty = {"name": place + change.name, "owner": "", "version": "", "node": "", "spans": []}
        lane = lanes.setdefault(change.uid, empty)
        if change.spec:
            lane["version"] = _pod_version(change.spec)
            kind, _unused, owner = str(change.spec.get("owner") or "").partition("/")
            lane["owner"] = f"{kind} {place}{owner}" if owner else ""
        lane["node"] = change.state.get("node") or lane["node"]
        _close(lane["spans"], change.t_ns)
        if change.event != "deleted":
            lane["spans"].append({"from": change.t_ns, "to": None, "state": _pod_state(change.state)})
    for lane in lanes.values():
        _close(lane["spans"], record.ended_ns)
        lane["spans"] = _joined(lane["spans"])
    in_time = sorted((lane for lane in lanes.values() if lane["spans"]), key=lambda lane: lane["spans"][0]["from"])
    return _by_owner(in_time)


def _by_owner(lanes: Sequence[Json]) -> list[Json]:
    """The owner that came first with all its pods, then the next one; bare pods as if they had one owner."""
    owners: dict[str, list[Json]] = {}
    for lane in lanes:
        owners.setdefault(lane["owner"], []).append(lane)
    return [lane for group in owners.values() for lane in group]


def _close(spans: list[Json], at_ns: int) -> None:
    if spans and spans[-1]["to"] is None:
        spans[-1]["to"] = max(at_ns, spans[-1]["from"])


def _joined(spans: Sequence[Json]) -> list[Json]:
    joined: list[Json] = []
    for span in spans:
        if joined and joined[-1]["state"] == span["state"] and joined[-1]["to"] == span["from"]:
            joined[-1]["to"] = span["to"]
        else:
            joined.append(dict(span))
    return joined


def _pod_state(state: Mapping[str, Any]) -> str:
    if state.get("phase") in ("Succeeded", "Failed"):
        return "ended"
    if state.get("deletion_timestamp"):
        return "terminating"
    if state.get("ready"):
        return "ready"
    running = any(container.get("state") == "running" for container in state.get("containers", []))
    return "not ready" if running else "waiting"


def _pod_version(spec: Mapping[str, Any]) -> str:
    labels = spec.get("labels") or {}
    for name in ("app.kubernetes.io/version", "version", "tag"):
        if labels.get(name):
            return str(labels[name])
    images = [str(container.get("image") or "") for container in spec.get("containers", [])]
    tag = images[0].partition("@")[0].rpartition(":")[2] if len(images) == 1 else ""
    return "" if "/" in tag else tag


def _endpoints(record: ClusterRecord) -> dict[str, list[list[int]]]:
    slices: dict[str, dict[str, int]] = {}
    lines: dict[str, list[list[int]]] = {}
    for change in record.of_kind("EndpointSlice"):
        service = _place(record, change) + str(change.state.get("service") or change.name)
        members = slices.setdefault(service, {})
        members[change.uid] = 0 if change.event == "deleted" else ready_count(change.state)
        lines.setdefault(service, []).append([change.t_ns, sum(members.values())])
    return lines


def _replicas(record: ClusterRecord) -> dict[str, list[list[int]]]:
    lines: dict[str, list[list[int]]] = {}
    for kind in WORKLOADS:
        for change in record.of_kind(kind):
            if _place(record, change):
                continue  # no copies of the service
            gone = change.event == "deleted"
            wanted = 0 if gone else int(change.state.get("replicas") or 0)
            ready = 0 if gone else int(change.state.get("ready") or 0)
            lines.setdefault(change.name, []).append([change.t_ns, wanted, ready])
    return lines


def _cpu(record: ClusterRecord) -> dict[str, list[list[float]]]:
    lines: dict[str, list[list[float]]] = {}
    for usage in record.usage:
        for pod, containers in usage.pods.items():
            lines.setdefault(pod, []).append([usage.t_ns, round(sum(c["cpu_m"] for c in containers.values()), 3)])
    return lines
