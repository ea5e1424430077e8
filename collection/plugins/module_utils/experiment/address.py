# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where the service is asked: a node's own address and the NodePort, or the load balancer's, never a port-forward."""

from __future__ import annotations

from typing import Any

from .stage import Stage, StepError

BALANCER_S = 60


def find_address(stage: Stage, service: str, address_from: str) -> str:
    """http://host:port of a Service. Raises StepError when it cannot be asked from outside, Interrupted."""
    path = f"/api/v1/namespaces/{stage.namespace}/services/{service}"
    found = stage.changes.read(path)
    if found is None:
        raise StepError(f"scenario_service: there is no Service {service} in namespace {stage.namespace}")
    port = found["spec"]["ports"][0]
    if address_from == "node":
        if "nodePort" not in port:
            raise StepError(
                f"scenario_service: expected a Service of type LoadBalancer or NodePort, {service} in namespace "
                f"{stage.namespace} has no port at the nodes"
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
