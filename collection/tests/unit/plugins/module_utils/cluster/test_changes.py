# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Changes of single objects over real sockets, a drain that a budget holds up, and when objects are ready."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.api import (
    ApiRefused,
    ApiUnavailable,
    ClusterApi,
    ClusterError,
)
from ansible_collections.availability.lab.plugins.module_utils.cluster.changes import Changes
from ansible_collections.availability.lab.plugins.module_utils.cluster.drain import evict_all
from ansible_collections.availability.lab.plugins.module_utils.cluster.object_ready import troubles, why_not_ready
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.experiment.fake_cluster import FakeCluster

Json = dict[str, Any]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as fake:
        yield fake


@pytest.fixture
def changes(cluster: FakeCluster, tmp_path: Path) -> Changes:
    return Changes(ClusterApi.from_kubeconfig(cluster.kubeconfig(tmp_path)))


def test_an_object_is_applied_patched_read_and_deleted(changes: Changes) -> None:
    path = changes.path("apps/v1", "Deployment", "shop", "web")
    assert path == "/apis/apps/v1/namespaces/shop/deployments/web"
    assert changes.read(path) is None
    changes.apply(path, {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2}})
    changes.merge(path, {"spec": {"replicas": 3}})
    found = changes.read(path)
    assert found is not None
    assert found["spec"] == {"replicas": 3}
    assert changes.delete(path)
    assert not changes.delete(path)


def test_a_kind_that_the_cluster_does_not_serve_is_named(changes: Changes) -> None:
    with pytest.raises(ClusterError, match=r"no kind Rollout in apps/v1"):
        changes.path("apps/v1", "Rollout", "shop", "web")
    with pytest.raises(ClusterError, match=r"does not know argoproj\.io/v1alpha1"):
        changes.path("argoproj.io/v1alpha1", "Rollout", "shop", "web")


def test_what_is_refused_has_its_status(changes: Changes) -> None:
    with pytest.raises(ApiRefused) as raised:
        changes.merge("/apis/apps/v1/namespaces/shop/deployments/nowhere", {})
    assert raised.value.status == 404


def pod(name: str, **metadata: Any) -> Json:
    return {"metadata": {"name": name, "namespace": "shop", "uid": name, **metadata}, "status": {"phase": "Running"}}


class Node:
    """Stands for the changes of a node with these pods, on which a budget refuses the first eviction of each."""

    def __init__(self, pods: list[Json]) -> None:
        self.pods = pods
        self.api = self
        self.refused: set[str] = set()

    def get(self, _path: str, **_params: Any) -> Json:
        return {"items": list(self.pods)}

    def create(self, path: str, body: Json) -> Json:
        name = body["metadata"]["name"]
        assert path == f"/api/v1/namespaces/shop/pods/{name}/eviction"
        if name not in self.refused:
            self.refused.add(name)
            raise ApiUnavailable("429 Cannot evict pod as it would violate the pod's disruption budget", 429)
        self.pods = [one for one in self.pods if one["metadata"]["name"] != name]
        return {}


def test_a_drain_tries_again_what_a_budget_refuses_and_leaves_what_stays_on_a_node() -> None:
    daemon = pod("daemon", ownerReferences=[{"kind": "DaemonSet"}])
    static = pod("static", annotations={"kubernetes.io/config.mirror": "x"})
    node: Any = Node([pod("a"), pod("b"), daemon, static])
    evicted: list[str] = []
    evict_all(node, "n", 10, lambda _s: None, lambda name: contextlib.nullcontext(evicted.append(name)))
    assert [one["metadata"]["name"] for one in node.pods] == ["daemon", "static"]
    assert evicted == ["a", "b", "a", "b"]


def test_a_drain_that_does_not_end_names_what_is_left() -> None:
    node: Any = Node([pod("a")])
    node.create = lambda _path, _body: {}  # taken, but the pod never goes
    with pytest.raises(ClusterError, match="node n still has pods after 0 s: a"):
        evict_all(node, "n", 0, lambda _s: None, lambda _name: contextlib.nullcontext())


def deployment(generation: int = 2, **status: int) -> Json:
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": 3},
        "status": {"observedGeneration": 2, "updatedReplicas": 3, "availableReplicas": 3, "replicas": 3, **status},
    }


@pytest.mark.parametrize(
    ("kind", "found", "why"),
    [
        ("Deployment", deployment(), ""),
        ("Deployment", deployment(generation=3), "has not seen"),
        ("Deployment", deployment(updatedReplicas=2), "updatedReplicas 2"),
        ("Deployment", deployment(replicas=4), "replicas 4"),  # an old one is still there
        ("Deployment", None, "not there"),
        ("ConfigMap", {"metadata": {}}, ""),
        ("Node", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, ""),
        ("Pod", {"status": {"conditions": [{"type": "Ready", "status": "False", "message": "no"}]}}, "no"),
        ("DaemonSet", {"metadata": {}, "status": {"desiredNumberScheduled": 2, "numberAvailable": 1}}, "2 replicas"),
        (
            "StatefulSet",
            {"metadata": {}, "spec": {"replicas": 1}, "status": {"readyReplicas": 1, "replicas": 1}},
            "",
        ),
        ("StatefulSet", {"metadata": {}, "spec": {"replicas": 1}, "status": {"replicas": 1}}, "readyReplicas 0"),
    ],
)  # fmt: skip
def test_when_an_object_is_ready(kind: str, found: Json | None, why: str) -> None:
    said = why_not_ready(kind, found)
    assert (why in said) if why else said == ""


def test_pods_say_why_once() -> None:
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
    stuck = {"status": {"containerStatuses": [waiting], "conditions": [{"status": "False", "message": "not ready"}]}}
    assert troubles([stuck, stuck]) == ["ErrImagePull: no such image", "not ready"]
