# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The tunnel's program of the role minikube, run as a program with a stand-in for minikube."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).resolve().parents[5] / "roles" / "minikube" / "files" / "minikube-tunnel"


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    folder = tmp_path / ".minikube"
    folder.mkdir()
    return folder / "tunnels.json"


@pytest.fixture
def live_tunnel(tmp_path: Path) -> Iterator[int]:
    """The pid of a process called minikube."""
    program = tmp_path / "minikube"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"]) as process:
        yield process.pid
        process.kill()


def tunnel(pid: int) -> dict[str, Any]:
    return {"Route": {"Gateway": "192.0.2.2"}, "MachineName": "minikube", "Pid": pid}


def start(home: Path) -> str:
    """What the command that the program becomes says."""
    environment = {"PATH": "/usr/bin:/bin", "MINIKUBE_HOME": str(home)}
    done = subprocess.run(
        [str(PROGRAM), "/bin/echo", "--profile=minikube", "tunnel"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_the_pid_of_another_program_is_no_tunnel(registry: Path, live_tunnel: int) -> None:
    registry.write_text(json.dumps([tunnel(os.getpid()), tunnel(live_tunnel), tunnel(2**22 + 1)]))
    assert start(registry.parent.parent) == "--profile=minikube tunnel"
    assert json.loads(registry.read_text()) == [tunnel(live_tunnel)]


@pytest.mark.parametrize("text", ["", '[{"Route": {', '{"Pid": 1}', "[{}]", "null"])
def test_a_registry_that_cannot_be_read_is_begun_anew(registry: Path, text: str) -> None:
    registry.write_text(text)
    assert start(registry.parent) == "--profile=minikube tunnel", "a home that is .minikube itself"
    assert json.loads(registry.read_text()) == []


def test_without_a_registry_nothing_is_written(registry: Path) -> None:
    assert start(registry.parent) == "--profile=minikube tunnel"
    assert not registry.exists()
