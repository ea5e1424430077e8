# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Runs one plan: deploy, settle, record, load, steps, collect, try the advice, put back; on one clock, by one process.

Whatever goes wrong midway, the load ends with its record, what was changed is put back, and the experiment's own record
says what happened.
"""

from __future__ import annotations

import json
import resource
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from ..cluster.api import ApiProblem, ClusterApi, ClusterError
from ..cluster.changes import Changes
from ..cluster.recorder import Recorder
from ..probe.arguments import seconds
from ..probe.supervisor import OnSecond
from . import objects
from .address import find_address
from .advice import Advise, tried_patches
from .collect import KINDS as COLLECTORS
from .journal import Journal, JournalError
from .load import K6Job, LoadError, ProbeProcess
from .plan import Plan
from .record import ExperimentRecord
from .stage import Interrupted, Stage, StepError
from .steps.table import KINDS
from .undo import WAIT_S, undo_all

METRICS_EVERY_S = 10.0
#: The kernel's CPU counters are read by cAdvisor every 10 to 15 s: those of a loss come as long after it.
COUNTERS_WAIT_S = 20.0
STEADY_PAUSE_S = 1.0
#: What may be in flight when the load's end is told: the longest time limit of a request, and the record's writing.
LAST_ANSWERS_S = 120.0
ERRORS = (
    ApiProblem, ClusterError, JournalError, LoadError, StepError, OSError, subprocess.SubprocessError, KeyError,
    ValueError,
)  # fmt: skip

Tell = Callable[[str], None]


def connect(cluster: Mapping[str, Any]) -> ClusterApi:
    """The plan's cluster. Raises ClusterError when the kubeconfig cannot be used."""
    return ClusterApi.from_kubeconfig(cluster["kubeconfig"], cluster["context"])


class Experiment:
    """One run of one plan. Make it before any thread is started: the probe's process is forked here."""

    def __init__(
        self,
        plan: Plan,
        stop: threading.Event,
        tell: Tell,
        hand_over: Callable[[Stage, int, str], None] | None = None,
        *,
        on_second: OnSecond | None = None,
        hear: Tell | None = None,
        advise: Advise | None = None,
    ) -> None:
        self.plan = plan
        self.record = ExperimentRecord(plan)
        self._stop, self._tell, self._hand_over, self._hear = stop, tell, hand_over, hear
        self._advise = advise
        self._probe = ProbeProcess(on_second)
        self._phase = "start"
        self._late = 0

    def run(self) -> dict[str, Any]:
        """All of it; returns the record, which is on disk. Raises OSError when it cannot be written."""
        journal = Journal(self.plan.journal)
        try:
            with journal.held(WAIT_S):
                self._run(journal)
        except (JournalError, OSError) as error:
            self.record.failures.append(str(error))
        finally:
            self._probe.close()
        self.record.judge()
        return self.record.write()

    def _run(self, journal: Journal) -> None:
        plan, api, recorder = self.plan, None, None
        stage = Stage(plan.namespace, journal, stop=self._stop, hand_over=self._hand_over)
        try:
            if plan.cluster is not None:
                api = connect(plan.cluster)
                stage.control = Changes(api)
            with self._timed("deploy"):
                self._deploy(stage)
            with self._timed("prepare"):
                self._prepare(stage)
                if plan.cluster is not None:
                    record = f"{plan.record}.cluster.jsonl"
                    recorder = Recorder(
                        connect(plan.cluster),
                        plan.namespace,
                        record,
                        METRICS_EVERY_S,
                        front=plan.front,
                        heard=self._hear,
                    )
                    recorder.start()
            with self._timed("steady"):
                self._settle(stage)
            self._measure(stage)
            if recorder is not None and self._late:
                with self._timed("counters"):
                    self._await_counters(stage, recorder)
            if plan.collect is not None:
                with self._timed("collect"):
                    self._collect(stage, plan.collect)
            if recorder is not None and self._advise is not None and plan.engine == "http_probe":
                with self._timed("advice"):
                    self._stop_recording(recorder)  # the report will read the same record
                    recorder = None
                    self.record.advice = tried_patches(stage, self._advise(plan.record, plan.service))
        except Interrupted:
            self.record.interrupted = True
        except ERRORS as error:
            self.record.failures.append(f"{plan.variant}: {self._phase}: {error}")
        finally:
            with self._timed("put back"):
                self._end(stage, recorder)
            if api is not None:
                api.close()

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        self._phase = phase
        self._tell(phase)
        begun = time.monotonic()
        try:
            yield
        finally:
            self.record.phases_s[phase] = self.record.phases_s.get(phase, 0.0) + time.monotonic() - begun

    def _deploy(self, stage: Stage) -> None:
        plan = self.plan
        if plan.deploy:
            objects.have_namespace(stage)
        for part in plan.deploy:
            state = "present" if part["keep"] else "absent"
            stage.journal.note("objects", namespace=plan.namespace, manifests=part["manifests"], state=state)
            objects.apply(stage, part["manifests"])
        for part in plan.deploy:
            objects.wait_all_ready(stage, part["manifests"], plan.ready_timeout_s)
        for patch in plan.patches:
            kind, _slash, name = patch["target"].partition("/")
            stage.changes.patch(stage.changes.path("apps/v1", kind, plan.namespace, name), patch["patch"])
            stage.wait_ready("apps/v1", kind, name, plan.ready_timeout_s)

    def _prepare(self, stage: Stage) -> None:
        for step in self.plan.steps:
            prepare = getattr(KINDS[step.do], "prepare", None)
            if prepare is not None:
                prepare(stage, step.args)
        given = str(self.plan.probe.get("url") or "")
        self.record.address = given or find_address(stage, self.plan.service, self.plan.address_from, self.plan.front)

    def _settle(self, stage: Stage) -> None:
        """Ask until enough answers in a row are good.

        The verdict is another question: on a busy machine a try of some 50 ms would often be called inconclusive.
        """
        plan = self.plan
        deadline = time.monotonic() + plan.steady_timeout_s
        while plan.steady_requests:
            self._probe.start(plan.steady_options(self.record.address))
            ended = self._probe.wait(LAST_ANSWERS_S) or {"reasons": ["no answer"]}
            if ended.get("all_good"):
                return
            if time.monotonic() > deadline:
                raise StepError(
                    f"no steady state: {plan.steady_requests} good answers in a row did not come within "
                    f"{plan.steady_timeout_s:g} s: {'; '.join(ended['reasons'])}"
                )
            stage.pause(STEADY_PAUSE_S)

    def _measure(self, stage: Stage) -> None:
        """The load, and the steps in it."""
        plan = self.plan
        job = K6Job(stage, plan.job, plan.record) if plan.engine == "k6" else None
        with self._timed("load"):
            cpu_begun, begun = _cpu_s(), time.monotonic()
            if job is None:
                self._probe.start(plan.probe_options(self.record.address))
            else:
                job.start()
            try:
                stage.pause(plan.before_s)
                self._steps(stage)
                if job is None:
                    self._until_the_end(stage, begun)
                else:
                    self.record.load = job.wait(plan.limit_s)
            finally:
                elapsed_s = time.monotonic() - begun
                self.record.cpu_percent = round(100.0 * (_cpu_s() - cpu_begun) / elapsed_s, 2)
                if job is None:
                    self._last_answers()

    def _steps(self, stage: Stage) -> None:
        """One after the other. One that fails is the last: what it left is reported, and put back."""
        for index, one in enumerate(self.record.steps):
            if index:
                stage.pause(one.step.after_s)
            if self.plan.engine == "http_probe" and not self._probe.running:
                one.error = "the load had ended before"
                return
            self._tell(one.step.name)
            one.started_unix_ns = time.time_ns()
            stage.done = one.changes
            try:
                KINDS[one.step.do].do(stage, one.step.args)
            except ERRORS as error:
                one.error = str(error)
                self.record.failures.append(f"{self.plan.variant}: step {one.step.name!r}: {error}")
                return
            one.ended_unix_ns = time.time_ns()

    def _until_the_end(self, stage: Stage, begun: float) -> None:
        """The load goes on for after_s, and for as long as was asked for at least; or it has an end of its own."""
        plan = self.plan
        self._tell("after the last step")
        if plan.open_ended:
            least_s = seconds("duration", plan.probe["duration"]) if plan.probe.get("duration") else 0.0
            until = max(time.monotonic() + plan.after_s, begun + least_s)
            while time.monotonic() < until and self._probe.running:
                stage.pause(min(0.5, max(0.0, until - time.monotonic())))
            self._probe.finish()
            return
        while self._probe.running:
            stage.pause(0.5)

    def _last_answers(self) -> None:
        """The end of the load, whatever brought it."""
        if self._stop.is_set():
            self._probe.interrupt()
        elif self._probe.running:
            self._probe.finish()
        ended = self._probe.wait(LAST_ANSWERS_S)
        if ended is None:
            raise LoadError(f"the probe did not end within {LAST_ANSWERS_S:g} s")
        self.record.load = {name: ended[name] for name in ("started_unix_ns", "ended_unix_ns") if name in ended}
        self._late = ended.get("late", 0)

    def _await_counters(self, stage: Stage, recorder: Recorder) -> None:
        """Answers did not come in time: whether a CPU limit held them up is told by counters that are read later."""
        deadline = time.monotonic() + COUNTERS_WAIT_S
        load = self.record.load
        while not recorder.tells_of(load["started_unix_ns"], load["ended_unix_ns"]) and time.monotonic() < deadline:
            stage.pause(0.2)

    def _collect(self, stage: Stage, kind: str) -> None:
        """Each thing that was found in a file of its own, <record>.<thing>.json."""
        found = COLLECTORS[kind](stage, self.record.address, self.plan.probe)
        for name, value in found.items():
            Path(f"{self.plan.record}.{name}.json").write_text(json.dumps(value) + "\n", encoding="utf-8")

    def _stop_recording(self, recorder: Recorder) -> None:
        failure = recorder.failure()
        recorder.stop(failure)
        if failure:
            self.record.problems.append(f"the recorder {failure}")

    def _end(self, stage: Stage, recorder: Recorder | None) -> None:
        """Stop what still records, put back what was changed."""
        if recorder is not None:
            self._stop_recording(recorder)
        stage.stop = threading.Event()  # putting back is not interrupted
        _done, failed, _left = undo_all(stage, stage.journal)
        self.record.not_undone = failed
        self.record.failures.extend(f"{self.plan.variant}: not put back: {reason}" for reason in failed)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
