# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Runs the recorder in a process of its own that outlives the Ansible task which started it.

The process is forked, not executed anew: a module's code lives in a temporary archive that is gone when the task
ends. Beside the record stands ``<record>.pid`` with the process id and its start time, so that an id given to
another process meanwhile is never signalled.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from .api import ClusterError
from .recorder import Recorder

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Running:
    """A process, told by its start time from a later one with the same id."""

    pid: int
    start_ticks: int


def pid_path(record: str) -> Path:
    return Path(record + ".pid")


def running(record: str) -> Running | None:
    """The live recorder of this record file, or None. A stale pid file counts as none."""
    try:
        saved: dict[str, Any] = json.loads(pid_path(record).read_text(encoding="utf-8"))
        found = Running(int(saved["pid"]), int(saved["start_ticks"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if alive(found) else None


def run_in_foreground(recorder: Recorder, duration_s: float) -> None:
    """Record for ``duration_s``; SIGINT and SIGTERM end it early, with a whole record. Raises as Recorder.start."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_unused: asked.set())
    recorder.start()
    recorder.wait(asked, duration_s)
    recorder.stop()


def start_detached(make: Callable[[], Recorder], record: str, limit_s: float, owner_pid: int | None = None) -> Running:
    """Fork a recorder and return once all its watches are open. It ends by itself after ``limit_s``,
    or when the process ``owner_pid`` has ended.

    ``make`` is called in the new process. Raises ClusterError with the recorder's own words when it cannot start.
    """
    owner = None if owner_pid is None else Running(owner_pid, start_ticks(owner_pid) or -1)
    if owner is not None and owner.start_ticks < 0:
        raise ClusterError(f"owner_pid: there is no process {owner_pid}")
    Path(record).parent.mkdir(parents=True, exist_ok=True)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        leave_the_task(write_end)
        _record(make, record, limit_s, write_end, owner)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end, encoding="utf-8") as pipe:
        text = pipe.read()  # ends when the recorder is ready, has failed, or has died
    try:
        message: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise ClusterError("the recorder process died while it started") from error
    if "error" in message:
        raise ClusterError(message["error"])
    return Running(message["pid"], message["start_ticks"])


def stop(record: str) -> bool:
    """End the recorder of this file and wait for its end line. False when none was running.

    Raises ClusterError when it does not end in time.
    """
    found = running(record)
    if found is None:
        pid_path(record).unlink(missing_ok=True)
        return False
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while alive(found):
        if time.monotonic() > deadline:
            raise ClusterError(f"the recorder (pid {found.pid}) did not end within {STOP_TIMEOUT_S:.0f} s")
        time.sleep(0.02)
    pid_path(record).unlink(missing_ok=True)
    return True


def leave_the_task(keep: int) -> None:
    """Become a daemon: own session, no terminal, none of the task's descriptors but ``keep``. The parent ends."""
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for descriptor in range(3, 256):
        if descriptor != keep:
            try:
                os.close(descriptor)
            except OSError:  # it was not open
                continue


def _record(make: Callable[[], Recorder], record: str, limit_s: float, ready: int, owner: Running | None) -> None:
    """The daemon's whole life; never returns, so that none of the task's own clean-up runs in it."""
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_unused: asked.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, lambda *_unused: os._exit(1))
    signal.alarm(int(START_TIMEOUT_S))
    try:
        recorder = make()
        recorder.start()
        message = {"pid": os.getpid(), "start_ticks": start_ticks(os.getpid())}
        pid_path(record).write_text(json.dumps(message), encoding="utf-8")
    except Exception as error:  # whatever it is, the task must hear it
        _tell(ready, {"error": str(error) or repr(error)})
        os._exit(1)
    signal.alarm(0)
    _tell(ready, message)
    recorder.wait(asked, limit_s, lambda: owner is not None and not alive(owner))
    recorder.stop()
    os._exit(0)


def _tell(pipe: int, message: dict[str, Any]) -> None:
    os.write(pipe, json.dumps(message).encode())
    os.close(pipe)


def alive(process: Running) -> bool:
    """Whether it still runs, and not another process under its id."""
    return start_ticks(process.pid) == process.start_ticks


def start_ticks(pid: int) -> int | None:
    """The process's start time in clock ticks since boot (proc(5), field 22); None when it is gone or a zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] == "Z" else int(after_name[19])
