# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""http_probe as a module: check mode, results, failing by verdict; and its documentation against its options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import ARGUMENTS, TASK_ARGUMENTS
from ansible_collections.availability.lab.plugins.modules import http_probe
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving

LENIENT = {"max_lateness": "10s", "max_steal": 100}  # a busy machine is no fault of the module


def run(capsys: pytest.CaptureFixture[str], check: bool = False, **arguments: Any) -> dict[str, Any]:
    with patch_module_args({**LENIENT, **arguments, "_ansible_check_mode": check}), pytest.raises(SystemExit):
        http_probe.main()
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_a_good_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result, attempts = tmp_path / "r.json", tmp_path / "a.jsonl"
    with serving() as server:
        told = run(
            capsys,
            url=[server.url + "/"],
            rate=50,
            requests=10,
            result=str(result),
            attempts=str(attempts),
            report="client",
        )
    assert (told["verdict"], told["changed"], told["result"]) == ("pass", True, str(result))
    assert told["probe"]["totals"]["completed"] == 10
    assert "timeline" not in told["probe"]
    assert "buckets" not in told["probe"]["totals"]["latency"]
    assert "attempts:  10" in told["report"]
    assert json.loads(result.read_text())["timeline"]["rows"]


def test_secrets_stand_in_neither_result_nor_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(
        "ansible.module_utils.basic.AnsibleModule._log_to_syslog", lambda _self, text: logged.append(text)
    )
    monkeypatch.setattr("ansible.module_utils.basic.has_journal", False)
    with serving() as server:
        address = server.url.replace("http://", "http://bob:hunter2@") + "/?token=tok123"
        headers = {"Authorization": "Bearer s3cret", "Accept": "text/html"}
        told = run(capsys, url=[address], headers=headers, rate=50, requests=5)
    text = json.dumps(told) + "".join(logged)
    assert not [secret for secret in ("s3cret", "hunter2", "tok123") if secret in text]
    assert told["invocation"]["module_args"]["headers"]["Accept"] == "text/html"
    assert told["probe"]["totals"]["completed"] == 5


@pytest.mark.parametrize(("fail_on", "failed"), [("fail", True), ("inconclusive", True), ("never", False)])
def test_the_verdict_decides_whether_the_task_fails(
    capsys: pytest.CaptureFixture[str], fail_on: str, failed: bool
) -> None:
    with serving() as server:
        told = run(capsys, url=[server.url + "/500"], rate=50, requests=5, fail_on=fail_on)
    assert told.get("failed", False) is failed
    assert told["verdict"] == "fail"
    assert told["changed"] is False
    assert not failed or told["msg"] == "fail: failed is 5, expected == 0"


def test_check_mode_validates_and_returns_the_plan(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = tmp_path / "r.json"
    with serving() as server:
        told = run(capsys, check=True, url=[server.url + "/"], rate=20, duration="5s", result=str(result))
        assert server.requests == []
    assert told["plan"]["requests"] == 100
    assert told["changed"] is True
    assert not result.exists()
    wrong = run(capsys, check=True, url=["http://127.0.0.1/"], rate=20)
    assert wrong["failed"]
    assert wrong["msg"].startswith("duration: expected duration or requests")


def test_every_option_is_documented_as_it_is() -> None:
    documented = yaml.safe_load(http_probe.DOCUMENTATION)["options"]

    def compare(spec: dict[str, Any], told: dict[str, Any]) -> None:
        assert set(spec) == set(told)
        for name, argument in spec.items():
            for key in ("type", "elements", "default", "choices", "required"):
                assert argument.get(key) == told[name].get(key), (name, key)
            if "options" in argument:
                compare(argument["options"], told[name]["suboptions"])

    compare({**ARGUMENTS, **TASK_ARGUMENTS}, documented)
