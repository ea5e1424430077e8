from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.module_utils.cluster.images import ImageLoadError
from ansible_collections.availability.lab.plugins.modules import cluster_images


class Nodes:
    """Stands for NodeImages: what each node has, and a node that is stopped."""

    def __init__(self) -> None:
        self.have = {"n1": {"a:1"}, "n2": {"a:1", "b:1"}}

    def __call__(self, node: str, docker: str) -> Nodes.One:
        return Nodes.One(self, node)

    class One:
        def __init__(self, nodes: Nodes, node: str) -> None:
            self.nodes, self.node = nodes, node

        def missing(self, references: list[str]) -> list[str]:
            if self.node not in self.nodes.have:
                raise ImageLoadError(f"node {self.node}: not running")
            return [reference for reference in references if reference not in self.nodes.have[self.node]]

        def load(self, references: list[str]) -> None:
            self.nodes.have[self.node].update(references)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    nodes = Nodes()
    monkeypatch.setattr(cluster_images, "NodeImages", nodes)
    return nodes


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def call(**options: Any) -> dict[str, Any]:
        with patch_module_args(options), pytest.raises(SystemExit):
            cluster_images.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_only_the_node_that_lacks_an_image_is_changed(run, nodes: Nodes) -> None:
    asked = {"images": ["a:1", "b:1"], "nodes": ["n1", "n2"]}
    assert run(**asked)["loaded"] == {"n1": ["b:1"]}
    again = run(**asked)
    assert (again["changed"], again["loaded"]) == (False, {})


def test_check_mode_predicts_and_loads_nothing(run, nodes: Nodes) -> None:
    answer = run(images=["c:1"], nodes=["n1"], _ansible_check_mode=True)
    assert (answer["changed"], answer["loaded"]) == (True, {"n1": ["c:1"]})
    assert nodes.have["n1"] == {"a:1"}


def test_a_stopped_node_fails_before_any_is_changed(run, nodes: Nodes) -> None:
    answer = run(images=["c:1"], nodes=["n1", "n3"])
    assert answer["failed"]
    assert answer["msg"] == "cluster_images: node n3: not running"
    assert nodes.have["n1"] == {"a:1"}
