# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The load of an experiment: the probe in a process of its own, or k6 as a Job in the cluster.

The probe's process is forked before the experiment has threads, and waits: forked beside those of the recorder it would
get copies of their locks. Signals tell it when to end, so that nothing has to be polled while it measures.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..probe.arguments import OptionError
from ..probe.options import parse
from ..probe.supervisor import OnSecond, Supervisor, WorkerError
from . import objects
from .stage import Stage, StepError

Json = dict[str, Any]
LATE = ("timeout_headers", "timeout_body", "too_slow")
K6_SUMMARY = "--- summary ---"


class LoadError(RuntimeError):
    """The load itself failed; the text says how."""


class ProbeProcess:
    """Runs one plan of the probe after the other: `start`, then `finish` or `interrupt`, then `wait`."""

    def __init__(self, on_second: OnSecond | None = None) -> None:
        self._channel, theirs = socket.socketpair()
        self._owner = os.getpid()
        self.pid = os.fork()
        self._ended: Json | None = {}
        if self.pid == 0:
            self._channel.close()
            _serve(theirs, on_second)
        theirs.close()
        self._answers = self._channel.makefile("rb")

    def start(self, options: Mapping[str, Any]) -> None:
        """Begin a run. Its record lies where the option result says."""
        self._ended = None
        self._channel.sendall(json.dumps({**options, "owner_pid": self._owner}).encode() + b"\n")

    def finish(self) -> None:
        """The plan's end is now: nothing more becomes due, what is in flight is waited for."""
        self._signal(signal.SIGUSR1)

    def interrupt(self) -> None:
        """End early, with a record that says so."""
        self._signal(signal.SIGTERM)

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._ended is None and not self._poll(0)

    def wait(self, timeout_s: float) -> Json | None:
        """The end: {all_good, reasons, started_unix_ns, ended_unix_ns, late}; None while it goes on after `timeout_s`.

        all_good: every planned request was answered well, whatever the probe thinks of itself. late: requests that were
        sent, and lost because nothing, or not all, came in time.

        Raises LoadError when the probe itself failed.
        """
        if self._ended is None and not self._poll(timeout_s):
            return None
        ended = self._ended or {}
        if "error" in ended:
            raise LoadError(f"the probe: {ended['error']}")
        return ended

    def close(self) -> None:
        """End the process; a run under way is interrupted first."""
        if self._ended is None:
            self.interrupt()
            self._poll(30)
        self._channel.shutdown(socket.SHUT_RDWR)
        self._answers.close()
        self._channel.close()
        os.waitpid(self.pid, 0)

    def _poll(self, timeout_s: float) -> bool:
        ready, _none, _none = select.select([self._channel], [], [], timeout_s)
        if not ready:
            return False
        told = self._answers.readline()
        self._ended = json.loads(told) if told else {"error": "its process died"}
        return True

    def _signal(self, number: int) -> None:
        if self._ended is None:
            os.kill(self.pid, number)


def _serve(channel: socket.socket, on_second: OnSecond | None) -> None:
    """The process's life; never returns."""
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda got, _frame: asked.append(got))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for told in channel.makefile("rb"):
            channel.sendall(json.dumps(_run(json.loads(told), asked, on_second)).encode() + b"\n")
            asked.clear()
    finally:
        os._exit(0)


def _run(options: Json, asked: list[int], on_second: OnSecond | None) -> Json:
    if asked:
        return {"error": "it was told to end before it began"}
    try:
        record = Supervisor(parse(options), ["experiment"]).run(on_second)
    except (OptionError, OSError, WorkerError) as error:
        return {"error": str(error)}
    except Exception:  # told to the experiment, whatever it is
        return {"error": traceback.format_exc()[-4000:]}
    started, totals = record["started_unix_ns"], record["totals"]
    return {
        "all_good": 0 < totals["due"] == totals["completed"],
        "reasons": record["reasons"],
        "started_unix_ns": started,
        "ended_unix_ns": started + int(record["elapsed_s"] * 1e9),
        "late": sum(totals["outcomes"].get(name, {}).get("count", 0) for name in LATE),
    }


class K6Job:
    """k6 as a Job in the cluster, that asks the Service by its name; its plan has its own end."""

    def __init__(self, stage: Stage, manifests: list[Json], record: str) -> None:
        self._stage, self._manifests, self._record = stage, manifests, record
        self._name = next((one["metadata"]["name"] for one in manifests if one["kind"] == "Job"), "")
        self._started_ns = 0

    def start(self) -> None:
        """Note that it must go, and apply it. Raises StepError without a Job."""
        if not self._name:
            raise StepError("job: expected a Job among the manifests")
        stage = self._stage
        stage.journal.note("objects", namespace=stage.namespace, manifests=self._manifests, state="absent")
        self._started_ns = time.time_ns()
        objects.apply(stage, self._manifests)

    def wait(self, timeout_s: float) -> Json:
        """Wait for its end, and keep its text and its figures. Raises StepError, Interrupted."""
        stage = self._stage
        path = f"/apis/batch/v1/namespaces/{stage.namespace}/jobs/{self._name}"

        def running() -> str:
            status = (stage.changes.read(path) or {}).get("status") or {}
            return "" if status.get("succeeded") or status.get("failed") else "it has not ended"

        stage.wait_until(f"Job {self._name}", running, timeout_s)
        ended_ns = time.time_ns()
        pods = f"/api/v1/namespaces/{stage.namespace}/pods"
        (pod, *_unused) = stage.changes.api.get(pods, labelSelector=f"job-name={self._name}")["items"]
        log = stage.changes.api.get_bytes(f"{pods}/{pod['metadata']['name']}/log").decode("utf-8", "replace")
        text, marked, figures = log.partition(K6_SUMMARY)
        if not marked:
            raise StepError(f"Job {self._name} printed no summary: {log[-500:]}")
        Path(f"{self._record}.k6.txt").write_text(text, encoding="utf-8")
        Path(f"{self._record}.probe.json").write_text(figures, encoding="utf-8")
        return {"started_unix_ns": self._started_ns, "ended_unix_ns": ended_ns}
