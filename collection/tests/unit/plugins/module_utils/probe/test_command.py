# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The command as people run it: its options, exit codes, files and last lines."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import ARGUMENTS, OptionError
from ansible_collections.availability.lab.plugins.module_utils.probe.command import main
from ansible_collections.availability.lab.plugins.module_utils.probe.flags import HELP, options_of, parser
from ansible_collections.availability.lab.plugins.module_utils.probe.words import WORDS
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
    assert sorted(name for group in HELP.values() for name in group) == sorted(ARGUMENTS)


def test_brief_help_fits_one_screen() -> None:
    told = run("-h")
    assert told.returncode == 0
    lines = told.stdout.splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 100
    for word in WORDS:
        assert f"probe {word.split()[0]} FILE" in told.stdout
    for flag in parser()._option_string_actions:
        if len(flag) == 2:
            assert flag in told.stdout or flag == "-h"


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
    told = run("http://127.0.0.1:1/", "--rate", "20", "--users", "3")
    assert told.returncode == 64
    assert told.stderr == "probe: rate: expected exactly one of rate, users and stages, got rate and users\n"
    told = run("http://127.0.0.1:1/", "--rat")
    assert told.returncode == 64
    assert told.stderr == "probe: unrecognized arguments: --rat (see --help)\n"


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


def test_the_short_flags_of_other_tools(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"a\r\nb")
    line = ["-H", "X-A: b=c", "-HX-B=d:e", "-X", "POST", "-d", f"@{body}", "-c", "3", "-n", "7", "-z", "1m", "-k"]
    raw = options_of(parser().parse_args([*line, "http://a/", "http://b/"]))
    assert raw == {
        "url": ["http://a/", "http://b/"],
        "headers": {"X-A": "b=c", "X-B": "d:e"},
        "method": "POST",
        "body": "a\r\nb",
        "users": 3,
        "requests": 7,
        "duration": "1m",
        "verify": False,
    }


def test_an_address_alone_is_enough() -> None:
    assert options_of(parser().parse_args(["http://a/"])) == {"url": ["http://a/"], "rate": 10.0, "duration": "10s"}
    assert options_of(parser().parse_args(["http://a/", "-c", "2"]))["duration"] == "10s"


@pytest.mark.parametrize(
    "text",
    [
        "url: http://a/\nrate: 5\nexpect_status: [200, 2xx]\n",
        '{"url": ["http://a/"], "rate": 5, "expect_status": ["200", "2xx"]}',
    ],
)
def test_options_from_a_file_go_behind_the_flags(text: str, tmp_path: Path) -> None:
    config = tmp_path / "plan.yml"
    config.write_text(text)
    raw = options_of(parser().parse_args(["--config", str(config), "-q", "8"]))
    assert raw == {"url": ["http://a/"], "rate": 8.0, "expect_status": ["200", "2xx"], "duration": "10s"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("rate: fast\n", "rate: expected a number, got 'fast'"),
        ("rate: true\n", "rate: "),
        ("headers: [a]\n", "headers: "),
        ("targets: [http://a/]\n", "targets[0]: "),
        ("verify: 3\n", "verify: "),
        ("rates: 3\n", "rates: unknown option"),
        ("- rate\n", "config: "),
        ("rate: [\n", "config: "),
    ],
)
def test_a_file_with_what_does_not_fit(
    text: str, names: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "plan.yml"
    config.write_text(text)
    assert main(["--config", str(config), "http://127.0.0.1:1/"]) == 64
    told = capsys.readouterr().err
    assert told.startswith(f"probe: {names}")
    assert told.count("\n") == 1


def test_json_goes_to_standard_output_and_the_summary_beside_it(tmp_path: Path) -> None:
    result = tmp_path / "r.json"
    with serving() as server:
        told = run(server.url + "/", "-q", "50", "-n", "10", "-o", "json", "--result", str(result), *LENIENT)
        quiet = run(server.url + "/500", "-q", "50", "-n", "10", "--quiet", "-H", "Cookie: abc", "-o", "json", *LENIENT)
    assert json.loads(told.stdout) == json.loads(result.read_text())
    assert "verdict: pass" in told.stderr
    assert quiet.returncode == 1
    assert quiet.stderr.startswith("verdict: fail (")
    assert quiet.stderr.count("\n") == 1
    assert "abc" not in quiet.stdout
    again = run("report", str(result))
    assert again.returncode == 0
    assert "due 10" in again.stdout
    assert run("report", str(tmp_path / "none")).returncode == 64


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["report"], "report: expected one file, got 0"),
        (["report", "a", "b"], "report: expected one file, got 2"),
        (["report", "RECORD", "--rate", "3"], "rate: is about a measurement, and report makes none"),
        (["--rate", "3", "report", "RECORD"], "rate: is about a measurement, and report makes none"),
        (["recover", "RECORD", "--no-verify"], "verify: is about a measurement, and recover makes none"),
        (["report", "RECORD", "-d", "x"], "-d: is about a measurement, and report makes none"),
        (["report", "RECORD", "--config", "x"], "config: is about a measurement, and report makes none"),
        (["report", "RECORD", "--result", "/no/such/file"], "result: the folder /no/such does not exist"),
        (["report", "RECORD"], "has the schema version 2, expected 1"),
        (["report", "LIST"], "is no record of the probe"),
        (["report", "PART"], "has no started_unix_ns, expected a whole record"),
        (["--report", "RECORD"], "unrecognized arguments: --report"),
    ],
)
def test_a_word_that_is_used_wrongly_says_so_in_one_line(
    line: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (
        ("RECORD", '{"record": "probe", "schema_version": 2}'),
        ("LIST", "[]"),
        ("PART", '{"record": "probe", "schema_version": 1}'),
    ):
        (tmp_path / name).write_text(text)
    try:
        code: object = main([str(tmp_path / part) if part in ("RECORD", "LIST", "PART") else part for part in line])
    except SystemExit as error:
        code = error.code
    told = capsys.readouterr().err
    assert code == 64
    assert said in told
    assert told.count("\n") == 1


def test_addresses_and_files_may_stand_between_options(tmp_path: Path) -> None:
    result, again = tmp_path / "r.json", tmp_path / "again.json"
    with serving() as server:
        line = (server.url + "/", "-n", "10", server.url + "/green", "-q", "50", "--result", str(result))
        told = run(*line, *LENIENT)
    assert told.returncode == 0, told.stderr
    told = run("report", "--quiet", str(result), "--result", str(again), "-o", "json", "--hdr", str(tmp_path / "x"))
    assert told.stderr == "verdict: pass\n"
    assert json.loads(told.stdout) == json.loads(again.read_text()) == json.loads(result.read_text())
    assert "Histogram log format" in (tmp_path / "x").read_text()


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
    assert main(["recover", str(bad)]) == 64
    assert "bad.progress, line 1" in capsys.readouterr().err


def test_the_summary_names_what_can_be_told_apart_and_csv_is_the_timeline(tmp_path: Path) -> None:
    result = tmp_path / "r.json"
    with serving() as server:
        addresses = (server.url + "/green", server.url + "/500")
        line = ("-q", "40", "-n", "40", "--connection", "both", "--identify", "version=header:X-Version")
        told = run(*addresses, *line, "--result", str(result), *LENIENT)
    text = told.stdout
    for words in ("rate  ", "statuses  200: 40  500: 40", "lanes\n  new  20 of 40", "targets\n", "version\n", "green"):
        assert words in text, words
    table = list(csv.DictReader(io.StringIO(run("report", str(result), "-o", "csv").stdout)))
    record = json.loads(result.read_text())
    assert len(table) == len(record["timeline"]["rows"])
    for name, entry in record["totals"]["outcomes"].items():
        assert sum(int(row[name]) for row in table) == entry["count"]
    assert [float(row["start_s"]) for row in table] == sorted(float(row["start_s"]) for row in table)
