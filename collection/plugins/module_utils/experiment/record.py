# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The experiment's record (docs/experiment.md): what was done when, and what makes it inconclusive or a failure."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from typing import Any

from .plan import Plan, PlannedStep
from .stage import Change

KIND = "experiment"
SCHEMA_VERSION = 1
SUFFIX = ".experiment.json"
Json = dict[str, Any]


@dataclass
class StepRecord:
    """One step as it happened; `ended_unix_ns` is 0 where it did not come to its end."""

    step: PlannedStep
    started_unix_ns: int = 0
    ended_unix_ns: int = 0
    error: str = ""
    changes: list[Change] = field(default_factory=list)

    @property
    def at_unix_ns(self) -> int:
        """The mark: when its first change was sent, or when it began where it changes nothing itself."""
        return self.changes[0].called_unix_ns if self.changes else self.started_unix_ns

    def to_record(self) -> Json:
        return {
            "do": self.step.do,
            "name": self.step.name,
            "started_unix_ns": self.started_unix_ns,
            "at_unix_ns": self.at_unix_ns,
            "ended_unix_ns": self.ended_unix_ns,
            "error": self.error,
            "changes": [change.to_record() for change in self.changes],
        }


class ExperimentRecord:
    """Grows while the experiment runs; `write` puts it beside the other records, whole or not at all."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.started_unix_ns = time.time_ns()
        self.steps = [StepRecord(step) for step in plan.steps]
        self.load: Json = {}
        self.address = ""
        self.interrupted = False
        self.failures: list[str] = []
        self.problems: list[str] = []
        self.not_undone: list[str] = []
        self.advice: list[Json] | None = None  # None: nobody looked for any
        self.phases_s: dict[str, float] = {}
        self.cpu_percent: float | None = None

    def judge(self) -> None:
        """What did not go as planned makes the run inconclusive, whatever was measured."""
        for one in self.steps:
            name = f"step {one.step.name!r}"
            if not one.ended_unix_ns:
                why = one.error or ("it was interrupted" if one.started_unix_ns else "it was not begun")
                self.problems.append(f"{name} did not happen: {why}")
            elif self.load.get("ended_unix_ns") and one.ended_unix_ns > self.load["ended_unix_ns"]:
                late_s = (one.ended_unix_ns - self.load["ended_unix_ns"]) / 1e9
                self.problems.append(f"{name} ended {late_s:.1f} s after the load")
        if self.interrupted:
            self.problems.append("the experiment was interrupted")

    def to_record(self) -> Json:
        return {
            "record": KIND,
            "schema_version": SCHEMA_VERSION,
            "scenario": self.plan.scenario,
            "variant": self.plan.variant,
            "namespace": self.plan.namespace,
            "service": self.plan.service,
            "address": self.address,
            "started_unix_ns": self.started_unix_ns,
            "ended_unix_ns": time.time_ns(),
            "load": {"engine": self.plan.engine, **self.load},
            "steps": [one.to_record() for one in self.steps],
            "interrupted": self.interrupted,
            "problems": self.problems,
            "failures": self.failures,
            "not_undone": self.not_undone,
            "advice": self.advice,
            "phases_s": {name: round(seconds, 3) for name, seconds in self.phases_s.items()},
            "cpu_percent": self.cpu_percent,
        }

    def write(self) -> Json:
        """Write it to <record>.experiment.json; returns it. Raises OSError."""
        record = self.to_record()
        path = self.plan.record + SUFFIX
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
            file.write("\n")
        os.replace(path + ".tmp", path)
        return record


def read_record(record: str) -> Json | None:
    """The record of the experiment with this stem; None when it left none."""
    try:
        with open(record + SUFFIX, encoding="utf-8") as file:
            read: Json = json.load(file)
    except FileNotFoundError:
        return None
    return read


def run_of(plan: Plan) -> Json:
    """The records of the run as availability_report takes them; empty when nothing was measured."""
    files = {
        "experiment": SUFFIX,
        "probe": ".probe.json",
        "cluster": ".cluster.jsonl",
        "attempts": ".attempts.jsonl",
        "stored": ".stored.json",
        "served": ".served.json",
    }
    there = {name: plan.record + end for name, end in files.items() if os.path.exists(plan.record + end)}
    if "probe" not in there:
        return {}
    return {"variant": plan.variant, **there}
