# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which Service a URL leads to, and whether another proxy (Ingress, Gateway, load balancer) answers in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from .timeline import ClusterView


@dataclass(frozen=True)
class Way:
    """service: None where it cannot be told. front: who answers in its place, in words; "" for kube-proxy alone.

    sure: False where the Service was only taken because the record has no other one. recorded: False where the URL
    leads into another namespace: nothing in this one is to blame. balancer: whether a cloud's load balancer sends to
    the pods, or their nodes, by the Service's address.
    """

    service: str | None
    front: str = ""
    balancer: bool = False
    sure: bool = True
    recorded: bool = True


def way_to(urls: list[str], view: ClusterView, service: str | None = None, host: str | None = None) -> Way:
    """service: as the user names it; it is behind a front where the URL does not lead to it directly.

    host: what the requests said in their Host header, where that was not the URL's.
    """
    direct, routed = [_service_at(url, view) for url in urls], [_routed(url, view, host) for url in urls]
    found = set(direct)
    if len(found) == 1 and None not in found and service in (None, *found):
        return Way(direct[0], balancer=all(_balanced(url, view) for url in urls))
    fronts = {way for way in routed if way is not None}
    if len(fronts) == 1 and None not in routed:
        name, front = fronts.pop()
        if service in (None, name):
            return Way(name, front)
    if service is not None:
        return Way(service, "another proxy, as the URL is none of the Service's own" if urls else "")
    if urls and all(_elsewhere(url, view.namespace) for url in urls):
        return Way(None, sure=False, recorded=False)
    if any(found - {None}) or len(fronts) > 1:
        return Way(None)  # several Services were probed at once
    in_use = [name for name, ends in view.endpoints.items() if any(ends.usable.values)]
    return Way(in_use[0] if len(in_use) == 1 else None, "something that was not recorded", sure=False)


def _service_at(url: str, view: ClusterView) -> str | None:
    """By node port, address or name within the recorded namespace; None when it is none or not one."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    found = {
        name
        for name, states in view.services.items()
        if any(_leads_to(name, state, host, port, view.namespace) for state in states.values)
    }
    return found.pop() if len(found) == 1 else None


def _leads_to(name: str, state: Mapping[str, Any], host: str, port: int, namespace: str) -> bool:
    labels = host.rstrip(".").split(".")
    # web, web.shop, web.shop.svc, web.shop.svc.cluster.local, and the pods of a headless one: web-0.web.shop.svc
    named = labels[:1] == [name] and (len(labels) == 1 or (labels[1] == namespace and labels[2:3] in ([], ["svc"])))
    named = named or (labels[1:4] == [name, namespace, "svc"])
    addresses = [state.get("cluster_ip"), *state.get("load_balancer", [])]
    headless = state.get("cluster_ip") == "None"
    for entry in state.get("ports", []):
        if entry.get("node_port") == port and not named and "svc" not in labels:
            return True
        if (entry.get("port") == port or (named and headless)) and (named or host in addresses):
            return True
    return False


def _balanced(url: str, view: ClusterView) -> bool:
    """Whether it is the address or name of a Service's load balancer."""
    host = urlsplit(url).hostname
    return any(host in state.get("load_balancer", []) for states in view.services.values() for state in states.values)


def _elsewhere(url: str, namespace: str) -> bool:
    """Whether a name within the cluster belongs to another namespace."""
    labels = (urlsplit(url).hostname or "").split(".")
    return "svc" in labels[2:] and namespace not in labels[: labels.index("svc", 2)]


def _routed(url: str, view: ClusterView, host: str | None) -> tuple[str, str] | None:
    """(Service, "Ingress shop") by the longest path of a matching host, as Ingress and HTTPRoute choose."""
    parts = urlsplit(url)
    if host:
        parts = parts._replace(netloc=host)
    best: tuple[tuple[int, int], str, str] | None = None
    for key, states in view.fronts.items():
        for state in states.values:
            for rule in state.get("rules", []):
                fit = _fits(rule, parts)
                if fit is not None and rule.get("service") and (best is None or fit > best[0]):
                    best = fit, str(rule["service"]), key.replace("/", " ")
    return None if best is None else best[1:]


def _fits(rule: Mapping[str, Any], parts: SplitResult) -> tuple[int, int] | None:
    """How well a rule fits: an exact host before a wildcard before any host, then the longest path."""
    host, wanted = parts.hostname or "", str(rule.get("host") or "")
    if wanted.startswith("*."):
        if not host.endswith(wanted[1:]):
            return None
    elif wanted and wanted != host:
        return None
    path, prefix = parts.path or "/", str(rule.get("path") or "/")
    exact = rule.get("exact", False)
    if path != prefix and (exact or not path.startswith(prefix if prefix.endswith("/") else prefix + "/")):
        return None
    return (0 if not wanted else 1 if wanted.startswith("*.") else 2), len(prefix)
