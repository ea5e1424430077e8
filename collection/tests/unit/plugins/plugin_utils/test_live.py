# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The live line: read from a growing progress file, locally and over a connection."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.availability.lab.plugins.plugin_utils import live

SUMMARY = {
    "record": "probe_progress", "elapsed_s": 3.0, "due": 60, "completed": 57, "failed": 2, "not_sent": 1, "rate": 20.0,
    "availability": 0.95, "p99_ms": 4.2, "outage_s": 1.5, "identities": {"version": {"blue": 12, "green": 8, "": 2}},
}  # fmt: skip
LINE = "3 s  20/s  available 95.000 %  p99 4.2 ms  2 failed  1 not sent  OUT for 1.5 s  blue:12 green:8"


def progress(path: Path) -> None:
    lines = [{"record": "probe_progress", "header": {}}, {**SUMMARY, "deltas": [{"big": "x" * 9000}]}]
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


class Connection:
    """A connection plugin of which only running a command is used."""

    def __init__(self, transport: str, lost: bool = False) -> None:
        self.transport = transport
        self.lost = lost

    def exec_command(self, command: str) -> tuple[int, bytes, bytes]:
        if self.lost:
            raise AnsibleConnectionFailure("gone")
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr


def shown(connection: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(live, "EVERY_S", 0.05)
    lines: list[str] = []
    with live.Live(connection, str(path), lines.append):
        deadline = time.monotonic() + 5
        while not lines and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
    return lines


@pytest.mark.parametrize("transport", ["local", "ssh"])
def test_a_line_is_shown_once(transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "it's here.progress"
    progress(path)
    assert shown(Connection(transport), path, monkeypatch) == [LINE]


@pytest.mark.parametrize("transport", ["local", "ssh"])
def test_nothing_is_shown_of_a_file_that_has_only_its_header(
    transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.progress"
    path.write_text('{"record":"probe_progress","header":{}}\n')
    connection = Connection(transport)
    watch = live.Live(connection, str(path), lambda line: None)
    assert live.summary_line(watch._last(str(path))) == ""
    path.unlink()
    assert live.summary_line(watch._last(str(path))) == ""


def test_a_lost_connection_only_stops_the_line(tmp_path: Path) -> None:
    watch = live.Live(Connection("ssh", lost=True), str(tmp_path / "x"), lambda line: None)
    assert live.summary_line(watch._last(str(tmp_path / "x"))) == ""


def test_what_happened_in_the_cluster_is_told_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.05)
    status, lines = tmp_path / "status", []

    def told(*news: tuple[int, str]) -> None:
        status.write_text(json.dumps({"doing": "rollout", "news": news}) + "\n")
        time.sleep(0.2)

    with live.Live(Connection("local"), str(tmp_path / "none"), lines.append, str(status)):
        told((1, "cluster: web: 1 → 2"))
        told((1, "cluster: web: 1 → 2"), (2, "cluster: web-a restarted"))
        status.write_text("[1]\n")
        time.sleep(0.2)
    assert lines == ["cluster: web: 1 → 2", "rollout", "cluster: web-a restarted"]


def test_half_a_line_is_none() -> None:
    assert live.summary_line(b'{"record":"probe_progress","completed":1,') == ""
    assert live.summary_line(b'{broken,"deltas":') == ""
