# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An experiment in a process of its own: what happens to the task or the terminal that started it does not touch it.

When the playbook ends meanwhile (`owner_pid`), the experiment ends early, with whole records, and puts everything back.
"""

from __future__ import annotations

import json
import os
import select
import signal
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from ..cluster.detached import Running, leave_the_task, start_ticks
from ..probe.supervisor import OnSecond
from .advice import Advise
from .handover import Desk
from .plan import Plan
from .run import Experiment

CRASH_SUFFIX = ".crash.txt"
#: How long the probe of a killed experiment may take to notice, and to write its record.
PROBE_S = 15.0
_FAILED = "the experiment's process died while it started"


class ProcessError(RuntimeError):
    """The experiment's process could not be started."""


def start_detached(plan: Plan, owner_pid: int | None, advise: Advise | None = None) -> None:
    """Start the experiment and return when it is under way. Follow it with `handover.follow`. Raises ProcessError."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        leave_the_task(write_end)
        _live(plan, owner_pid, advise, write_end)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end, "rb") as pipe:
        told = json.loads(pipe.read() or b"{}")
    if "pid" not in told:
        raise ProcessError(told.get("error", _FAILED))


def run_here(
    plan: Plan,
    desk: Desk,
    owner_pid: int | None = None,
    *,
    advise: Advise | None = None,
    on_second: OnSecond | None = None,
) -> dict[str, Any]:
    """Run it in this process; SIGTERM and SIGINT end it early. Returns its record. Raises OSError.

    advise: tells of the patches that are to be tried in the end. on_second: called in the probe's process with what its
    progress says.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_unused: stop.set())
    experiment = Experiment(plan, stop, desk.tell, desk.hand_over, on_second=on_second, hear=desk.hear, advise=advise)
    if owner_pid is not None:
        threading.Thread(target=_end_with, args=(owner_pid, stop), daemon=True).start()
    try:
        return experiment.run()
    finally:
        desk.close()


def _live(plan: Plan, owner_pid: int | None, advise: Advise | None, ready: int) -> None:
    """The process's whole life; never returns, so that none of the task's own clean-up runs in it."""
    try:
        pid = os.getpid()
        desk = Desk(plan.record, Running(pid, start_ticks(pid) or 0))
        os.write(ready, json.dumps({"pid": pid}).encode())
    except Exception as error:  # whatever it is, the task must hear it
        os.write(ready, json.dumps({"error": str(error) or repr(error)}).encode())
        os._exit(1)
    os.close(ready)
    try:
        run_here(plan, desk, owner_pid, advise=advise)
    except Exception:  # nobody listens any more: kept beside the records
        Path(plan.record + CRASH_SUFFIX).write_text(traceback.format_exc(), encoding="utf-8")
    finally:
        os._exit(0)


def _end_with(owner_pid: int, stop: threading.Event) -> None:
    """Tell the experiment to end when its owner has ended."""
    try:
        owner = os.pidfd_open(owner_pid)
    except OSError:
        stop.set()
        return
    with os.fdopen(owner):
        select.select([owner], [], [])
        stop.set()


def crash_of(record: str) -> str:
    """Why the experiment with this record left none."""
    path = Path(record + CRASH_SUFFIX)
    said = path.read_text(encoding="utf-8").strip().splitlines() if path.exists() else []
    return f"the experiment itself failed, see {path}: {said[-1]}" if said else "the experiment's process was killed"


def await_probe(record: str) -> None:
    """Wait until the probe of a killed experiment has written its record: it ends with its owner."""
    deadline = time.monotonic() + PROBE_S
    while os.path.exists(record + ".probe.json.progress") and time.monotonic() < deadline:
        time.sleep(0.1)
