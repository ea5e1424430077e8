# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is left of a dead engine is told from what belongs to a live one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host import engine
from ansible_collections.availability.lab.plugins.module_utils.host.engine import EngineFiles
from ansible_collections.availability.lab.plugins.module_utils.host.service import end_process


@pytest.fixture
def files(tmp_path: Path) -> EngineFiles:
    return EngineFiles(
        socket=str(tmp_path / "docker.sock"),
        pid_file=str(tmp_path / "docker.pid"),
        containerd_pid_file=str(tmp_path / "containerd.pid"),
        system_containerd_socket=str(tmp_path / "containerd.sock"),
    )


@pytest.fixture
def dockerd(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A live process that is called dockerd."""
    program = tmp_path / "dockerd"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "1000"]) as process:
        # The kernel names a process a moment after it closes what Popen waits for.
        while Path(f"/proc/{process.pid}/comm").read_text() != "dockerd\n":
            time.sleep(0.01)
        yield process
        process.kill()


def server(path: str, answer: bytes) -> threading.Thread:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(1024)
            connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "well"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nOK", True),
        (b"HTTP/1.0 500 Internal Server Error\r\n\r\n200 ", False),
        (b"garbage", False),
        (b"", False),
    ],
)
def test_only_a_good_answer_is_one(files: EngineFiles, answer: bytes, well: bool) -> None:
    thread = server(files.socket, answer)
    assert engine.answers(files.socket) is well
    thread.join()


def test_an_engine_that_never_answers_is_given_up(files: EngineFiles, dockerd: subprocess.Popen[bytes]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(files.socket)
        listener.listen()
        assert not engine.answers(files.socket, timeout_s=0.1)


def test_a_socket_that_nobody_serves_or_that_is_missing_does_not_answer(files: EngineFiles) -> None:
    assert not engine.answers(files.socket)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(files.socket)
    assert not engine.answers(files.socket)


def test_no_process_no_waiting(files: EngineFiles) -> None:
    assert not engine.answers_in_time(files, limit_s=1000)


def test_the_pid_file_of_a_live_engine_stays(files: EngineFiles, dockerd: subprocess.Popen[bytes]) -> None:
    Path(files.pid_file).write_text(f"{dockerd.pid}\n")
    assert engine.named_pid(files.pid_file, "dockerd") == dockerd.pid
    assert engine.stale_files(files) == []


@pytest.mark.parametrize(
    "content", ["1", str(os.getpid()), "999999999", "", "x"], ids=["init", "ours", "nobody", "empty", "text"]
)
def test_a_pid_file_that_names_a_stranger_or_nobody_is_stale(files: EngineFiles, content: str) -> None:
    Path(files.pid_file).write_text(content)
    Path(files.containerd_pid_file).write_text(content)
    assert engine.stale_files(files) == [files.pid_file, files.containerd_pid_file]


def test_the_socket_of_a_containerd_that_is_gone_is_stale(files: EngineFiles) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(files.system_containerd_socket)
        listener.listen()
        assert engine.stale_files(files) == []
    assert engine.stale_files(files) == [files.system_containerd_socket]


def test_nothing_there_is_nothing_stale(files: EngineFiles) -> None:
    assert engine.stale_files(files) == []


def test_a_process_is_ended_also_when_it_ignores_the_request() -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        end_process(process.pid, limit_s=0.3)
        assert process.wait(5) == -signal.SIGKILL
