# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Runs a plan: forks the workers, adds up what they tell, writes progress and result, and stops cleanly.

The supervisor does all that takes time (JSON, files, objectives), so that the workers' loops are never late for it. A
worker's death costs at most what it counted since its last delta.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Callable

from .abort import out_of_reach
from .options import Options
from .place import private, write
from .progress import ProgressFile, summarise
from .resolver import Resolver
from .result import build, latency_of, longest_outage_s
from .secret import in_argv
from .selfcheck import ACHIEVED_SHARE, DESCRIPTORS_SHARE, raise_descriptor_limit
from .state import Limits, State
from .tls import client_context
from .withheld import Withheld
from .worker import Job, Worker, fork

_SECOND_NS = 1_000_000_000
#: From the fork of the first worker to the first request.
_START_DELAY_NS = 60_000_000
_NICENESS = 10

OnSecond = Callable[[dict[str, Any]], None]


class WorkerError(RuntimeError):
    """A worker ended with an exception of its own: a fault of the probe. The text is its traceback."""


class RecordUnwritten(OSError):
    """The record could not be written where it was wanted; it is here, and the progress file stays."""

    def __init__(self, record: dict[str, Any], problem: str) -> None:
        super().__init__(f"the record was not written, {problem}")
        self.record = record


class Supervisor:
    """One run of a plan. SIGTERM and SIGINT interrupt it; SIGUSR1 is the plan's own end, told while it runs.

    After either no request is due any more, and those in flight are waited for.
    """

    def __init__(self, options: Options, argv: Sequence[str]) -> None:
        self.options = options
        self.state = State(options.lanes, Limits.of(options.reading()))
        self._limit = raise_descriptor_limit()
        self._context = client_context(options) if self._needs_tls() else None
        targets = options.targets + ([options.control] if options.control else [])
        self._resolver = Resolver([target.address for target in targets], options.ip_version)
        self._workers: list[Worker] = []
        self._signals = 0
        self._finished = False
        self._aborted: list[str] = []
        self._argv = list(argv)
        self._error = ""
        #: What went wrong beside the measurement ("" when nothing did).
        self.problem = ""

    def run(self, on_second: OnSecond | None = None) -> dict[str, Any]:
        """Run to the end of the plan (or a signal); returns the record, which is on disk when `result` is set."""
        options, state = self.options, self.state
        withheld = Withheld()
        base_ns = time.monotonic_ns() + _START_DELAY_NS
        started_unix_ns = time.time_ns() + base_ns - time.monotonic_ns()
        header = self._header(base_ns, started_unix_ns)
        if options.attempts is not None:
            private(options.attempts).close()  # the workers append
        progress = ProgressFile(options.result, header)
        niceness = os.getpriority(os.PRIO_PROCESS, 0)
        handlers = {
            signal.SIGINT: self._on_signal,
            signal.SIGTERM: self._on_signal,
            signal.SIGHUP: self._on_signal,
            signal.SIGUSR1: self._on_finish,
        }
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # nohup
            del handlers[signal.SIGHUP]
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            job = Job(options, self._resolver, self._context, base_ns, started_unix_ns)
            for index in range(options.processes):
                self._workers.append(fork(index, job, self._ending))
            # On a shared core the workers go first: else their arrivals would be late once a second.
            os.setpriority(os.PRIO_PROCESS, 0, max(niceness, _NICENESS))
            self._collect(header, progress, withheld, on_second)
        finally:
            with suppress(PermissionError):  # only root may go back, and most processes have no second run
                os.setpriority(os.PRIO_PROCESS, 0, niceness)
            self._kill_rest()
            for number, handler in previous.items():
                signal.signal(number, handler)
        if self._error:
            progress.close(keep=True)
            raise WorkerError(self._error)
        ended_unix_ns = started_unix_ns + max(state.at, 0)
        self._account_for_lost()
        if self._finished:
            due = sum(times for (lane, _unused), times in state.tally.due.items() if lane in options.lanes)
            header["plan"] = _ended_at(header["plan"], max(state.at, 0) / 1e9, due)
        stopped_by = "abort_on" if self._aborted else "signal" if self._signals else "plan"
        record = build(header, state, ended_unix_ns, stopped_by, withheld=withheld, extra=self._aborted)
        self.problem = progress.problem
        if options.result is not None:
            try:
                write(record, options.result)
            except OSError as error:
                self.problem = f"{options.result}: {error.strerror}"
                progress.close(keep=True)
                raise RecordUnwritten(record, self.problem) from error
        progress.close()
        return record

    def _needs_tls(self) -> bool:
        every = self.options.targets + ([self.options.control] if self.options.control else [])
        return any(target.tls for target in every) or self.options.follow_redirects > 0

    def _header(self, base_ns: int, started_unix_ns: int) -> dict[str, Any]:
        options = self.options
        return {
            "name": options.name,
            "host": socket.gethostname(),
            "cores": os.cpu_count() or 1,
            "processes": options.processes,
            "argv": in_argv(self._argv),
            "options": options.raw,
            "plan": options.plan(),
            "reading": options.reading(),
            "targets": [target.name for target in options.targets],
            "identify": [name for name, _unused in options.identify],
            "control": options.control is not None,
            "control_rate": options.control_rate,
            "objectives": [objective.text for objective in options.objectives],
            "limits": {
                "lateness_p99_ms": options.max_lateness_s * 1e3,
                "achieved_share": ACHIEVED_SHARE,
                "steal_percent": options.max_steal_percent,
                "descriptors_share": DESCRIPTORS_SHARE,
            },
            "descriptors_limit": self._limit,
            "started_unix_ns": started_unix_ns,
            "started_monotonic_ns": base_ns,
        }

    def _collect(
        self, header: dict[str, Any], progress: ProgressFile, withheld: Withheld, on_second: OnSecond | None
    ) -> None:
        selector = selectors.DefaultSelector()
        for worker in self._workers:
            selector.register(worker.pipe, selectors.EVENT_READ, worker)
        owner = self._watch_owner(selector)
        deltas: list[dict[str, Any]] = []
        fresh = []
        last_at = 0
        while len(selector.get_map()) > (owner is not None):
            for key, _unused in selector.select():
                if key.fd == owner:
                    owner = None
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    self._on_signal(signal.SIGTERM, None)
                    continue
                ready: Worker = key.data
                lines = ready.lines()
                if lines is None:
                    selector.unregister(ready.pipe)
                    os.close(ready.pipe)
                    self.state.gone(ready.index)
                    continue
                for line in lines:
                    delta = json.loads(line)
                    if "error" in delta:
                        self._error = delta["error"]
                        self._signal_workers()
                        continue
                    fresh.append(self.state.add(delta))
                    deltas.append(delta)
            told = {delta["worker"] for delta in deltas}
            if deltas and len(told) >= len(selector.get_map()) - (owner is not None):
                seconds_s = max((self.state.at - last_at) / _SECOND_NS, 1e-3)
                withheld.look(last_at, self.state.at)
                last_at = self.state.at
                summary = summarise(header, self.state, fresh, seconds_s)
                progress.add(summary, deltas, self.state)
                deltas, fresh = [], []
                if on_second is not None:
                    on_second(summary)
                self._check_abort()

    def _watch_owner(self, selector: selectors.BaseSelector) -> int | None:
        """A descriptor that becomes readable when the owner ends; it has ended already where there is none."""
        if self.options.owner_pid is None:
            return None
        try:
            owner = os.pidfd_open(self.options.owner_pid)
        except ProcessLookupError:
            self._on_signal(signal.SIGTERM, None)
            return None
        selector.register(owner, selectors.EVENT_READ, None)
        return owner

    def _check_abort(self) -> None:
        if self._aborted or not self.options.abort_on:
            return
        options, state = self.options, self.state
        for objective in options.abort_on:
            lanes = [objective.scope[1]] if objective.scope else options.lanes
            chosen = [figures for key, figures in state.tally.cells.items() if key[0] in lanes]
            arrivals = options.planned_arrivals
            reason = out_of_reach(
                objective,
                None if arrivals is None else arrivals * len(lanes),
                sum(figures.failed for figures in chosen),
                latency_of(state, lanes),
                longest_outage_s(state, lanes),
            )
            if reason:
                self._aborted.append(f"aborted, {objective.text} is out of reach: {reason}")
                self._signal_workers()
                return

    def _account_for_lost(self) -> None:
        options, state = self.options, self.state
        lost = [index for index in range(options.processes) if index not in state.finished]
        state.workers_lost = len(lost)
        if not lost:
            return
        missing = 0
        arrivals = options.planned_arrivals
        if arrivals is not None and not self._signals and not self._finished and not self._aborted:
            for index in lost:
                part = len(range(index, arrivals, options.processes)) * len(options.lanes)
                missing += max(0, part - state.due_by_worker.get(index, 0))
        state.account_for_lost(missing // len(options.lanes), options.lanes, ("",) * len(options.identify))

    def _ending(self) -> bool:
        return self._signals > 0 or self._finished

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._signals += 1
        self._signal_workers()

    def _on_finish(self, _number: int, _frame: object) -> None:
        if not self._finished and not self._signals:  # a second signal would give up what is in flight
            self._finished = True
            self._signal_workers()

    def _signal_workers(self) -> None:
        for worker in self._workers:
            try:
                os.kill(worker.pid, signal.SIGTERM)
            except ProcessLookupError:
                continue  # it has ended

    def _kill_rest(self) -> None:
        """After the pipes are closed nothing is left to say: collect the workers, and end one that hangs."""
        for worker in self._workers:
            deadline = time.monotonic() + 2.0
            while os.waitpid(worker.pid, os.WNOHANG) == (0, 0):
                if time.monotonic() > deadline:
                    os.kill(worker.pid, signal.SIGKILL)
                    os.waitpid(worker.pid, 0)
                    break
                time.sleep(0.002)


def _ended_at(plan: dict[str, Any], elapsed_s: float, due: int) -> dict[str, Any]:
    """The plan as it became when its end was told after `elapsed_s`: no stage goes on beyond it."""
    stages = []
    for stage in plan["stages"]:
        length = min(stage["duration_s"], elapsed_s)
        reached = stage["from"] + (stage["to"] - stage["from"]) * length / stage["duration_s"]
        if length > 0:
            stages.append({"duration_s": round(length, 6), "from": stage["from"], "to": reached})
        elapsed_s -= length
    return {**plan, "stages": stages, "duration_s": round(sum(s["duration_s"] for s in stages), 6), "requests": due}
