# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The task as a playbook runs it: its example, its check mode, and its errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.availability.lab.plugins.action.availability_report import ARGUMENTS
from ansible_collections.availability.lab.plugins.modules import availability_report
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_cluster import rolling_update
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)

RUN = "results/blue-green/2026-11-21T070000Z"
DOCUMENTED = yaml.safe_load(availability_report.DOCUMENTATION)["options"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A playbook's folder with the records that the example names."""
    (tmp_path / RUN).mkdir(parents=True)
    for name in ("rolling", "switch"):
        record = probe_record(versions=[(0, "blue"), (15, "green")], duration_s=30)
        (tmp_path / RUN / f"{name}.json").write_text(json.dumps(record))
    (tmp_path / RUN / "rolling.cluster.jsonl").write_text(rolling_update(START_NS, 15).text(30))
    return tmp_path


def play(folder: Path, tasks: list[dict[str, Any]], *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    collections = next(entry for entry in sys.path if (Path(entry) / "ansible_collections" / "availability").exists())
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", "play.yml"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    return subprocess.run(
        [*command, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def example() -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = yaml.safe_load(availability_report.EXAMPLES)
    return tasks


def test_the_example_runs_and_shows_the_table(folder: Path) -> None:
    done = play(folder, example())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Blue to green under load: PASS" in done.stdout
    assert {path.name for path in (folder / RUN).iterdir()} >= {"report.html", "result.json", "charts.png", "junit.xml"}
    assert (folder / "results" / "index.html").is_file()


def test_check_mode_writes_nothing(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = play(folder, example()[:1], "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=1" in done.stdout
    assert sorted(path for path in folder.rglob("*") if path.name != "play.yml") == before


BAD: list[tuple[dict[str, Any], str]] = [
    ({"runs": []}, "runs: expected at least one probe record"),
    ({"runs": [{"variant": "a", "probe": "play.yml"}]}, "play.yml:1: not JSON"),
    ({"expectations": ["availability = 100"]}, "expectations: 'availability = 100': expected <figure>"),
    ({"formats": ["pdf"]}, "value of formats must be one or more of: html, png, card, json"),
    ({"scenaro": "x"}, "scenaro"),
    ({"runs": [{"variant": "a", "probe": f"{RUN}/switch.json", "cure_of": "b"}]}, "runs: cure_of: a is said to cure b"),
    ({"slo": 100}, "slo is 100, expected a percentage above 0 and below 100"),
    ({"monthly_requests": 0}, "monthly_requests is 0, expected 1 or more"),
    (
        {"runs": [{"variant": "a", "probe": f"{RUN}/rolling.json", "disturbed_from": "2026-11-21T07:00:10Z"}]},
        "runs: disturbed_to: expected a time, because disturbed_from is given",
    ),
    (
        {"runs": [{"variant": "a", "probe": f"{RUN}/rolling.json", "stored": "play.yml"}]},
        "runs: stored: expected attempts beside it",
    ),
    (
        {"runs": [{"variant": "a", "probe": f"{RUN}/rolling.json", "settings": {"probes": [1]}}]},
        "runs: settings: a: probes: expected text, a number or a boolean, got [1]",
    ),
]


def test_bad_input_is_one_error_each(folder: Path) -> None:
    """One play for all: each task has to fail, and its message is shown by its rescue."""
    tasks: list[dict[str, Any]] = []
    for changes, _text in BAD:
        task = example()[0]
        task["availability.lab.availability_report"].update(changes)
        show = {"ansible.builtin.debug": {"msg": "told: {{ ansible_failed_result.msg }}"}}
        tasks.append({"block": [task], "rescue": [show]})
    done = play(folder, tasks)
    assert f"rescued={len(BAD)}" in done.stdout, done.stdout + done.stderr
    shown = " ".join(done.stdout.replace("''", "'").split())
    for _changes, text in BAD:
        assert text in shown
    assert not (folder / RUN / "result.json").exists()


def test_the_documentation_tells_of_every_argument() -> None:
    compare(DOCUMENTED, ARGUMENTS)


def compare(documented: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert set(documented) == set(arguments)
    for name, argument in arguments.items():
        told = documented[name]
        assert told.get("required", False) == argument.get("required", False), name
        assert told.get("default") == argument.get("default"), name
        assert told.get("choices") == argument.get("choices"), name
        if "options" in argument:
            compare(told["suboptions"], argument["options"])
