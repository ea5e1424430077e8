# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Starts, stops and describes a service kept by ``supervisor.py``, on a host without systemd.

A process is believed to be the one we started only when its pid *and* its start time are those on record, so a
pid file left by a reboot or reused by a stranger is healed, never signalled.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from . import supervisor
from .supervisor import DEFAULT_PATH, start_ticks, write_json

START_LIMIT_S = 10.0
# A command that ends in this time was never up: better said now than by the next task.
SETTLE_S = 0.5
LOG_TAIL_BYTES = 2000
SYSTEM_PYTHON = "/usr/bin/python3"


class ServiceError(Exception):
    """The service could not be brought into the wanted state; the text says which and why."""


@dataclass(frozen=True)
class ServiceSpec:
    """What is to run. Times in seconds; user and group None mean the account of the caller."""

    name: str
    command: list[str]
    log_file: str
    user: str | None = None
    group: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    restart_delay_s: float = 1.0
    stop_timeout_s: float = 15.0

    def check(self) -> None:
        """Raises ServiceError naming the option that could not work on any host."""
        check_name(self.name)
        if not self.command:
            raise ServiceError("command: expected a list with at least the program, got an empty list")
        if self.restart_delay_s <= 0 or self.stop_timeout_s <= 0:
            raise ServiceError("restart_delay_s and stop_timeout_s: expected more than 0 seconds")
        if not os.path.isabs(self.log_file):
            raise ServiceError(f"log_file: expected an absolute path, got {self.log_file}")

    def check_host(self) -> None:
        """Raises ServiceError naming what this host lacks: the program or an account."""
        if shutil.which(self.command[0], path=self.environment.get("PATH", DEFAULT_PATH)) is None:
            raise ServiceError(f"command: {self.command[0]} is not a program that can be run on this host")
        try:
            if self.user:
                pwd.getpwnam(self.user)
            if self.group:
                grp.getgrnam(self.group)
        except KeyError as error:
            raise ServiceError(f"user, group: no such account on this host: {error}") from error


def end_process(pid: int | None, limit_s: float) -> None:
    """SIGTERM, and SIGKILL after limit_s; returns when the process is gone. None stands for no process."""
    if pid is None:
        return
    ticks = start_ticks(pid)
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if start_ticks(pid) != ticks:
                return
            time.sleep(0.02)


def check_name(name: str) -> None:
    """Raises ServiceError unless the name is fit to be a file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise ServiceError(f"name: expected letters, digits, '.', '_' or '-', at most 64, got {name!r}")


class Service:
    """One named service and its files in ``directory``: ``<name>.spec``, ``.state`` and ``.lock``."""

    def __init__(self, name: str, directory: str) -> None:
        check_name(name)
        if not os.path.isabs(directory):
            raise ServiceError(f"directory: expected an absolute path, got {directory}")
        self.name = name
        self.directory = directory
        self.spec_path = os.path.join(directory, f"{name}.spec")
        self.state_path = os.path.join(directory, f"{name}.state")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One change of a service at a time; a second caller waits."""
        os.makedirs(self.directory, mode=0o755, exist_ok=True)
        with open(os.path.join(self.directory, f"{self.name}.lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def state(self) -> dict[str, Any]:
        return _read_json(self.state_path)

    def supervisor_pid(self) -> int | None:
        """Pid of the live supervisor that we started, else None."""
        return _live_pid(self.state().get("supervisor"))

    def child_pid(self) -> int | None:
        """Pid of the live service process that we started, else None."""
        return _live_pid(self.state().get("child"))

    def running(self) -> bool:
        return self.supervisor_pid() is not None

    def matches(self, spec: ServiceSpec) -> bool:
        """True when the service was last started with just this spec."""
        return bool(_read_json(self.spec_path) == asdict(spec))

    def command(self) -> list[str] | None:
        """The command it was last started with, else None."""
        command: list[str] | None = _read_json(self.spec_path).get("command")
        return command

    def known(self) -> bool:
        return os.path.exists(self.spec_path) or os.path.exists(self.state_path)

    def start(self, spec: ServiceSpec) -> int:
        """Starts the service and returns the pid of its process.

        Raises ServiceError with the end of the log when the command does not stay up for SETTLE_S.
        """
        self.stop(spec.stop_timeout_s)
        os.makedirs(os.path.dirname(spec.log_file), mode=0o755, exist_ok=True)
        program = self._install_supervisor()
        write_json(self.spec_path, asdict(spec))
        subprocess.run(
            [_python(), "-I", "-S", program, self.spec_path],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        deadline = time.monotonic() + START_LIMIT_S
        while not self.state():
            if time.monotonic() > deadline:
                raise ServiceError(f"{self.name}: its supervisor did not start within {START_LIMIT_S} s")
            time.sleep(0.02)
        time.sleep(SETTLE_S)
        state = self.state()
        pid = self.child_pid()
        if state.get("error") or state.get("restarts") or pid is None:
            reason = state.get("error") or f"the command ended with {state.get('last_exit')}"
            self.stop(spec.stop_timeout_s)
            raise ServiceError(f"{self.name} did not stay up: {reason}. {spec.log_file}: {_tail(spec.log_file)}")
        return pid

    def stop(self, stop_timeout_s: float) -> None:
        """Ends the supervisor and its child, also a child whose supervisor was killed; heals stale files."""
        # The supervisor has its own limit for the child (that of the spec it runs): allow for it.
        allowed_s = max(stop_timeout_s, _read_json(self.spec_path).get("stop_timeout_s", 0)) + 5.0
        end_process(self.supervisor_pid(), allowed_s)
        # Only a supervisor that was killed leaves a child, and its state file, behind.
        end_process(self.child_pid(), stop_timeout_s)
        _remove(self.state_path)

    def forget(self) -> None:
        """Removes the files of a stopped service; its log stays."""
        _remove(self.spec_path)
        _remove(self.state_path)

    def _install_supervisor(self) -> str:
        """Copies the supervisor's source to the host: the temporary folder of the module run vanishes."""
        loader: Any = supervisor.__loader__
        text: str | bytes = loader.get_source(supervisor.__name__)
        source = text if isinstance(text, bytes) else text.encode()  # bytes from the loader of Ansible's controller
        digest = hashlib.sha256(source).hexdigest()[:12]
        path = os.path.join(self.directory, f"supervisor-{digest}.py")
        if not os.path.exists(path):
            temporary = f"{path}.{os.getpid()}"
            with open(temporary, "wb") as out:
                out.write(source)
            os.replace(temporary, path)
        return path


def _python() -> str:
    """The Python that the supervisor runs with.

    For root the system's own, where it is new enough: ours may be a virtual environment, which its user can write to.
    """
    if os.geteuid() == 0 and os.access(SYSTEM_PYTHON, os.X_OK):
        asked = [SYSTEM_PYTHON, "-I", "-S", "-c", "import sys; sys.exit(sys.version_info < (3, 9))"]
        if subprocess.run(asked, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return SYSTEM_PYTHON
    return sys.executable


def _live_pid(identity: dict[str, int] | None) -> int | None:
    if not identity or start_ticks(identity["pid"]) != identity["start_ticks"]:
        return None
    return identity["pid"]


def _read_json(path: str) -> dict[str, Any]:
    """The content of one of our files; a missing or damaged one counts as empty (that heals it)."""
    try:
        with open(path, encoding="utf-8") as source:
            content = json.load(source)
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _tail(path: str) -> str:
    try:
        with open(path, "rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - LOG_TAIL_BYTES))
            return log.read().decode("utf-8", "replace").strip()
    except OSError as error:
        return str(error)
