# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module as Ansible calls it, with the files of a made-up engine."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.module_utils.host import engine
from ansible_collections.availability.lab.plugins.module_utils.host.engine import EngineFiles
from ansible_collections.availability.lab.plugins.modules import docker_engine_heal

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineFiles:
    made_up = EngineFiles(
        socket=str(tmp_path / "docker.sock"),
        pid_file=str(tmp_path / "docker.pid"),
        containerd_pid_file=str(tmp_path / "containerd.pid"),
        system_containerd_socket=str(tmp_path / "containerd.sock"),
    )
    monkeypatch.setattr(docker_engine_heal, "EngineFiles", lambda: made_up)
    return made_up


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(check: bool = False) -> dict[str, Any]:
        arguments = {"supervised_directory": str(tmp_path / "run"), "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            docker_engine_heal.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def test_stale_files_are_removed_once(files: EngineFiles, run: Run) -> None:
    Path(files.pid_file).write_text("1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(files.system_containerd_socket)
    stale = [files.pid_file, files.system_containerd_socket]
    predicted = run(check=True)
    assert (predicted["changed"], predicted["removed"]) == (True, stale)
    assert Path(files.pid_file).exists()
    done = run()
    assert (done["changed"], done["engine"], done["removed"]) == (True, "down", stale)
    assert not Path(files.pid_file).exists()
    assert not run()["changed"]


def test_an_engine_that_answers_is_left_alone(files: EngineFiles, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(files.containerd_pid_file).write_text("1")
    monkeypatch.setattr(docker_engine_heal, "answers_in_time", lambda _files: True)
    result = run()
    assert not result["changed"]
    assert result["engine"] in ("foreign", "systemd")
    assert Path(files.containerd_pid_file).exists()


@pytest.fixture
def hanging(files: EngineFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A live process called dockerd that answers nobody."""
    monkeypatch.setattr(docker_engine_heal, "answers_in_time", lambda one: engine.answers_in_time(one, 0.1))
    program = tmp_path / "dockerd"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "1000"]) as process:
        Path(files.pid_file).write_text(str(process.pid))
        while engine.named_pid(files.pid_file, "dockerd") is None:
            time.sleep(0.01)
        yield process
        process.kill()


def test_an_engine_of_ours_that_hangs_is_ended(
    files: EngineFiles, run: Run, hanging: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_engine_heal, "started_by_us", lambda pid, _service: pid == hanging.pid)
    assert run(check=True)["ended"] == [hanging.pid]
    assert hanging.poll() is None
    result = run()
    assert (result["ended"], result["removed"]) == ([hanging.pid], [files.pid_file])
    assert hanging.wait(5) < 0


def test_somebody_elses_engine_that_hangs_is_left_alone(
    files: EngineFiles, run: Run, hanging: subprocess.Popen[bytes]
) -> None:
    message = run()["msg"]
    assert f"dockerd (pid {hanging.pid}) runs, does not answer on {files.socket}" in message
    assert hanging.poll() is None
    assert Path(files.pid_file).exists()
