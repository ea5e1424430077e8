# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One table over several runs: as a playbook shows it, and what becomes of runs without a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.availability.lab.plugins.action.availability_overview import ARGUMENTS
from ansible_collections.availability.lab.plugins.module_utils.report import expectation
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run, Window
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.plugins.module_utils.report.render.files import to_json
from ansible_collections.availability.lab.plugins.module_utils.report.render.overview import make_overview
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.plugins.modules import availability_overview
from ansible_collections.availability.lab.tests.unit.plugins.action.test_availability_report import compare, play
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)

BLUE = "results/blue-green/2026-11-21T070000Z"
ROLLING = "results/rolling-update/2026-11-21T070300Z"
NS = 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A playbook's folder with two runs: one without a failure, one with a variant that breaks its expectation."""
    window = Window(START_NS + 20 * NS, START_NS + 30 * NS, 5.0)
    bad = probe_record(bad=[(31, 32, "refused")])
    write(tmp_path / BLUE, "blue-green", [Run("rolling", "during", "p.json", probe_record())])
    runs = [
        Run("probes", "during", "p.json", probe_record(), None, window),
        Run("no-probes", "during", "p.json", bad, None, window),
    ]
    write(tmp_path / ROLLING, "rolling-update", runs)
    return tmp_path


def write(folder: Path, scenario: str, runs: list[Run]) -> None:
    folder.mkdir(parents=True)
    expected = [expectation.parse("availability == 100", {run.variant: ["during"] for run in runs})]
    (folder / "result.json").write_text(to_json(build(scenario, "", runs, expected, {})))


def test_the_example_shows_one_table(folder: Path) -> None:
    done = play(folder, yaml.safe_load(availability_overview.EXAMPLES))
    assert done.returncode != 0, "one variant broke what was expected of it"
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "scenario variant attempts availability failed longest outage p99 recovery verdict" in lines
    shown = [line for line in lines if line.startswith(("blue-green ", "rolling-update "))][:3]  # a failure repeats it
    assert [line.split()[:3] for line in shown] == [
        ["blue-green", "rolling", "1,200"],
        ["rolling-update", "probes", "1,200"],
        ["rolling-update", "no-probes", "1,200"],
    ]
    assert shown[0].endswith("- pass")
    assert shown[1].endswith("0 s pass")
    assert "98.33 % 20 1 s" in shown[2]
    assert shown[2].endswith("12 s fail")
    assert "rolling-update: no-probes: expected availability == 100, found 98.33 %" in done.stdout
    assert "all: FAIL" in lines
    assert {path.name for path in (folder / "results").iterdir() if path.is_file()} == {"overview.json", "overview.md"}


def test_check_mode_writes_nothing_and_a_second_run_changes_nothing(folder: Path) -> None:
    runs, target = [folder / BLUE, folder / ROLLING], folder / "results"
    assert make_overview(runs, target, check_mode=True).changed
    assert not (target / "overview.json").exists()
    made = make_overview(runs, target)
    assert made.changed
    assert not make_overview(runs, target).changed
    assert not make_overview(runs, target, check_mode=True).changed
    assert json.loads((target / "overview.json").read_text()) == made.record
    table = (target / "overview.md").read_text()
    assert table.startswith("### All scenarios: ❌ fail\n")
    assert "| rolling-update | no-probes | 1,200 | 98.33 % | 20 | 1 s |" in table


def test_a_run_without_a_result_is_never_a_pass(folder: Path) -> None:
    made = make_overview([folder / BLUE, folder / "results" / "cpu-stress" / "now"], folder)
    assert made.record["verdict"] == "inconclusive"
    assert [row["scenario"] for row in made.record["rows"]] == ["blue-green", "cpu-stress"]
    assert "no result.json in" in made.summary


def test_a_variant_that_never_recovered_has_no_time(folder: Path) -> None:
    window = Window(START_NS + 20 * NS, START_NS + 30 * NS, 40.0)
    write(folder / "never/now", "never", [Run("a", "during", "p", probe_record(bad=[(50, 51, "reset")]), None, window)])
    row = make_overview([folder / "never/now"], folder).record["rows"][0]
    assert (row["disturbed"], row["time_to_recovery_s"]) == (True, None)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", r"result\.json:1: the file is empty"),
        ('{"record": "result",\n "schema_version": 1', r"result\.json:2: the record ends in the middle"),
        ('{"record": "probe", "schema_version": 1}', r'"record" is "probe"; expected "result"'),
        ('{"record": "result", "schema_version": 2}', r'"schema_version" 2 of "result" is newer'),
        ('{"record": "result", "schema_version": 1}', r"result\.json:1: not a whole result: 'variants' is missing"),
    ],
)
def test_a_broken_result_is_named(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(RecordError, match=problem):
        make_overview([tmp_path], tmp_path)


def test_bad_input_is_one_error_each(folder: Path) -> None:
    (folder / BLUE / "result.json").write_text("")
    good: dict[str, Any] = {"directories": [ROLLING], "directory": "results"}
    bad = [
        ({**good, "directories": []}, "directories: expected at least one folder of a scenario run"),
        ({**good, "directories": [BLUE]}, "result.json:1: the file is empty"),
        ({**good, "directory": "play.yml/x"}, "directory: cannot be written"),
    ]
    tasks: list[dict[str, Any]] = [
        {
            "block": [{"availability.lab.availability_overview": arguments}],
            "rescue": [{"ansible.builtin.debug": {"msg": "told: {{ ansible_failed_result.msg }}"}}],
        }
        for arguments, _text in bad
    ]
    done = play(folder, tasks)
    assert f"rescued={len(bad)}" in done.stdout, done.stdout + done.stderr
    shown = " ".join(done.stdout.replace("''", "'").split())
    for _arguments, text in bad:
        assert text in shown


def test_the_documentation_tells_of_every_argument() -> None:
    compare(yaml.safe_load(availability_overview.DOCUMENTATION)["options"], ARGUMENTS)
