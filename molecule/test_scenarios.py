# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every scenario of this folder, as `molecule test -s <name>` runs it: hosts made, the role applied and checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def engine() -> None:
    """The hosts are containers, so the role docker has to have brought an engine up on this machine."""
    play = [str(Path(sys.executable).parent / "ansible-playbook"), "playbooks/lab.yml", "--tags", "preflight,docker"]
    done = subprocess.run(play, check=False, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(engine: None, scenario: str) -> None:
    command = [str(Path(sys.executable).parent / "molecule"), "test", "--scenario-name", scenario]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
