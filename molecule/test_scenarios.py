# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every scenario of this folder, as `molecule test -s <name>` runs it: hosts made, the role applied and checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 1200


def on_the_lab(scenario: str) -> bool:
    """Whether the scenario's host is the lab itself, not a container of its own."""
    platforms = yaml.safe_load((ROOT / "molecule" / scenario / "molecule.yml").read_text())["platforms"]
    return bool(platforms[0]["name"] == "localhost")


# In the order in which a report is best read: those on hosts of their own, then those on the lab.
SCENARIOS = sorted(
    (path.parent.name for path in ROOT.glob("molecule/*/molecule.yml")), key=lambda name: (on_the_lab(name), name)
)
# `make test-long` runs these, `make test` does not: every role has a scenario of its own in `make test`, and these show
# how roles work together, or on a host of another kind.
LONG = {"default", "example", "interrupted", "no-systemd"}

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


@dataclass(frozen=True)
class Ended:
    """What one `molecule test` gave."""

    code: int
    output: str
    seconds: float

    def what_failed(self) -> str:
        """The failed tasks of the action at which Molecule gave up. In verify, the first ones may be faults planted."""
        plain = re.sub(r"\x1b\[[0-9;]*m", "", self.output)
        gave_up = plain.rfind("Executed: Failed", 0, plain.find("DETAILS"))
        action = plain[plain.rfind(": Executing", 0, gave_up) : gave_up]
        failed = [task[:2_500] for task in action.split("TASK [") if re.search(r"(fatal|failed): \[", task)]
        return "\n".join(failed) or plain[-6_000:]


def molecule_test(scenario: str, environment: dict[str, str]) -> Ended:
    """Run one scenario to its end."""
    started = time.monotonic()
    command = ["molecule", "test", "--scenario-name", scenario]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=LIMIT_S,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, time.monotonic() - started)


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, environment: dict[str, str]) -> Iterator[dict[str, Future[Ended]]]:
    """All scenarios that were asked for, two at a time: one on hosts of its own beside one on the lab.

    Both kinds wait a good deal: for packages and services, for pods. There is only one lab, and two cores: so never two
    of a kind.
    """
    asked = [
        item.callspec.params["scenario"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    ]
    with ExitStack() as lanes:
        hosts, lab = (lanes.enter_context(ThreadPoolExecutor(max_workers=1)) for _lane in range(2))
        started = {
            name: (lab if on_the_lab(name) else hosts).submit(molecule_test, name, environment) for name in asked
        }
        yield started
        for run in started.values():  # where the tests were stopped early
            run.cancel()


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in SCENARIOS]
)
def test_scenario(
    runs: dict[str, Future[Ended]], environment: dict[str, str], scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = runs[scenario].result()
    # Beside image builds a connection to one of etcd's three hosts was lost at times: what does not show when the
    # scenario has the machine to itself is told in the tests' summary.
    if done.code != 0:
        wait(runs.values())
        warnings.warn(f"{scenario} had to be run again:\n{done.what_failed()}", stacklevel=1)
        done = molecule_test(scenario, environment)
    assert done.code == 0, done.what_failed()
    with capsys.disabled():  # --durations tells how long this test waited, which is something else
        print(f"\nmolecule {scenario}: {done.seconds:.0f} s")
