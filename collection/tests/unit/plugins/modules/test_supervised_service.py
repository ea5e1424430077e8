# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module as Ansible calls it, with a real program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.module_utils.host.supervisor import start_ticks
from ansible_collections.availability.lab.plugins.modules import supervised_service

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Calls the module and returns its result; ends the service afterwards."""

    def call(check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {
            "name": "web",
            "directory": str(tmp_path / "run"),
            "log_file": str(tmp_path / "web.log"),
            "_ansible_check_mode": check,
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            supervised_service.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    yield call
    call(state="absent")


SLEEP = ["sleep", "1000"]


def test_the_second_run_changes_nothing(run: Run) -> None:
    first = run(command=SLEEP)
    assert first["changed"]
    assert start_ticks(first["pid"]) is not None
    second = run(command=SLEEP)
    assert not second["changed"]
    assert (second["pid"], second["supervisor_pid"]) == (first["pid"], first["supervisor_pid"])


def test_a_changed_command_or_environment_restarts_it(run: Run) -> None:
    first = run(command=SLEEP)
    second = run(command=["sleep", "1001"])
    third = run(command=["sleep", "1001"], environment={"PORT": 80})
    assert second["changed"]
    assert third["changed"]
    assert len({first["pid"], second["pid"], third["pid"]}) == 3
    assert not run(command=["sleep", "1001"], environment={"PORT": "80"})["changed"]


def test_restarted_always_restarts(run: Run) -> None:
    first = run(command=SLEEP)
    second = run(command=SLEEP, state="restarted")
    assert second["changed"]
    assert second["pid"] != first["pid"]


def test_stopped_and_absent(run: Run, tmp_path: Path) -> None:
    pid = run(command=SLEEP)["pid"]
    stopped = run(state="stopped")
    assert (stopped["changed"], stopped["pid"]) == (True, None)
    assert start_ticks(pid) is None
    assert not run(state="stopped")["changed"]
    assert run(state="absent")["changed"], "its spec was still there"
    assert not run(state="absent")["changed"]
    assert not list((tmp_path / "run").glob("web.s*"))
    assert (tmp_path / "web.log").exists()


def test_check_mode_predicts_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    predicted = run(check=True, command=["not-installed-yet"])
    assert predicted["changed"]
    assert predicted["diff"] == {
        "before": {"state": "stopped", "command": None},
        "after": {"state": "started", "command": ["not-installed-yet"]},
    }
    assert not (tmp_path / "run").exists()
    pid = run(command=SLEEP)["pid"]
    assert run(check=True, command=SLEEP) == {**run(command=SLEEP), "changed": False, "pid": pid}
    assert run(check=True, state="stopped")["changed"]
    assert start_ticks(pid) is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"command": ["no-such-program"]}, "command: no-such-program is not a program"),
        ({"command": SLEEP, "user": "no-such-user"}, "no-such-user"),
        ({"state": "started"}, "command"),
        ({"command": SLEEP, "name": "../x"}, "name: expected letters"),
        ({"command": ["false"]}, "web did not stay up: the command ended with 1"),
    ],
)
def test_bad_input_is_one_clear_error(run: Run, options: dict[str, Any], said: str) -> None:
    result = run(**options)
    assert result["failed"]
    assert said in result["msg"]
