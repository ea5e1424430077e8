# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Service that keeps outside traffic on the node that was asked, and a node that has no pod of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .endpoint_rules import NO_WAY_OUTCOMES
from .failure import Failure
from .finding import NS_PER_S, PROXY_LAG_NS, WATCH_LAG_NS, Change, Evidence, Finding, seconds
from .lives import PodLife, Steps
from .node_rules import SILENT_NS
from .scene import Scene, mostly_within, onset_within

# kube-proxy drops what is sent there; by IPVS there is nobody to accept it.
NOT_CONNECTED = NO_WAY_OUTCOMES | {"refused"}


def no_local_endpoint(failure: Failure, scene: Scene) -> Finding | None:
    """externalTrafficPolicy Local: a node sends outside traffic to its own pods only, and the one asked had none.

    Only where the address tells the node: a balancer's own chooses one that nobody recorded.
    """
    steps = scene.view.services.get(scene.service or "")
    node = scene.view.node_at.get(urlsplit(failure.target).hostname or "")
    if steps is None or node is None or not failure.only(NOT_CONNECTED) or scene.emptied(failure) is not None:
        return None
    if _silent(failure, scene.view.nodes[node]) or not _all_placed(scene):
        return None
    for start, end in _lacking(failure.target, steps, [pod for pod in scene.pods if pod.node == node]):
        until = None if end is None else end + PROXY_LAG_NS
        mostly = mostly_within(failure, start, until)
        if not (mostly or onset_within(failure, start, until)) or _got_through(failure, start, end):
            continue
        others = sorted(pod.name for pod in scene.pods if pod.node != node and pod.routed(failure.first_bad_ns))
        if not others:
            continue  # nobody to send to anyway
        lasted = "to the end of the record" if end is None else f"for {seconds(end - start)}"
        without = f"node {node}, which was asked, had no endpoint of it {lasted}"
        evidence = (
            Evidence(start, f"Service {scene.service} had externalTrafficPolicy Local{_changed(steps, start)}"),
            Evidence(start, f"{without}; its endpoints then: {', '.join(others)}"),
        )
        sure = mostly and failure.requests_lost > 1 and failure.last_bad_ns - failure.first_bad_ns >= NS_PER_S
        change = Change(_advice(steps.at(start) or {}, node), f"Service/{scene.service}")
        return Finding("no_local_endpoint", "high" if sure else "medium", start, node, evidence, change)
    return None


def _silent(failure: Failure, ready: Steps[str]) -> bool:
    """Whether the node itself stopped to answer, as may be told a minute later."""
    first, last = failure.first_bad_ns, max(failure.last_bad_ns, failure.first_bad_ns + SILENT_NS)
    spans = ready.spans()
    return any(value != "True" and start <= last and (end is None or end >= first) for start, end, value in spans)


def _all_placed(scene: Scene) -> bool:
    """Whether the node of each endpoint is known: not of an address that somebody wrote down."""
    ends = scene.view.endpoints.get(scene.service or "")
    known = scene.view.pods
    return ends is not None and all(key in known and known[key].node for key in ends.of)


def _lacking(url: str, service: Steps[Mapping[str, Any]], local: list[PodLife]) -> list[tuple[int, int | None]]:
    """Spans in which the Service kept the traffic to this URL on its node, which had no usable endpoint."""
    moves: dict[int, int] = dict.fromkeys(service.times, 0)
    for pod in local:
        for start, end, value in pod.endpoint.spans():
            if value != "no":
                moves[start] = moves.get(start, 0) + 1
                if end is not None:
                    moves[end] = moves.get(end, 0) - 1
    usable, lacks = 0, Steps[bool]()
    for t_ns in sorted(moves):
        usable += moves[t_ns]
        lacks.set(t_ns, usable == 0 and _keeps(url, service.at(t_ns) or {}))
    return [(start, end) for start, end, value in lacks.spans() if value]


def _keeps(url: str, state: Mapping[str, Any]) -> bool:
    """Whether what is sent to this address stays on its node."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    balanced = parts.hostname in state.get("load_balancer", [])  # some balancers have the nodes' own addresses
    asked = any(port in (one.get("node_port"), one.get("port") if balanced else None) for one in state.get("ports", []))
    return asked and not state.get("deleted") and state.get("external_traffic_policy") == "Local"


def _got_through(failure: Failure, start_ns: int, end_ns: int | None) -> bool:
    """Whether a request was answered while none could be."""
    again, before = failure.good_again_ns, failure.last_good_ns
    if again is not None and (end_ns is None or again + WATCH_LAG_NS < end_ns):
        return True
    return before is not None and before > start_ns + PROXY_LAG_NS


def _changed(steps: Steps[Mapping[str, Any]], start_ns: int) -> str:
    before = steps.at(start_ns - 1)
    if before is None or before.get("external_traffic_policy") == "Local":
        return ""
    return f", until then {before.get('external_traffic_policy') or 'not recorded'}"


def _advice(state: Mapping[str, Any], node: str) -> str:
    check = state.get("health_check_node_port")
    asks = f", or a balancer that asks each node's port {check} (healthCheckNodePort)" if check else ""
    return (
        f"a pod on each node that is asked (a DaemonSet, or topologySpreadConstraints; here {node}){asks}, or "
        "externalTrafficPolicy Cluster, which costs the client's own address and a hop between nodes"
    )
