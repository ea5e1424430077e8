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
from ansible_collections.availability.lab.plugins.module_utils.history.entry import entry_of
from ansible_collections.availability.lab.plugins.module_utils.report.compare.compared import (
    compare_files,
    compare_with_history,
)
from ansible_collections.availability.lab.plugins.module_utils.report.compare.observed import ComparisonError
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.plugins.module_utils.report.render.files import to_json
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.plugins.modules import availability_compare
from ansible_collections.availability.lab.tests.unit.plugins.action.test_availability_report import compare, play
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)


def write(folder: Path, name: str, scenario: str = "rolling", variant: str = "bare", **options: Any) -> str:
    run = Run(variant, "during", "p.json", probe_record(**{"duration_s": 20, **options}))
    path = folder / name / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(to_json(build(scenario, "", [run], [], {})))
    return str(path)


def at(minute: int) -> int:
    return START_NS + minute * 60 * 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five runs without a failure, and five in which two seconds were lost."""
    for seed in range(5):
        bad = [(10, 12 + seed / 10, "refused")]
        write(tmp_path, f"results/old/{seed}", seed=seed, start_ns=at(2 * seed))
        write(tmp_path, f"results/new/{seed}", seed=seed + 9, start_ns=at(2 * seed + 1), bad=bad)
    return tmp_path


def test_the_example_stops_a_regression(folder: Path) -> None:
    done = play(folder, yaml.safe_load(availability_compare.EXAMPLES))
    assert done.returncode != 0
    assert "rolling: WORSE" in done.stdout, done.stdout + done.stderr
    assert "bare: worse (5 earlier runs, 5 new)" in done.stdout
    assert "longest outage 2.40 s: more than the 100 ms that history allows, p = 0.0" in done.stdout


def test_the_same_runs_the_other_way_round_are_better(folder: Path) -> None:
    old, new = (sorted(str(path) for path in folder.glob(f"results/{side}/*/result.json")) for side in ("old", "new"))
    found = compare_files(new, old, [])
    assert (found["verdict"], found["variants"]["bare"]["availability"]["verdict"]) == ("better", "better")


def test_what_cannot_be_compared_is_refused(folder: Path) -> None:
    old = str(folder / "results/old/0/result.json")
    other = write(folder, "other", scenario="blue-green")
    foreign = write(folder, "foreign", variant="else")
    broken, cut = folder / "broken.json", folder / "cut.json"
    cut.write_text(Path(old).read_text()[:2000])
    headless = folder / "headless.json"
    headless.write_text(json.dumps({"record": "result", "schema_version": 1, "scenario": "rolling"}))
    broken.write_text(json.dumps({"record": "result", "schema_version": 9}))
    with pytest.raises(ComparisonError, match="different scenarios say nothing about each other: blue-green, rolling"):
        compare_files([old], [other], [])
    with pytest.raises(ComparisonError, match="no variant in common"):
        compare_files([old], [foreign], [])
    with pytest.raises(ComparisonError, match="is on both sides"):
        compare_files([old], [old], [])
    with pytest.raises(ComparisonError, match=r"foreign/result\.json: no variant 'bare'; there are else"):
        compare_files([old], [foreign], ["bare"])
    with pytest.raises(RecordError, match=r"broken\.json:1: \"schema_version\" 9 of \"result\" is newer"):
        compare_files([old], [str(broken)], [])
    with pytest.raises(RecordError, match=r"cut\.json:\d+: the record ends in the middle"):
        compare_files([old], [str(cut)], [])
    with pytest.raises(RecordError, match=r"headless\.json:1: \"title\" is missing: not a whole result"):
        compare_files([old], [str(headless)], [])


def results(folder: Path, side: str) -> list[str]:
    return sorted(str(path) for path in folder.glob(f"results/{side}/*/result.json"))


def history(folder: Path, side: str, profile: str = "quick") -> list[dict[str, Any]]:
    return [entry_of(json.loads(Path(path).read_text()), profile) for path in results(folder, side)]


def test_a_new_run_is_held_against_the_history(folder: Path) -> None:
    new, old = results(folder, "new")[:1], history(folder, "old")
    found = compare_with_history(old, new, [])
    assert found["verdict"] == "too few runs", "the worst of six is beaten by chance in one of six cases"
    assert found["summary"] == "rolling: 5 earlier runs are too little history for 1 new, 19 are needed\n"
    long = [{**old[number % 5], "started_unix_ns": at(-number)} for number in range(1, 20)]
    found = compare_with_history(long, new, [])
    assert found["verdict"] == "worse"
    assert "longest outage 2 s: more than the 100 ms that history allows" in found["summary"], found["summary"]
    like = write(folder, "like", start_ns=at(30), seed=77)
    assert compare_with_history(long, [like], [])["verdict"] == "no evidence"


def test_the_objective_tells_how_much_availability_matters(folder: Path) -> None:
    """Two of 400 requests lost in each new run: a budget of three nines five times over, a fifth of one of 97.5 %."""
    sides: dict[str, list[str]] = {"old": [], "new": []}
    for side, bad in (("old", []), ("new", [(10, 10.06, "refused")])):
        for number in range(5):
            sides[side].append(write(folder, f"some/{side}/{number}", seed=number, start_ns=at(number), bad=bad))
    assert compare_files(sides["old"], sides["new"], [])["variants"]["bare"]["availability"]["verdict"] == "worse"
    for text, verdict in (
        ("availability >= 90", "no evidence"),
        ("error_rate < 10 %", "no evidence"),
        ("availability >= 97.5", "worse"),
        ("availability{lane=new} >= 90", "worse"),
        ("http_req_failed: rate<0.1", "worse"),
    ):
        for path in map(Path, sides["new"]):
            result = json.loads(path.read_text())
            result["variants"][0]["phases"][0]["objectives"] = [{"text": text}]
            path.write_text(to_json(result))
        part = compare_files(sides["old"], sides["new"], [])["variants"]["bare"]["availability"]
        assert part["verdict"] == verdict, (text, part)


def test_a_run_that_is_in_the_history_already_is_not_its_own_baseline(folder: Path) -> None:
    new = results(folder, "new")
    long = [{**history(folder, "old")[0], "started_unix_ns": at(-number)} for number in range(1, 20)]
    found = compare_with_history(long + history(folder, "new")[:1], new[:1], [])
    assert found["variants"]["bare"]["baseline_runs"] == 19
    assert compare_with_history(history(folder, "new")[:1], new[:1], [])["verdict"] == "too few runs"


def test_the_first_run_of_all_has_too_little_history(folder: Path) -> None:
    found = compare_with_history([], results(folder, "new")[:1], [])
    assert found["verdict"] == "too few runs"
    assert found["summary"] == "rolling: 0 earlier runs are too little history for 1 new, 19 are needed\n"


def test_too_little_history_is_one_line_on_the_screen(folder: Path) -> None:
    new = str(folder / "results/new/0/result.json")
    task = {"availability.lab.availability_compare": {"history": [], "candidate": [new]}, "name": "Compare"}
    done = play(folder, [task])
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    told = lines.index("rolling: 0 earlier runs are too little history for 1 new, 19 are needed")
    assert lines[told - 1].startswith("TASK [Compare]")
    assert lines[told + 1] == "ok: [localhost]"


def test_a_history_that_cannot_be_used_is_refused(folder: Path) -> None:
    new = results(folder, "new")[:1]
    mixed = history(folder, "old") + history(folder, "old", "full")
    with pytest.raises(ComparisonError, match="history has runs of the profiles full, quick"):
        compare_with_history(mixed, new, [])
    with pytest.raises(ComparisonError, match=r"history\[1\] is no entry of the history"):
        compare_with_history([*history(folder, "old")[:1], {"scenario": "rolling"}], new, [])


def test_whether_the_runs_took_turns_is_said(folder: Path) -> None:
    old, new = results(folder, "old"), results(folder, "new")
    taken = compare_files(old, new, [])
    assert (taken["alternated"], "take turns" in taken["summary"]) == (True, False)
    later = [write(folder, f"later/{n}", start_ns=at(60 + n), seed=n) for n in range(5)]
    found = compare_files(old, later, [])
    assert (found["alternated"], "the runs did not take turns" in found["summary"]) == (False, True)


def test_more_requests_a_run_are_no_more_evidence(folder: Path) -> None:
    """One run of five lost requests: with ten times the rate ten times as many are lost, the p-value stays."""
    found = []
    for rate in (20, 200):
        sides = [
            [
                write(folder, f"{rate}/{side}/{n}", rate=rate, start_ns=at(2 * n + side), duration_s=10,
                      bad=[(5, 7, "refused")] if side and n == 2 else ())
                for n in range(5)
            ]
            for side in (0, 1)
        ]  # fmt: skip
        part = compare_files(*sides, [])["variants"]["bare"]["availability"]
        assert part["verdict"] == "no evidence"
        found.append(part["p_value"])
    assert found[0] == pytest.approx(found[1])


def test_the_documentation_tells_of_every_argument() -> None:
    compare(yaml.safe_load(availability_compare.DOCUMENTATION)["options"], ARGUMENTS)
