# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The collection as Galaxy and its tools see it: built once, installed once, laid out once for ansible-test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COLLECTION = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a command of this virtual environment, away from the checkout and its ansible.cfg."""
    empty = tmp_path_factory.mktemp("elsewhere")

    def call(
        *command: str | Path, cwd: Path = empty, timeout_s: float = 400, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return subprocess.run(
            [str(BIN / command[0]), *map(str, command[1:])],
            check=False,
            cwd=cwd,
            env={**inherited, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    return call


@pytest.fixture(scope="session")
def built(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that would be uploaded."""
    folder = tmp_path_factory.mktemp("built")
    make = ["make", "--old-file=.venv/bin/.lab", "build", f"BUILD={folder}"]  # as it is here
    done = subprocess.run(make, check=False, cwd=COLLECTION.parent, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("availability-lab-*.tar.gz"))


@pytest.fixture(scope="session")
def installed(run: Run, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path that holds the built file and nothing else; what it depends on is in the Ansible package."""
    folder = tmp_path_factory.mktemp("collections")
    done = run("ansible-galaxy", "collection", "install", built, "--collections-path", folder, "--offline", "--no-deps")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection's sources where ansible-test and antsibull want them: <folder>/ansible_collections/<ns>/<name>."""
    place = tmp_path_factory.mktemp("tree") / "ansible_collections" / "availability" / "lab"
    shutil.copytree(COLLECTION, place, ignore=shutil.ignore_patterns("__pycache__", "output", ".*"))
    return place
