# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""When a cluster can be worked with, told from its objects; and how it is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.kubectl import Kubectl, KubectlError
from ansible_collections.availability.lab.plugins.module_utils.cluster.readiness import (
    NotReadyError,
    lacking,
    wait_until_ready,
)


def node(ready: str = "True") -> dict[str, Any]:
    return {
        "kind": "Node",
        "metadata": {"name": "lab"},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def deployment(available: str = "True", generation: int = 2, observed: int = 2) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"namespace": "kube-system", "name": "coredns", "generation": generation},
        "status": {"observedGeneration": observed, "conditions": [{"type": "Available", "status": available}]},
    }


def daemonset(ready: int = 2, observed: int = 2, priority: str | None = "system-node-critical") -> dict[str, Any]:
    return {
        "kind": "DaemonSet",
        "metadata": {"namespace": "kube-flannel", "name": "flannel", "generation": 2},
        "spec": {"template": {"spec": {"priorityClassName": priority} if priority else {}}},
        "status": {"observedGeneration": observed, "desiredNumberScheduled": 2, "numberReady": ready},
    }


NO_NETWORK = ["daemonset kube-flannel/flannel is not ready on every node"]
WANTED = [("kube-system", "coredns")]


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([node(), deployment()], []),
        ([deployment()], ["the cluster has no node"]),
        ([node("Unknown"), deployment()], ["node lab is not ready"]),
        ([node(), deployment("False")], ["deployment kube-system/coredns is not available"]),
        ([node(), deployment(observed=1)], ["deployment kube-system/coredns is not available"]),
        ([node()], ["deployment kube-system/coredns is not there"]),
        ([node(), deployment(), daemonset()], []),
        ([node(), deployment(), daemonset(ready=1)], NO_NETWORK),
        ([node(), deployment(), daemonset(observed=1)], NO_NETWORK),
        ([node(), deployment(), daemonset(ready=1, priority=None)], []),
    ],
)
def test_what_lacks_is_named(objects: list[dict[str, Any]], said: list[str]) -> None:
    assert lacking(objects, WANTED) == said


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    """A kubectl that runs the script `answer` beside it, which tests write."""
    program = tmp_path / "kubectl"
    program.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n. {tmp_path}/answer\n')
    program.chmod(0o755)
    return Kubectl(str(program), "/kubeconfig")


def answers(tmp_path: Path, script: str) -> None:
    (tmp_path / "answer").write_text(script)


def test_an_api_that_does_not_answer_yet_is_waited_for(kubectl: Kubectl, tmp_path: Path) -> None:
    answers(tmp_path, "echo refused >&2; exit 1\n")
    items = json.dumps({"items": [node(), deployment()]})
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        answers(tmp_path, f"echo '{items}'\n")

    wait_until_ready(kubectl, WANTED, 10, pause)
    assert waits == [1.0]
    answers(tmp_path, "echo refused >&2; exit 1\n")
    with pytest.raises(NotReadyError, match="not ready after 0 s: kubectl get ended with 1: refused"):
        wait_until_ready(kubectl, WANTED, 0)


def test_apply_tells_what_changed_and_check_mode_only_asks(kubectl: Kubectl, tmp_path: Path) -> None:
    told = f"cat >{tmp_path}/given; echo namespace/a unchanged; echo pod/b created"
    answers(tmp_path, f'case "$*" in *diff*) exit 1 ;; *) {told} ;; esac\n')
    assert kubectl.apply("kind: Pod", check_mode=False) == ["pod/b created"]
    assert (tmp_path / "given").read_text() == "kind: Pod"
    kubectl.apply("kind: Pod", check_mode=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[2:] for call in calls] == [
        ["diff", "--filename=-"],
        ["apply", "--filename=-"],
        ["diff", "--filename=-"],
        ["apply", "--filename=-", "--dry-run=server"],
    ]
    assert all("--kubeconfig=/kubeconfig" in call for call in calls)


def test_what_does_not_differ_is_not_applied(kubectl: Kubectl, tmp_path: Path) -> None:
    answers(tmp_path, "true\n")
    assert kubectl.apply("kind: Pod", check_mode=False) == []
    assert "apply" not in (tmp_path / "calls").read_text()


def test_an_object_of_a_namespace_that_is_only_predicted_would_be_made(kubectl: Kubectl, tmp_path: Path) -> None:
    answers(tmp_path, "echo 'namespaces \"a\" not found' >&2; exit 1\n")
    assert kubectl.apply("kind: Pod", check_mode=True) == ['namespaces "a" not found']
    with pytest.raises(KubectlError, match="kubectl apply ended with 1: namespaces"):
        kubectl.apply("kind: Pod", check_mode=False)
    with pytest.raises(KubectlError, match="cannot run /nowhere"):
        Kubectl("/nowhere/kubectl", "").get("nodes")
