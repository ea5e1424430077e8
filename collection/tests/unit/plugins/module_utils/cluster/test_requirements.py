# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a scenario needs of a cluster is told all at once, each by the name of its option."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.api import ClusterError
from ansible_collections.availability.lab.plugins.module_utils.cluster.requirements import ClusterLook, problems


class Look:
    """A cluster as its user sees it."""

    def __init__(self, nodes: int | None = 2, existing: tuple[str, ...] = (), denied: tuple[str, ...] = ()) -> None:
        self._nodes, self._existing, self._denied = nodes, existing, denied
        self.metrics = True

    def nodes(self) -> list[dict[str, Any]] | None:
        if self._nodes is None:
            return None
        return [{"name": f"n{number}", "ready": number < 2} for number in range(self._nodes)]

    def namespace_exists(self, name: str) -> bool:
        return name in self._existing

    def may(self, verb: str, group: str, resource: str, namespace: str = "") -> bool:
        return f"{verb} {resource}" not in self._denied

    def has_metrics(self) -> bool:
        return self.metrics

    def why_no_front(self, front: str) -> str:
        return "" if front == "projectcontour/envoy" else "there is no such Service"


def said(look: Look, namespaces: tuple[str, ...] = (), nodes: int = 1, metrics: bool = False) -> list[str]:
    return problems(look, namespaces, nodes, metrics)[0]  # type: ignore[arg-type]


def test_a_cluster_that_has_everything_has_no_problems() -> None:
    missing, nodes = problems(Look(existing=("shop",)), ["shop", "other"], 2, True)  # type: ignore[arg-type]
    assert missing == []
    assert [node["name"] for node in nodes] == ["n0", "n1"]


def test_nodes_count_when_they_are_ready() -> None:
    assert said(Look(nodes=3), nodes=3) == [
        "nodes: expected 3 that are ready, found 2 (a lab gets them with minikube_nodes)"
    ]
    assert said(Look(nodes=None), nodes=2) == ["nodes: expected 2, but the user may not list nodes"]
    assert said(Look(nodes=None), nodes=1) == []


def test_a_front_that_is_not_there_is_told_with_the_way_to_one() -> None:
    fronts = ["projectcontour/envoy", "nginx/controller"]
    (line,) = problems(Look(), (), 1, False, fronts)[0]  # type: ignore[arg-type]
    for word in ("front: nginx/controller", "no such Service", "playbooks/front.yml"):
        assert word in line


def test_an_autoscaler_needs_metrics() -> None:
    look = Look()
    look.metrics = False
    assert said(look) == []
    (line,) = said(look, metrics=True)
    assert line.startswith("metrics: ")
    assert "metrics-server" in line


def test_missing_rights_are_named_with_their_namespace() -> None:
    look = Look(existing=("shop",), denied=("delete pods", "patch deployments"))
    assert said(look, ("shop",)) == ["namespaces: in shop the user may not patch deployments.apps, delete pods"]
    assert said(Look(denied=("create namespaces",)), ("shop",)) == [
        "namespaces: shop does not exist, and the user may not create namespaces"
    ]


def test_everything_that_is_missing_is_told_at_once() -> None:
    assert len(said(Look(nodes=1, denied=("create namespaces",)), ("a", "b"), nodes=2)) == 3


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Any) -> None:
    with pytest.raises(ClusterError, match=r"kubeconfig .*missing"):
        ClusterLook(str(tmp_path / "missing"), None)
