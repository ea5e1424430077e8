# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The task as a playbook runs it: its example, and its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.availability.lab.plugins.action.availability_compare import ARGUMENTS
from ansible_collections.availability.lab.plugins.module_utils.report.compared import ComparisonError, compare_files
from ansible_collections.availability.lab.plugins.module_utils.report.files import to_json
from ansible_collections.availability.lab.plugins.module_utils.report.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.record_file import RecordError
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.plugins.modules import availability_compare
from ansible_collections.availability.lab.tests.unit.plugins.action.test_availability_report import compare, play
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record


def write(folder: Path, name: str, scenario: str = "rolling", variant: str = "bare", **options: Any) -> str:
    run = Run(variant, "during", "p.json", probe_record(duration_s=20, **options))
    path = folder / name / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(to_json(build(scenario, "", [run], [], {})))
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five runs without a failure, and five in which two seconds were lost."""
    for seed in range(5):
        write(tmp_path, f"results/old/{seed}", seed=seed)
        write(tmp_path, f"results/new/{seed}", seed=seed + 9, bad=[(10, 12 + seed / 10, "refused")])
    return tmp_path


def test_the_example_stops_a_regression(folder: Path) -> None:
    done = play(folder, yaml.safe_load(availability_compare.EXAMPLES))
    assert done.returncode != 0
    assert "rolling: WORSE" in done.stdout, done.stdout + done.stderr
    assert "bare: worse (5 earlier runs, 5 new)" in done.stdout
    assert "more than the 500 ms that history allows" in done.stdout


def test_the_same_runs_the_other_way_round_are_better(folder: Path) -> None:
    old, new = (sorted(str(path) for path in folder.glob(f"results/{side}/*/result.json")) for side in ("old", "new"))
    found = compare_files(new, old, [])
    assert (found["verdict"], found["variants"]["bare"]["availability"]["verdict"]) == ("better", "better")


def test_what_cannot_be_compared_is_refused(folder: Path) -> None:
    old = str(folder / "results/old/0/result.json")
    other = write(folder, "other", scenario="blue-green")
    foreign = write(folder, "foreign", variant="else")
    broken = folder / "broken.json"
    broken.write_text(json.dumps({"record": "result", "schema_version": 9}))
    with pytest.raises(ComparisonError, match="different scenarios say nothing about each other: blue-green, rolling"):
        compare_files([old], [other], [])
    with pytest.raises(ComparisonError, match="no variant in common"):
        compare_files([old], [foreign], [])
    with pytest.raises(ComparisonError, match="is on both sides"):
        compare_files([old], [old], [])
    with pytest.raises(RecordError, match=r"result\.json:\d+: no variant 'bare'; there are else"):
        compare_files([old], [foreign], ["bare"])
    with pytest.raises(RecordError, match=r"broken\.json:1: \"schema_version\" 9 of \"result\" is newer"):
        compare_files([old], [str(broken)], [])


def test_the_documentation_tells_of_every_argument() -> None:
    compare(yaml.safe_load(availability_compare.DOCUMENTATION)["options"], ARGUMENTS)
