# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a dead or half-stopped Docker engine leaves behind, and how to clear it away.

dockerd refuses to start when the number in its pid file belongs to any live process, waits forever for a containerd
whose pid file names a stranger, and prefers a system containerd's socket even when nobody listens there.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from .service import Service
from .supervisor import start_ticks

PING_TIMEOUT_S = 5.0
# A starting engine restores its containers before it answers: that is not hanging yet.
HANGS_AFTER_S = 20.0


@dataclass(frozen=True)
class EngineFiles:
    """Where an engine keeps its sockets and pid files."""

    socket: str = "/run/docker.sock"
    pid_file: str = "/run/docker.pid"
    containerd_pid_file: str = "/run/docker/containerd/containerd.pid"
    system_containerd_socket: str = "/run/containerd/containerd.sock"


def answers(path: str, timeout_s: float = PING_TIMEOUT_S) -> bool:
    """True when an engine says OK to a ping on this Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(path)
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(256).split(b"\r\n", 1)[0] + b" "
        except OSError:
            return False


def listens(path: str) -> bool:
    """True when somebody accepts connections on this Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PING_TIMEOUT_S)
        try:
            connection.connect(path)
        except OSError:
            return False
        return True


def answers_in_time(files: EngineFiles, limit_s: float = HANGS_AFTER_S) -> bool:
    """True when an engine answers; one whose process lives is given limit_s to do so."""
    deadline = time.monotonic() + limit_s
    while not answers(files.socket):
        if named_pid(files.pid_file, "dockerd") is None or time.monotonic() > deadline:
            return False
        time.sleep(0.25)
    return True


def named_pid(path: str, program: str) -> int | None:
    """The pid in a pid file when it is that of a live ``program`` in our own pid namespace, else None.

    The namespace matters: the engines inside containers are visible from the host too.
    """
    try:
        with open(path, encoding="ascii") as pid_file:
            pid = int(pid_file.read())
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
            name = comm.read().strip()
        ours = os.readlink(f"/proc/{pid}/ns/pid") == os.readlink("/proc/self/ns/pid")
    except (OSError, ValueError):
        return None
    return pid if name == program and ours and start_ticks(pid) is not None else None


def stale_files(files: EngineFiles) -> list[str]:
    """Files of a dead engine that keep a new one from starting."""
    stale = [
        path
        for path, program in ((files.pid_file, "dockerd"), (files.containerd_pid_file, "containerd"))
        if os.path.exists(path) and named_pid(path, program) is None
    ]
    if os.path.exists(files.system_containerd_socket) and not listens(files.system_containerd_socket):
        stale.append(files.system_containerd_socket)
    return stale


def started_by_us(pid: int, service: Service) -> bool:
    """Whether a dockerd is the supervised one, or that of systemd's docker.service: the two that are ours to end."""
    if pid == service.child_pid():
        return True
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as groups:
            return any(line.rstrip().endswith("/docker.service") for line in groups)
    except OSError:
        return False


def owner(files: EngineFiles, service: Service, under_systemd: bool) -> str:
    """Who started the engine that answers: "systemd", "supervised" or "foreign"."""
    if under_systemd:
        return "systemd"
    pid = named_pid(files.pid_file, "dockerd")
    return "supervised" if pid is not None and pid == service.child_pid() else "foreign"
