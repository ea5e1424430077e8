# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The decision what a cluster needs, against a program that answers as minikube does."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.minikube import (
    ClusterSpec,
    Minikube,
    MinikubeError,
    parse_status,
)

SPEC = ClusterSpec(nodes=1, kubernetes_version="v1.33.1")
RUNNING = {"Name": "lab", "Host": "Running", "Kubelet": "Running", "APIServer": "Running", "Worker": False}
WORKER = {"Name": "lab-m02", "Host": "Running", "Kubelet": "Running", "APIServer": "Irrelevant", "Worker": True}


class StandIn:
    """A minikube that says what the test wants, and notes how it was called."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.answer = folder / "answer"
        self.calls = folder / "calls"
        self.program = folder / "minikube"
        self.program.write_text(
            f'#!/bin/sh\necho "$*" >>{self.calls}\n'
            f'case "$*" in *" status "*) cat {self.answer} ;; *" start "*) . {folder}/start ;; esac\n'
        )
        self.program.chmod(0o755)
        (folder / "start").write_text("true\n")
        self.start_script = folder / "start"
        self.says("no such profile")

    def says(self, status: object) -> None:
        self.answer.write_text(status if isinstance(status, str) else json.dumps(status))

    def remembers(self, spec: ClusterSpec) -> None:
        (self.home / "lab-spec.json").write_text(json.dumps(asdict(spec)))

    def minikube(self, timeout_s: int = 20) -> Minikube:
        return Minikube(str(self.program), "lab", str(self.home), str(self.home / "kubeconfig"), timeout_s)


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path)


def test_status_of_one_node_of_several_and_of_none() -> None:
    assert [node.healthy for node in parse_status(json.dumps(RUNNING))] == [True]
    assert [node.name for node in parse_status(json.dumps([RUNNING, WORKER]))] == ["lab", "lab-m02"]
    assert parse_status("* Profile not found") == []
    assert parse_status(json.dumps({"Name": "lab", "Host": "Nonexistent"})) == []


@pytest.mark.parametrize("broken", [{"Host": "Stopped"}, {"Kubelet": "Stopped"}, {"APIServer": "Error"}])
def test_a_node_is_healthy_when_all_of_it_runs(broken: dict[str, str]) -> None:
    (node,) = parse_status(json.dumps({**RUNNING, **broken}))
    assert not node.healthy


def test_nothing_to_do_for_what_is_there(stand_in: StandIn) -> None:
    stand_in.says(RUNNING)
    stand_in.remembers(SPEC)
    assert stand_in.minikube().plan(SPEC) == "nothing"


def test_a_stopped_cluster_is_started(stand_in: StandIn) -> None:
    stand_in.says({**RUNNING, "Host": "Stopped"})
    stand_in.remembers(SPEC)
    assert stand_in.minikube().plan(SPEC) == "start"


def test_another_specification_makes_another_cluster(stand_in: StandIn) -> None:
    stand_in.says(RUNNING)
    stand_in.remembers(SPEC)
    assert stand_in.minikube().plan(replace(SPEC, nodes=2)) == "recreate"
    assert stand_in.minikube().plan(replace(SPEC, fingerprint="new")) == "recreate"


def test_a_cluster_that_is_not_there_is_created(stand_in: StandIn) -> None:
    assert stand_in.minikube().plan(SPEC) == "create"


def test_a_start_that_fails_is_tried_once_from_nothing(stand_in: StandIn) -> None:
    stand_in.says(RUNNING)
    stand_in.start_script.write_text("echo it broke; exit 3\n")
    with pytest.raises(MinikubeError, match="start ended with 3: it broke"):
        stand_in.minikube().start(SPEC)
    verbs = [line.split()[2] for line in stand_in.calls.read_text().splitlines()]
    assert verbs == ["start", "delete", "start"]


def test_a_stuck_start_is_ended(stand_in: StandIn) -> None:
    stand_in.start_script.write_text("sleep 60\n")
    with pytest.raises(MinikubeError, match="not done after 1 s"):
        stand_in.minikube(timeout_s=1).start(SPEC)
