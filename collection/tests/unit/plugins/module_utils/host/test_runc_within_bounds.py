# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The runtime wrapper of the role docker, run as a program with a stand-in for runc."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WRAPPER = Path(__file__).resolve().parents[5] / "roles" / "docker" / "files" / "runc-within-bounds"


@pytest.fixture
def runc(tmp_path: Path) -> Path:
    """Writes its arguments to a file, ends with 7."""
    program = tmp_path / "bin" / "runc"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$SAID"\nexit 7\n')
    program.chmod(0o755)
    return program


def call(runc: Path, arguments: list[str], cwd: Path) -> list[str]:
    said = cwd / "said"
    environment = {"PATH": f"{runc.parent}:/usr/bin:/bin", "SAID": str(said)}
    done = subprocess.run([sys.executable, "-IS", str(WRAPPER), *arguments], env=environment, cwd=cwd, check=False)
    assert done.returncode == 7, "runc's own exit code is passed on"
    return said.read_text().splitlines()


def process() -> dict[str, Any]:
    return {
        "args": ["/bin/true"],
        "capabilities": {"bounding": ["CAP_CHOWN", "CAP_NO_SUCH_THING"], "ambient": None},
        "oomScoreAdj": -500,
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 2**40}],
    }


def has_sys_resource() -> bool:
    with open("/proc/self/status", encoding="ascii") as status:
        mask = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd:"))
    return bool(mask >> 24 & 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--root", "/x", "create", "--bundle", "BUNDLE", "--pid-file", "p", "id"],
        ["create", "--bundle=BUNDLE", "id"],
        ["run", "-b", "BUNDLE", "id"],
    ],
)
def test_a_container_asks_only_for_what_the_host_can_grant(runc: Path, tmp_path: Path, arguments: list[str]) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"ociVersion": "1.0", "process": process()}))
    arguments = [part.replace("BUNDLE", str(tmp_path)) for part in arguments]
    assert call(runc, arguments, tmp_path) == arguments
    after = json.loads(config.read_text())
    assert after["ociVersion"] == "1.0"
    capabilities = after["process"]["capabilities"]
    assert "CAP_NO_SUCH_THING" not in capabilities["bounding"]
    assert "CAP_CHOWN" in capabilities["bounding"]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if has_sys_resource():
        assert after["process"]["oomScoreAdj"] == -500
        assert after["process"]["rlimits"][0]["hard"] == 2**40
    else:
        assert "oomScoreAdj" not in after["process"]
        assert after["process"]["rlimits"][0] == {"type": "RLIMIT_NOFILE", "soft": 10, "hard": hard}


def test_the_bundle_is_the_current_folder_where_none_is_named(runc: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"process": process()}))
    call(runc, ["create", "id"], tmp_path)
    assert "CAP_NO_SUCH_THING" not in config.read_text()


@pytest.mark.parametrize("form", [["--process", "FILE"], ["--process=FILE"], ["-p", "FILE"]])
def test_a_command_in_a_container_is_bound_too(runc: Path, tmp_path: Path, form: list[str]) -> None:
    described = tmp_path / "process.json"
    described.write_text(json.dumps(process()))
    os.chmod(described, 0o600)
    call(runc, ["--log", "l", "exec", *(part.replace("FILE", str(described)) for part in form), "id"], tmp_path)
    assert "CAP_NO_SUCH_THING" not in described.read_text()
    assert described.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "arguments", [["state", "id"], ["--version"], ["exec", "id", "run"], ["delete", "--force", "id"]]
)
def test_other_commands_are_passed_on_as_they_are(runc: Path, tmp_path: Path, arguments: list[str]) -> None:
    assert call(runc, arguments, tmp_path) == arguments
