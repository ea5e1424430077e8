# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where the service is asked: a node's own address and the NodePort, its own or that of the proxy in front, or the load
balancer's, never a port-forward."""

from __future__ import annotations

from typing import Any

from ..cluster.record import Front
from .stage import Stage, StepError

BALANCER_S = 60


def find_address(stage: Stage, service: str, address_from: str, front: Front | None = None) -> str:
    """http://host:port of a Service, or of the one in front of it where address_from is ingress.

    Raises StepError when it cannot be asked from outside, Interrupted.
    """
    option, namespace = "scenario_service", stage.namespace
    if address_from == "ingress" and front is not None:
        option, namespace, service = "scenario_front", front.namespace, front.service
    path = f"/api/v1/namespaces/{namespace}/services/{service}"
    found = stage.changes.read(path)
    if found is None:
        raise StepError(f"{option}: there is no Service {service} in namespace {namespace}")
    port = found["spec"]["ports"][0]
    if address_from != "loadbalancer":
        if "nodePort" not in port:
            raise StepError(
                f"{option}: expected a Service of type LoadBalancer or NodePort, {service} in namespace {namespace} "
                f"has no port at the nodes"
            )
        return f"http://{_node_address(stage)}:{port['nodePort']}"
    stage.wait_until(
        f"Service {service}",
        lambda: "" if _ingress(stage.changes.read(path)) else "its load balancer has no address",
        BALANCER_S,
    )
    first = _ingress(stage.changes.read(path))[0]
    return f"http://{first.get('ip') or first['hostname']}:{port['port']}"


def _ingress(found: dict[str, Any] | None) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (((found or {}).get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return listed


def _node_address(stage: Stage) -> str:
    """A control plane's, as a scenario may stop or drain the others."""
    nodes = stage.changes.api.get("/api/v1/nodes")["items"]
    nodes.sort(key=lambda node: "node-role.kubernetes.io/control-plane" not in node["metadata"].get("labels", {}))
    for node in nodes:
        for address in node["status"].get("addresses", []):
            if address["type"] == "InternalIP":
                return str(address["address"])
    raise StepError("scenario_address_from: no node of the cluster has an address")
