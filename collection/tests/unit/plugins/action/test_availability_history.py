# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The task as a playbook runs it: its example, its check mode, and its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.availability.lab.plugins.action.availability_history import ARGUMENTS
from ansible_collections.availability.lab.plugins.module_utils.report.render.files import to_json
from ansible_collections.availability.lab.plugins.modules import availability_history
from ansible_collections.availability.lab.tests.unit.plugins.action.test_availability_report import compare, play
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.history.gateway import certificates, running
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.history.samples import result

RESULT = "results/rolling-update/2026-11-21T070000Z/result.json"
NAME = "availability.lab.availability_history"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A playbook's folder with the result that the example names."""
    path = tmp_path / RESULT
    path.parent.mkdir(parents=True)
    path.write_text(to_json(result(scenario="rolling-update")))
    return tmp_path


def example() -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = yaml.safe_load(availability_history.EXAMPLES)
    return tasks


def test_the_example_keeps_the_run_in_both_places(folder: Path) -> None:
    context, files = certificates(folder)
    with running(context) as gateway:
        told = {
            "etcd_endpoints": [gateway.url],
            "etcd_client_files": {
                "ca": files["ca_cert"], "certificate": files["client_cert"], "key": files["client_key"],
            },
        }  # fmt: skip
        first = play(folder, example(), "-e", json.dumps(told), "--diff")
        assert first.returncode == 0, first.stdout + first.stderr
        again = play(folder, example(), "-e", json.dumps(told))
        keys = list(gateway.keys)
    assert "changed=2" in first.stdout
    assert '+{"record":"history"' in first.stdout
    assert "0 earlier runs are too little history" in first.stdout
    assert "changed=0" in again.stdout
    assert keys == [b"/availability-lab/history/rolling-update/2026-11-21T070000.000000Z"]
    assert [path.name for path in (folder / "results/history").rglob("*.json")] == ["2026-11-21T070000.000000Z.json"]


def test_check_mode_writes_nothing(folder: Path) -> None:
    done = play(folder, example()[1:2], "--check")
    assert "changed=1" in done.stdout, done.stdout + done.stderr
    assert not (folder / "results/history").exists()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"operation": "put", "result": RESULT}, "one of the following is required: directory, endpoints"),
    ({"operation": "put", "directory": "h"}, "operation is put but all of the following are missing: result"),
    ({"operation": "put", "directory": "h", "result": "play.yml"}, "play.yml:1: not JSON"),
    ({"operation": "get", "directory": "h", "scenario": "x"}, "scenario: the history has no run of x"),
    ({"operation": "get", "directory": "h", "scenario": "../x"}, "scenario is '../x', expected a name"),
    (
        {"operation": "prune", "directory": "h"},
        "any of the following are missing: keep, older_than",
    ),
    ({"operation": "prune", "directory": "h", "keep": -1}, "keep is -1, expected 0 or more"),
    ({"operation": "prune", "directory": "h", "older_than": "old"}, "older_than is 'old', expected a number"),
    ({"operation": "list", "endpoints": []}, "endpoints: expected at least one URL"),
    ({"operation": "list", "endpoints": ["http://127.0.0.1:1"]}, "endpoints: no member answered"),
    ({"operation": "list", "directory": "bad"}, "history: "),
    ({"operation": "erase", "directory": "h"}, "value of operation must be one of: put, list, get, prune"),
]


def test_bad_input_is_one_error_each(folder: Path) -> None:
    """One play for all: each task has to fail, and its message is shown by its rescue."""
    (folder / "bad/x").mkdir(parents=True)
    (folder / "bad/x/y.json").write_text('{"record": "history", "schema_version": 1}')
    show = {"ansible.builtin.debug": {"msg": "told: {{ ansible_failed_result.msg }}"}}
    done = play(folder, [{"block": [{NAME: bad}], "rescue": [show]} for bad, _text in BAD])
    assert f"rescued={len(BAD)}" in done.stdout, done.stdout + done.stderr
    shown = " ".join(done.stdout.replace("''", "'").split())
    for _bad, text in BAD:
        assert text in shown
    assert not (folder / "h").exists()
    assert not (folder / "results/history").exists()


def test_the_documentation_tells_of_every_argument() -> None:
    compare(yaml.safe_load(availability_history.DOCUMENTATION)["options"], ARGUMENTS)
