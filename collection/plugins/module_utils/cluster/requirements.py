# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a scenario needs of a cluster, asked before anything is changed: rights, nodes, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from .api import ClusterError, load_configuration

REQUEST_TIMEOUT_S = 10
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
#: What the role workload and a scenario's steps do in a namespace: (verb, API group, resource).
NEEDED_RIGHTS = (
    ("create", "apps", "deployments"),
    ("patch", "apps", "deployments"),
    ("delete", "apps", "deployments"),
    ("create", "", "services"),
    ("list", "", "pods"),
    ("delete", "", "pods"),
)


class ClusterLook:
    """Questions to one cluster over the kubeconfig's context. Raises ClusterError when it cannot be reached."""

    def __init__(self, kubeconfig: str, context: str | None) -> None:
        configuration = load_configuration(kubeconfig, context)
        self._host = configuration.host
        self._api = client.ApiClient(configuration)

    def nodes(self) -> list[dict[str, Any]] | None:
        """name, address and ready of each node, control planes first; None where the user may not list them."""
        try:
            listed = self._call(client.CoreV1Api(self._api).list_node).items
        except ApiException as error:
            if error.status == 403:
                return None
            raise
        rows = [
            {
                "name": node.metadata.name,
                "address": next((a.address for a in node.status.addresses or () if a.type == "InternalIP"), ""),
                "ready": any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or ()),
                "control_plane": CONTROL_PLANE in (node.metadata.labels or {}),
            }
            for node in listed
        ]
        return sorted(rows, key=lambda row: (not row["control_plane"], row["name"]))

    def namespace_exists(self, name: str) -> bool:
        """Whether a namespace is there. Who may not look is believed to have been given one."""
        try:
            self._call(client.CoreV1Api(self._api).read_namespace, name)
        except ApiException as error:
            if error.status in (403, 404):
                return bool(error.status == 403)
            raise
        return True

    def may(self, verb: str, group: str, resource: str, namespace: str = "") -> bool:
        """As `kubectl auth can-i`."""
        asked = client.V1ResourceAttributes(verb=verb, group=group, resource=resource, namespace=namespace)
        review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=asked))
        answer = self._call(client.AuthorizationV1Api(self._api).create_self_subject_access_review, review)
        return bool(answer.status.allowed)

    def why_no_front(self, front: str) -> str:
        """What keeps the Service of a proxy (namespace/service) from being asked at the nodes; "" where it can be."""
        namespace, _slash, name = front.partition("/")
        try:
            service = self._call(client.CoreV1Api(self._api).read_namespaced_service, name, namespace)
        except ApiException as error:
            if error.status == 404:
                return "there is no such Service"
            raise
        return "" if any(port.node_port for port in service.spec.ports or ()) else "it has no port at the nodes"

    def has_metrics(self) -> bool:
        """Whether metrics-server, or what stands in for it, serves figures of pods, as an autoscaler needs them."""
        try:
            served = self._call(client.ApisApi(self._api).get_api_versions).groups
        except ApiException:
            return False
        return any(group.name == "metrics.k8s.io" for group in served)

    def _call(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments, _request_timeout=REQUEST_TIMEOUT_S)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(f"the cluster at {self._host} does not answer: {error}") from error


def problems(
    look: ClusterLook, namespaces: Sequence[str], nodes: int, metrics: bool, fronts: Sequence[str] = ()
) -> tuple[list[str], list[Any]]:
    """What is missing, one line each, and the nodes. Raises ClusterError, ApiException."""
    missing = []
    found = look.nodes()
    ready = [node for node in found or () if node["ready"]]
    if found is not None and len(ready) < nodes:
        missing.append(
            f"nodes: expected {nodes} that are ready, found {len(ready)} (a lab gets them with minikube_nodes)"
        )
    if found is None and nodes > 1:
        missing.append(f"nodes: expected {nodes}, but the user may not list nodes")
    if metrics and not look.has_metrics():
        missing.append(
            "metrics: the cluster serves no figures of pods (metrics.k8s.io), which an autoscaler needs; "
            "install metrics-server"
        )
    missing += [
        f"front: {front} cannot be asked: {reason}; the lab's own comes with ansible-playbook playbooks/front.yml"
        for front in fronts
        if (reason := look.why_no_front(front))
    ]
    for namespace in namespaces:
        if not look.namespace_exists(namespace) and not look.may("create", "", "namespaces"):
            missing.append(f"namespaces: {namespace} does not exist, and the user may not create namespaces")
            continue
        denied = [
            f"{verb} {resource}{'.' + group if group else ''}"
            for verb, group, resource in NEEDED_RIGHTS
            if not look.may(verb, group, resource, namespace)
        ]
        if denied:
            missing.append(f"namespaces: in {namespace} the user may not {', '.join(denied)}")
    return missing, found or []
