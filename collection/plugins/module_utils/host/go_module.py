# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Commands built from a locked Go module: a folder whose go.mod and go.sum name every module and its checksum.

``-mod=readonly`` makes go refuse what go.sum does not name. Flags are the same for every tool, so Go's own build
cache compiles a package that several tools share once.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .bounded_command import CommandError, run_bounded
from .capacity import available_memory_mb, usable_cores
from .go_toolchain import GoToolchain, go_environment

_FETCH_TRIES = 3
_FETCH_PAUSE_S = 3.0
_LOCK_FILES = ("go.mod", "go.sum")
_LEAST_HEAP_MB = 1024
_LIST_S = 60.0
_MAJOR_SUFFIX = re.compile(r"v\d+")
_WITHIN = "//"


class GoModuleError(Exception):
    """The module cannot be built; the text names it and holds go's own last lines."""


@dataclass(frozen=True)
class GoModule:
    """A locked module, the commands wanted from it, and the strings stamped into them.

    A folder may hold Go files of its own: a main package that puts together just what is wanted.

    ``commands``: binary name -> package. ``stamps``: Go variable (``path.name``) -> text, as ``-X`` sets it.
    ``cgo``: the module has C in it. It is linked statically all the same, so that it runs in an image without a libc.
    ``copies``: file name -> ``<module>//<path in it>``: manifests and the like that a module brings beside its code.
    """

    folder: Path
    commands: dict[str, str]
    stamps: dict[str, str] = field(default_factory=dict)
    cgo: bool = False
    copies: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """GoModuleError when the folder or a lock file is missing, or two commands would be one file."""
        for name in _LOCK_FILES:
            if not (self.folder / name).is_file():
                raise GoModuleError(
                    f"module_dir: {self.folder / name} is missing; expected a folder with go.mod and go.sum"
                )
        outputs = [output_name(package) for package in self.commands.values()]
        if not outputs or len(set(outputs)) != len(outputs):
            raise GoModuleError("commands: expected at least one package, each with another last path element")
        for name, source in self.copies.items():
            if not all(source.partition(_WITHIN)) or name in self.commands:
                raise GoModuleError(
                    f"copies.{name}: expected <module>{_WITHIN}<path in it>, and a name no command has; got {source}"
                )

    def recipe(self) -> dict[str, Any]:
        """What decides the content of the binaries, but for the compiler. Part of the manifest."""
        return {
            "source": "go module",
            **{
                path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in (*(self.folder / name for name in _LOCK_FILES), *sorted(self.folder.glob("*.go")))
            },
            "commands": self.commands,
            "stamps": self.stamps,
            **({"cgo": True} if self.cgo else {}),
            **({"copies": self.copies} if self.copies else {}),
        }


def output_name(package: str) -> str:
    """The file name that ``go build`` gives a command: the last path element that is not a major version."""
    parts = package.split("/")
    return parts[-2] if len(parts) > 1 and _MAJOR_SUFFIX.fullmatch(parts[-1]) else parts[-1]


def compiler_memory(available_mb: int, cores: int) -> dict[str, str]:
    """Go's settings for compilers that seldom collect their garbage: 23 % less time for etcd on two cores.

    Each of the `cores` compilers that run at once may fill its share of half the `available_mb` (MiB) before it
    collects. Nothing where the share is too small to be worth it, so that the settings of Go itself hold.
    """
    share_mb = available_mb // 2 // cores
    return {"GOGC": "off", "GOMEMLIMIT": f"{share_mb}MiB"} if share_mb >= _LEAST_HEAP_MB else {}


def build(module: GoModule, go: GoToolchain, out: Path, *, timeout_s: float, proxy: str = "") -> dict[str, Any]:
    """Fetch, verify against go.sum and build all commands in one go call into ``out``; facts for the manifest.

    What is copied out of a module comes from the same verified sources.
    """
    environment = {**compiler_memory(available_memory_mb(), usable_cores()), **go_environment(proxy)}
    if module.cgo:
        environment["CGO_ENABLED"] = "1"
    packages = sorted(module.commands.values())
    _fetch(
        [go.command, "list", "-C", str(module.folder), "-mod=readonly", "-deps", "-f", '{{""}}', *packages],
        environment,
        timeout_s,
    )
    static = ["-linkmode=external", "-extldflags=-static"] if module.cgo else []
    linker = " ".join(["-s", "-w", *static, *(f"-X '{name}={text}'" for name, text in sorted(module.stamps.items()))])
    # Names and accounts are looked up in Go all the same: else nothing that a tool without C compiled could be shared.
    tags = ["-tags=netgo,osusergo"] if module.cgo else []
    # The linker strips what debuggers read (-s -w): to compile it costs a seventh of the time.
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", *tags, "-ldflags", linker]
    command = [go.command, "build", "-C", str(module.folder), *flags, "-o", f"{out}/", *packages]
    try:
        run_bounded(command, timeout_s=timeout_s, env=environment)
    except CommandError as error:
        raise GoModuleError(f"{module.folder.name}: {error}") from error
    for binary, package in module.commands.items():
        (out / output_name(package)).rename(out / binary)
    for name, source in module.copies.items():
        _copy(module.folder, go, source, out / name, environment)
    made = {"by": "go build", "go": go.label, "flags": flags, "cgo": module.cgo}
    return {"files": sorted([*module.commands, *module.copies]), "made": made}


def _copy(folder: Path, go: GoToolchain, source: str, target: Path, environment: dict[str, str]) -> None:
    """One file of a module whose sources are there. GoModuleError: the module has no such file."""
    name, _within, path = source.partition(_WITHIN)
    command = [go.command, "list", "-C", str(folder), "-mod=readonly", "-m", "-f", "{{.Dir}}", name]
    try:
        place = Path(run_bounded(command, timeout_s=_LIST_S, env=environment).strip())
        shutil.copyfile(place / path, target)
    except (CommandError, OSError) as error:
        raise GoModuleError(f"copies.{target.name}: {source} cannot be copied: {error}") from error


def _fetch(command: list[str], environment: dict[str, str], timeout_s: float) -> None:
    """Bring the sources in, again after a pause: one lost connection must not cost a build. Prints only errors."""
    for attempt in range(1, _FETCH_TRIES + 1):
        try:
            run_bounded(command, timeout_s=timeout_s, env=environment)
            return
        except CommandError as error:
            # A checksum that differs from go.sum stays different: no second try.
            if attempt == _FETCH_TRIES or "checksum mismatch" in str(error) or "go.sum" in str(error):
                raise GoModuleError(f"the sources cannot be fetched: {error}") from error
            time.sleep(_FETCH_PAUSE_S * attempt)
