# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`ansible-test sanity` and `ansible-test units`, as they are run on collections that want to be certified."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from ansible_collections.availability.lab.tests.galaxy.conftest import COLLECTION, Run

#: The version of pip that ansible-core 2.19 asks for, in the name of the file that it looks for first.
PIP_BOOTSTRAP = ".ansible/test/cache/get_pip_24_2.py"


@pytest.fixture(scope="session")
def home(run: Run) -> Path:
    """A home whose virtual environments are kept: the first run makes them (minutes), later ones take them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "availability-lab/ansible-test"
    bootstrap = cache / PIP_BOOTSTRAP
    bootstrap.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(COLLECTION / "tests/galaxy/get_pip.py", bootstrap)
    # ansible-test hands pip neither this user's configuration nor the environment's.
    told = run("pip", "config", "list").stdout
    settings = dict(re.findall(r"^(?:global|user|:env:)\.([\w-]+)='(.*)'$", told, re.MULTILINE))
    (cache / ".config/pip").mkdir(parents=True, exist_ok=True)
    (cache / ".config/pip/pip.conf").write_text(
        "[global]\n" + "".join(f"{name} = {text}\n" for name, text in settings.items())
    )
    return cache


@pytest.mark.long
def test_sanity(run: Run, tree: Path, home: Path) -> None:
    done = run(
        *("ansible-test", "sanity", "--python", "3.11", "--color", "no"),
        cwd=tree, timeout_s=900, HOME=str(home),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_units_of_the_modules(run: Run, tree: Path, home: Path) -> None:
    """In ansible-test's own layout, where a module sees no more of Ansible than on a target.

    The other unit tests do not start at a module and are run by pytest alone, in a third of the time.
    """
    done = run(
        *("ansible-test", "units", "--python", "3.11", "--num-workers", "1", "tests/unit/plugins/modules/"),
        cwd=tree, timeout_s=600, HOME=str(home),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
