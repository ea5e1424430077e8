# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What helps must not harm: full disks, closed pipes and hang-ups end no measurement; records go where they should."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving

ENGINE = Path(__file__).parents[5] / "plugins" / "module_utils"


def started(*options: str, **more: Any) -> subprocess.Popen[str]:
    lenient = [] if options[:1] == ("recover",) else ["--max-lateness", "10s", "--max-steal", "100"]
    command = [sys.executable, "-m", "probe", *lenient, *options]
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen(command, cwd=ENGINE, text=True, **more)


def load(url: str, requests: int) -> tuple[str, ...]:
    return ("--url", url + "/", "--rate", "50", "--requests", str(requests))


def test_a_link_stays_a_link_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    real, link, attempts = (tmp_path / name for name in ("real.json", "link.json", "attempts"))
    link.symlink_to(real)
    with serving() as server:
        done = started(*load(server.url, 5), "--result", str(link), "--attempts", str(attempts))
        out, _unused = done.communicate(timeout=30)
    assert (done.returncode, "verdict: pass" in out) == (0, True)
    assert link.is_symlink()
    assert json.loads(real.read_text())["totals"]["completed"] == 5
    assert [stat.S_IMODE(path.stat().st_mode) for path in (real, attempts)] == [0o600, 0o600]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["attempts", "link.json", "real.json"]


def test_a_fifo_and_standard_output_take_the_record(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with serving() as server:
        run = started(*load(server.url, 5), "--result", str(fifo))
        told = json.loads(fifo.read_text())
        run.communicate(timeout=30)
        printed = started(*load(server.url, 5), "--result", "-")
        out, err = printed.communicate(timeout=30)
    assert told["totals"]["completed"] == json.loads(out)["totals"]["completed"] == 5
    assert "verdict: pass" in err
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["fifo"]


def test_a_reader_that_goes_away_does_not_end_the_measurement(tmp_path: Path) -> None:
    result = tmp_path / "r.json"
    read_end, write_end = os.pipe()
    with serving() as server:
        run = started(*load(server.url, 120), "--result", str(result), stderr=write_end)
        os.close(write_end)
        os.close(read_end)
        run.communicate(timeout=30)
    assert run.returncode == 0
    assert json.loads(result.read_text())["totals"]["completed"] == 120


def test_a_hangup_ends_it_with_a_record(tmp_path: Path) -> None:
    result = tmp_path / "r.json"
    with serving() as server:
        run = started(
            *(*load(server.url, 3000), "--quiet", "--result", str(result)),
            start_new_session=True,
            # Under nohup, as tests may run, a child would ignore the signal.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
        deadline = time.monotonic() + 20
        while len(server.requests) < 20 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGHUP)  # as a terminal does: to all of them
        run.communicate(timeout=30)
    assert run.returncode == 2
    assert json.loads(result.read_text())["stopped_by"] == "signal"


def test_a_full_disk_costs_the_progress_file_and_the_attempts_not_the_verdict(tmp_path: Path) -> None:
    result = tmp_path / "r.json"
    with serving() as server:
        run = started(
            *(*load(server.url, 150), "--result", str(result), "--attempts", "/dev/full"),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000)),
        )
        out, err = run.communicate(timeout=30)
    assert "completed 150" in out
    assert "verdict: pass" in out
    assert "No space left" in err
    assert "the record was not written" in err
    assert "Traceback" not in err
    assert run.returncode == 2
    assert not result.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--foo"], "unrecognized arguments: --foo"),
        (["--rate", "abc"], "invalid float value: 'abc'"),
        (["--url", "http://127.0.0.1:1/", "--rate", "1", "--requests", "1", "--hdr", "/no/such/x"], "hdr: the folder"),
        (["--url", "http://127.0.0.1:1/", "--stages", '{"rate": 10}'], "stages: expected duration"),
        (["recover", "/no/such.progress"], "No such file"),
    ],
)
def test_a_wrong_usage_is_one_line_and_a_code_of_its_own(options: list[str], said: str) -> None:
    run = started(*options)
    _unused, err = run.communicate(timeout=30)
    assert run.returncode == 64
    assert said in err
    assert err.count("\n") == 1


def test_a_killed_probes_record_is_made_beside_a_renamed_progress_file(tmp_path: Path) -> None:
    result = tmp_path / "k.json"
    with serving() as server:
        run = started(*load(server.url, 3000), "--quiet", "--result", str(result))
        progress = tmp_path / "k.json.progress"
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (not progress.exists() or progress.read_text().count("\n") < 3):
            time.sleep(0.05)
        run.kill()
        run.communicate(timeout=30)
    progress.rename(tmp_path / "k.prog")
    again = started("recover", str(tmp_path / "k.prog"))
    again.communicate(timeout=30)
    assert again.returncode == 2
    assert json.loads((tmp_path / "k.prog.json").read_text())["stopped_by"] == "killed"
