# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The record of an experiment gives a run its marks and its disturbance; what did not go as planned is no pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.publish import publish
from ansible_collections.availability.lab.plugins.module_utils.report.read.experiment_record import with_experiment
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)

Json = dict[str, Any]


def step(name: str, from_s: float, to_s: float | None) -> Json:
    at = START_NS + int(from_s * 1e9)
    return {
        "do": "apply", "name": name, "started_unix_ns": at - 5_000_000, "at_unix_ns": at,
        "ended_unix_ns": 0 if to_s is None else START_NS + int(to_s * 1e9), "error": "", "changes": [],
    }  # fmt: skip


def written(folder: Path, steps: list[Json], problems: list[str]) -> Json:
    """A run entry with its two records."""
    known = {"schema_version": 1, "address": "http://x", "service": "web"}
    record = {"record": "experiment", **known, "steps": steps, "problems": problems}
    (folder / "a.experiment.json").write_text(json.dumps(record))
    (folder / "a.probe.json").write_text(json.dumps(probe_record()))
    paths = {"probe": str(folder / "a.probe.json"), "experiment": str(folder / "a.experiment.json")}
    return {"variant": "a", "phase": "during", "cluster": None, "attempts": None, "events": [], "stable": 1, **paths}


def published(folder: Path, source: Json, **more: Any) -> Json:
    made = publish(
        scenario="s", title="", directory=folder / "out", sources=[source], expectations=[], formats=["json"], **more
    )
    return made.record


def test_marks_and_disturbance_are_the_steps(tmp_path: Path) -> None:
    told = with_experiment(written(tmp_path, [step("one", 1, 1.5), step("two", 2, 2.25)], []))
    assert [mark["name"] for mark in told["events"]] == ["one", "two"]
    assert told["events"][0]["at"] == pytest.approx(START_NS / 1e9 + 1, abs=1e-5)
    assert told["disturbed_from"] == told["events"][0]["at"]
    assert told["disturbed_to"] == pytest.approx(START_NS / 1e9 + 2.25, abs=1e-5)


def test_a_round_of_a_proof_is_not_cut(tmp_path: Path) -> None:
    told = with_experiment({**written(tmp_path, [step("one", 1, 1.5)], []), "phase": "round 1"})
    assert "disturbed_from" not in told


def test_a_step_that_did_not_happen_makes_the_run_inconclusive(tmp_path: Path) -> None:
    steps = [step("one", 1, None)]
    record = published(tmp_path, written(tmp_path, steps, ["step 'one' did not happen: no such object"]))
    assert record["verdict"] == "inconclusive"
    assert any("did not happen" in reason for reason in record["reasons"])


def test_what_could_not_be_done_makes_it_a_fail(tmp_path: Path) -> None:
    record = published(tmp_path, written(tmp_path, [step("one", 1, 1.5)], []), failures=["a: not put back: x"])
    assert record["verdict"] == "fail"
    assert record["reasons"][0] == "a: not put back: x"


def test_a_foreign_record_is_named(tmp_path: Path) -> None:
    source = written(tmp_path, [], [])
    Path(source["experiment"]).write_text('{"record": "probe", "schema_version": 1}')
    with pytest.raises(RecordError, match=r"a\.experiment\.json:1"):
        with_experiment(source)
