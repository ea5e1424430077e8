# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""sg is used where membership was given and is not in force, and nowhere else."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.engine_group import with_access

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    ("members", "writable", "expected"),
    [
        ([ME], False, ["sg", "docker", "-c", "minikube 'a b'"]),
        ([ME], True, ["minikube", "a b"]),
        (["other"], False, ["minikube", "a b"]),
    ],
)
def test_membership_not_in_force_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: list[str], writable: bool, expected: list[str]
) -> None:
    (tmp_path / "sock").touch()
    monkeypatch.setattr(grp, "getgrgid", lambda _gid: grp.struct_group(("docker", "x", 999, members)))
    monkeypatch.setattr(os, "access", lambda _path, _mode: writable)
    assert with_access(["minikube", "a b"], str(tmp_path / "sock")) == expected


def test_without_an_engine_nothing_is_needed(tmp_path: Path) -> None:
    assert with_access(["docker", "ps"], str(tmp_path / "nothing")) == ["docker", "ps"]
