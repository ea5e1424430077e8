# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The decision what a cluster needs, against a program that answers as minikube does."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.minikube import (
    ClusterSpec,
    Minikube,
    MinikubeError,
    NameTakenError,
    NeedsNewClusterError,
    parse_status,
)

SPEC = ClusterSpec(nodes=1, kubernetes_version="v1.33.1")
RUNNING = {"Name": "lab", "Host": "Running", "Kubelet": "Running", "APIServer": "Running", "Worker": False}
WORKER = {"Name": "lab-m02", "Host": "Running", "Kubelet": "Running", "APIServer": "Irrelevant", "Worker": True}


class Engine:
    """A docker that lists what the test wants (a line a container: "name label") and notes what it was to remove."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "engine"
        self.folder.mkdir()
        self.removed = self.folder / "removed"
        self.removed.touch()
        self.holds()
        program = self.folder / "docker"
        program.write_text(
            f"""#!/bin/sh
cd {self.folder}
case "$1 $2 $*" in
"ps --all "*) cat containers ;;
"volume ls "*) cat volumes ;;
rm*|*" rm "*) echo "$*" >>removed ;;
esac
true
"""
        )
        program.chmod(0o755)

    def holds(self, *containers: str, volumes: Sequence[str] = ()) -> None:
        (self.folder / "containers").write_text("".join(f"{line}\n" for line in containers))
        (self.folder / "volumes").write_text("".join(f"{line}\n" for line in volumes))


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
        self.engine = Engine(folder)
        (folder / "start").write_text("true\n")
        self.start_script = folder / "start"
        self.says("no such profile")

    def says(self, status: object) -> None:
        self.answer.write_text(status if isinstance(status, str) else json.dumps(status))

    def remembers(self, spec: ClusterSpec, **more: object) -> None:
        (self.home / "lab-spec.json").write_text(json.dumps({**asdict(spec), **more}))

    def verbs(self) -> list[str]:
        return [line.split()[2] for line in self.calls.read_text().splitlines()]

    def minikube(self, timeout_s: int = 20) -> Minikube:
        return Minikube(str(self.program), "lab", str(self.home), str(self.home / "kubeconfig"), timeout_s)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn(tmp_path)
    monkeypatch.setenv("PATH", str(made.engine.folder), prepend=os.pathsep)
    return made


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
    assert stand_in.minikube().plan(SPEC).action == "nothing"
    assert stand_in.verbs() == ["status"]


def test_a_stopped_cluster_is_started(stand_in: StandIn) -> None:
    stand_in.says({**RUNNING, "Host": "Stopped"})
    stand_in.remembers(SPEC)
    assert stand_in.minikube().plan(SPEC).action == "start"


@pytest.mark.parametrize("change", [{"nodes": 2}, {"fingerprint": "new"}])
def test_another_specification_takes_another_cluster_and_that_must_be_asked_for(
    stand_in: StandIn, change: dict[str, Any]
) -> None:
    stand_in.says(RUNNING)
    stand_in.remembers(SPEC, finished=True)
    (name,) = change
    with pytest.raises(
        NeedsNewClusterError, match=f"lab was made from another wish .{name}: .*, wanted {change[name]}"
    ):
        stand_in.minikube().plan(replace(SPEC, **change))
    assert stand_in.minikube().plan(replace(SPEC, **change), recreate=True).action == "recreate"
    assert set(stand_in.verbs()) == {"status"}


def test_what_has_never_come_up_and_what_is_gone_may_be_made_anew(stand_in: StandIn) -> None:
    stand_in.says(RUNNING)
    stand_in.remembers(SPEC, finished=False)
    assert stand_in.minikube().plan(replace(SPEC, nodes=2)).action == "recreate"
    stand_in.says("no such profile")
    stand_in.remembers(SPEC, finished=True)
    profile = stand_in.home / ".minikube/profiles/lab"
    profile.mkdir(parents=True)
    (profile / "config.json").write_text("{}")
    assert stand_in.minikube().plan(replace(SPEC, nodes=2)).action == "recreate"


def test_a_cluster_that_is_not_there_is_created(stand_in: StandIn) -> None:
    assert stand_in.minikube().plan(SPEC).action == "create"


@pytest.mark.parametrize("name", ["lab", "lab-m02"])
def test_a_name_that_another_took_is_refused(stand_in: StandIn, name: str) -> None:
    stand_in.engine.holds(f"{name} lab")
    with pytest.raises(NameTakenError, match=rf"profile: .*\({name}\), and .*home did not make them"):
        stand_in.minikube().plan(SPEC)
    assert stand_in.verbs() == ["status"]


def test_a_volume_that_a_removed_node_left_is_refused(stand_in: StandIn) -> None:
    stand_in.engine.holds(volumes=["lab lab", "other "])
    with pytest.raises(NameTakenError, match=r"containers or volumes of that name \(lab\)"):
        stand_in.minikube().plan(SPEC)


def test_what_only_looks_like_a_node_does_not_matter(stand_in: StandIn) -> None:
    stand_in.engine.holds("lab-registry other", "mylab mylab", "lab-m02x other")
    assert stand_in.minikube().plan(SPEC).action == "create"


def test_a_cluster_whose_state_is_there_is_the_labs_own(stand_in: StandIn) -> None:
    stand_in.engine.holds("lab lab")
    stand_in.remembers(SPEC, finished=True)
    assert stand_in.minikube().plan(SPEC).action == "recreate"


def test_without_minikube_the_engine_is_asked_to_remove_it(stand_in: StandIn) -> None:
    stand_in.program.unlink()
    stand_in.engine.holds(
        "lab lab", "lab-m02 lab-m02", "lab-m03 ", "lab2 lab2", "minikube minikube", volumes=["lab-m02 lab-m02", "lab3 "]
    )
    stand_in.remembers(SPEC)
    minikube = stand_in.minikube()
    minikube.delete()
    assert stand_in.engine.removed.read_text() == "rm --force --volumes lab lab-m02\nvolume rm lab-m02\n"
    assert not minikube.known()


def test_a_first_start_that_fails_is_tried_once_from_nothing(stand_in: StandIn) -> None:
    stand_in.start_script.write_text("echo it broke; exit 3\n")
    minikube = stand_in.minikube()
    with pytest.raises(MinikubeError, match="start ended with 3: it broke"):
        minikube.carry_out(minikube.plan(SPEC), SPEC)
    assert stand_in.verbs() == ["status", "start", "delete", "start"]
    assert minikube.made_from()["finished"] is False


def test_a_cluster_that_does_not_come_up_again_is_kept_unless_asked(stand_in: StandIn) -> None:
    stand_in.says({**RUNNING, "Host": "Stopped"})
    stand_in.remembers(SPEC, finished=True)
    stand_in.start_script.write_text("echo it broke; exit 3\n")
    minikube = stand_in.minikube()
    with pytest.raises(NeedsNewClusterError, match="lab does not come up again: minikube start ended with 3: it broke"):
        minikube.carry_out(minikube.plan(SPEC), SPEC)
    assert stand_in.verbs() == ["status", "start"]
    with pytest.raises(MinikubeError, match="start ended with 3: it broke"):
        minikube.carry_out(minikube.plan(SPEC, recreate=True), SPEC)
    assert stand_in.verbs()[2:] == ["status", "start", "delete", "start"]


def test_a_cluster_that_came_up_is_remembered_as_finished(stand_in: StandIn) -> None:
    minikube = stand_in.minikube()
    plan = minikube.plan(SPEC)
    stand_in.says(RUNNING)
    assert [node.name for node in minikube.carry_out(plan, SPEC)] == ["lab"]
    assert minikube.made_from() == {**json.loads(json.dumps(asdict(SPEC))), "finished": True}


def test_a_stuck_start_is_ended(stand_in: StandIn) -> None:
    stand_in.start_script.write_text("sleep 60\n")
    with pytest.raises(MinikubeError, match="not done after 1 s"):
        stand_in.minikube(timeout_s=1).start(SPEC, disposable=False)
