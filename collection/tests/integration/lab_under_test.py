# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The real lab under test: playbooks run as a user runs them, and what they leave is looked at from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RECAP = re.compile(r"^(?P<host>\S+)\s+: ok=\d+\s+changed=(?P<changed>\d+)\s+unreachable=0\s+failed=0 ", re.MULTILINE)
#: The line of a step that changed something, on the condensed screen: "  docker    12 s  changed 2: Install; Run".
CHANGED = re.compile(
    r"^  (?P<step>\S.*?) +\d[\d.]* (?:min \d\d )?s  (?:failed \d+, )?changed \d+(?:: (?P<tasks>.*))?$", re.MULTILINE
)


@dataclass
class PlaybookRun:
    """What one `ansible-playbook` gave: exit code, all that it printed, and how long it took."""

    code: int
    output: str
    seconds: float

    def changed(self) -> dict[str, int]:
        """Number of changes by host, from the recap of a run that failed nowhere."""
        return {found["host"]: int(found["changed"]) for found in RECAP.finditer(self.output)}

    def changed_tasks(self) -> list[str]:
        """Names of the tasks that changed something, for a message that helps."""
        return [f"{found['step']}: {found['tasks'] or 'all of it'}" for found in CHANGED.finditer(self.output)]


class Lab:
    """The checkout's playbooks, and the places where they leave something."""

    kubeconfig = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "availability-lab/kubeconfig"
    results = ROOT / "results"

    def start(self, playbook: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a playbook in a process group of its own, as a shell does, so that Ctrl-C can be sent to it."""
        command = [str(Path(sys.executable).parent / "ansible-playbook"), playbook, *arguments]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, env={**os.environ, "ANSIBLE_FORCE_COLOR": "0"},
        )  # fmt: skip

    def run(self, playbook: str, *arguments: str, timeout_s: float = 3000) -> PlaybookRun:
        """Run a playbook to its end."""
        started = time.monotonic()
        process = self.start(playbook, *arguments)
        try:
            output, _none = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _none = process.communicate()
            pytest.fail(f"{playbook} was not done after {timeout_s} s:\n{output[-4000:]}")
        return PlaybookRun(process.returncode, output, time.monotonic() - started)

    def succeed(self, playbook: str, *arguments: str, timeout_s: float = 3000) -> PlaybookRun:
        """Run a playbook that has to succeed.

        Once more when the machine was too busy to measure, which is neither a pass nor a failure.
        """
        run = self.run(playbook, *arguments, timeout_s=timeout_s)
        if run.code != 0 and ": inconclusive: " in " ".join(run.output.split()):
            run = self.run(playbook, *arguments, timeout_s=timeout_s)
        assert run.code == 0, run.output[-6000:]
        return run

    def kubectl(self, *arguments: str) -> str:
        """What kubectl of the lab's own version says."""
        kubectl = next((Path.home() / ".cache/availability-lab/toolchain/kubernetes").glob("*/kubectl"))
        command = [str(kubectl), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    def result_folders(self, scenario: str) -> list[Path]:
        """Folders of all runs of a scenario, oldest first."""
        return sorted((self.results / scenario).glob("*Z"))

    def newest_result(self, scenario: str) -> dict[str, object]:
        """result.json of the newest run of a scenario."""
        return dict(json.loads((self.result_folders(scenario)[-1] / "result.json").read_text()))
