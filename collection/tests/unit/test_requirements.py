# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What was wished for (requirements*.in) stands in the closure beside it (requirements*.txt), each part with hashes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WISHES = sorted(
    path.relative_to(ROOT)
    for path in [*ROOT.glob("*.in"), *ROOT.glob("workloads/*/*.in"), *ROOT.glob("collection/roles/*/files/*.in")]
)
PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;]+)(.*)$", re.MULTILINE)


def pins(text: str) -> set[tuple[str, str]]:
    return {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version, _rest in PIN.findall(text)}


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_closure_is_of_these_wishes(wish: Path) -> None:
    closure = (ROOT / wish).with_suffix(".txt").read_text()
    assert pins((ROOT / wish).read_text()) <= pins(closure), (
        "run: make requirements, or pip-compile in a workload's folder"
    )
    without = [name for name, _version, rest in PIN.findall(closure) if not rest.rstrip().endswith("\\")]
    assert not without


@pytest.mark.parametrize("part", ["requirements.txt", "collection/roles/toolchain/files/python.txt"])
def test_all_closures_of_the_lab_are_of_one_kind(part: str) -> None:
    """What tests the lab tests the versions that users run, here and on other hosts."""
    assert pins((ROOT / part).read_text()) <= pins((ROOT / "requirements-dev.txt").read_text())
