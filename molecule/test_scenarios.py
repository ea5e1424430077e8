# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every scenario of this folder, as `molecule test -s <name>` runs it: hosts made, the role applied and checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 1200


def on_the_lab(scenario: str) -> bool:
    """Whether the scenario's host is the lab itself, not a container of its own."""
    platforms = yaml.safe_load((ROOT / "molecule" / scenario / "molecule.yml").read_text())["platforms"]
    return bool(platforms[0]["name"] == "localhost")


# Those on the lab come last and together: the first of them brings it up for all.
SCENARIOS = sorted(
    (path.parent.name for path in ROOT.glob("molecule/*/molecule.yml")), key=lambda name: (on_the_lab(name), name)
)
# Several minutes each: `make test-long` runs them, `make test` does not.
LONG = {
    "docker",
    "etcd",
    "example",
    "images",
    "interrupted",
    "minikube",
    "no-systemd",
    "scenario",
    "toolchain",
    "workload",
}

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """What the scenarios run with: an engine, for their hosts are containers, and the source, looked for only once."""
    programs = Path(sys.executable).parent
    play = [str(programs / "ansible-playbook"), "playbooks/lab.yml", "--tags", "preflight,docker"]
    done = subprocess.run(play, check=False, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout[-4000:]
    look = [str(programs / "ansible"), "localhost", "--module-name", "ansible.builtin.include_role"]
    look += ["--args", "name=availability.lab.preflight tasks_from=source.yml"]
    told = subprocess.run(look, check=True, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S).stdout
    source = re.search(r"lab_install_source_resolved\W+(\w+)", told)
    assert source, told
    return {**os.environ, "LAB_INSTALL_SOURCE": source[1], "PATH": f"{programs}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in SCENARIOS]
)
def test_scenario(environment: dict[str, str], scenario: str) -> None:
    command = ["molecule", "test", "--scenario-name", scenario]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-20_000:]
