# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The command as people run it: its options, exit codes, files and last lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.command import HELP, main, options_of, parser
from ansible_collections.availability.lab.plugins.module_utils.probe.options import ARGUMENTS, OptionError
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving

ENGINE = Path(__file__).parents[5] / "plugins" / "module_utils"
LENIENT = ["--max-lateness", "10s", "--max-steal", "100"]  # a busy machine is no fault of the command


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "probe", *arguments],
        env={**os.environ, "PYTHONPATH": str(ENGINE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_option() -> None:
    told = run("--help")
    assert told.returncode == 0
    for name in ARGUMENTS:
        flag = "--no-verify" if name == "verify" else "--" + name.replace("_", "-")
        assert flag in told.stdout
    assert set(HELP) == set(ARGUMENTS)


@pytest.mark.parametrize(("path", "code", "word"), [("/", 0, "verdict: pass"), ("/500", 1, "verdict: fail")])
def test_exit_codes_and_summary(path: str, code: int, word: str, tmp_path: Path) -> None:
    result = tmp_path / "r.json"
    with serving() as server:
        told = run("--url", server.url + path, "--rate", "20", "--requests", "10", "--result", str(result), *LENIENT)
    assert told.returncode == code, told.stderr
    assert word in told.stdout
    assert "due 10" in told.stdout
    assert json.loads(result.read_text())["argv"][0] == "--url"


def test_a_wrong_option_says_so_in_one_line() -> None:
    told = run("--url", "http://127.0.0.1:1/", "--rate", "20")
    assert told.returncode == 64
    assert told.stderr == "probe: duration: expected duration or requests (or both), got neither\n"


def test_lists_pairs_and_json_become_option_values() -> None:
    line = ["--url", "http://a/", "--url", "http://b/", "--headers", "X-A=b=c", "--rate", "3", "--no-verify"]
    line += ["--stages", '{"duration": "1s", "rate": 2}']
    raw = options_of(parser().parse_args(line))
    assert raw == {
        "url": ["http://a/", "http://b/"],
        "headers": {"X-A": "b=c"},
        "rate": 3.0,
        "verify": False,
        "stages": [{"duration": "1s", "rate": 2}],
    }


@pytest.mark.parametrize("line", [["--headers", "X"], ["--stages", "{"], ["--stages", "[]"]])
def test_values_that_cannot_be_read(line: list[str]) -> None:
    with pytest.raises(OptionError):
        options_of(parser().parse_args(line))


def test_recover_and_hdr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hlog = tmp_path / "x.hlog"
    with serving() as server:
        line = ["--url", server.url + "/", "--rate", "50", "--requests", "20", "--hdr", str(hlog), *LENIENT]
        assert main(line) == 0
    assert "Histogram log format" in hlog.read_text()
    assert "availability" in capsys.readouterr().out
    bad = tmp_path / "bad.progress"
    bad.write_text("nonsense\n")
    assert main(["--recover", str(bad)]) == 64
    assert "bad.progress, line 1" in capsys.readouterr().err
