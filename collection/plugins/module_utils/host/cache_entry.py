# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One version of one tool in the cache: made once, verified at each use, never half there.

Layout: ``<root>/<name>/<version>-<os>-<arch>/`` holds the files and ``manifest.json``:
``{"schema": 1, "name", "version", "os", "arch", "files": {path: {"sha256", "size_bytes"}}, "recipe", "made"}``.
The recipe says how the entry is to be made: another recipe makes the entry anew. ``made`` says how it was made.

A new entry is made in a hidden sibling folder and renamed into place, under a lock of its own. A process that is
killed on the way leaves a sibling that the next one removes; the kernel drops its lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = 1
MANIFEST = "manifest.json"
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class CacheError(Exception):
    """The cache cannot be used: no permission, a lock that stays held, an unknown platform."""


@dataclass(frozen=True)
class Platform:
    """What a binary runs on, in Go's names."""

    os: str
    arch: str

    @classmethod
    def of_this_host(cls) -> Platform:
        """CacheError: a machine that none of the tools is published for."""
        system, machine = platform.system().lower(), platform.machine().lower()
        if system != "linux" or machine not in _ARCHITECTURES:
            raise CacheError(f"this machine is {system}/{machine}; expected linux on {sorted(set(_ARCHITECTURES))}")
        return cls(system, _ARCHITECTURES[machine])


@dataclass(frozen=True)
class Inspection:
    """What was found in place. ``why`` is None when the entry is good, else the reason to make it."""

    why: str | None
    manifest: dict[str, Any]


@dataclass(frozen=True)
class Obtained:
    """A good entry. ``changed``: this call made it (or would, in check mode), because of ``why``."""

    changed: bool
    why: str | None
    manifest: dict[str, Any]

    def told(self, name: str) -> dict[str, Any]:
        """What a module returns of it: name, changed, why, how it was made, and the SHA-256 of each of its files."""
        sums = {file: known["sha256"] for file, known in self.manifest.get("files", {}).items()}
        made = self.manifest.get("made", {})
        return {"name": name, "changed": self.changed, "why": self.why, "made": made, "sums": sums}


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


class CacheEntry:
    """The place of one version of one tool for one platform."""

    def __init__(self, root: Path, name: str, version: str, target: Platform) -> None:
        self.name, self.version, self.target = name, version, target
        self.folder = root / name
        self._leaf = f"{version}-{target.os}-{target.arch}"
        self.path = self.folder / self._leaf

    def inspect(self, recipe: dict[str, Any]) -> Inspection:
        """Compare what is in place with the manifest and the recipe; every file is hashed."""
        try:
            manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
            files = manifest["files"]
            if manifest["schema"] != SCHEMA or not files:
                return Inspection("its manifest is of another schema", {})
        except FileNotFoundError:
            return Inspection("not in the cache", {})
        except (OSError, ValueError, KeyError, TypeError) as error:
            return Inspection(f"its manifest cannot be read: {error}", {})
        if manifest.get("recipe") != recipe:
            return Inspection("it was made in another way", manifest)
        return Inspection(self._fault(files), manifest)

    def _fault(self, files: dict[str, Any]) -> str | None:
        """The first file that is not as the manifest says, or None."""
        for name, expected in files.items():
            path = self.path / name
            if not path.is_file() or path.stat().st_size != expected["size_bytes"]:
                return f"{name} is missing or cut"
            if sha256_of(path) != expected["sha256"]:
                return f"{name} is damaged"
        return None

    def obtain(
        self,
        recipe: dict[str, Any],
        make: Callable[[Path], dict[str, Any]],
        *,
        lock_timeout_s: float = 3600.0,
        check_mode: bool = False,
    ) -> Obtained:
        """Return a good entry, made by ``make(folder)`` when there is none.

        ``make`` fills the folder and returns ``{"files": [paths to verify at each use], "made": {facts}}``. What it
        raises passes through, and nothing of it stays. Of two callers at once one makes, the other waits and finds it.
        """
        seen = self.inspect(recipe)
        if check_mode:
            return Obtained(seen.why is not None, seen.why, seen.manifest)
        if seen.why is None and not self.leftovers():
            return Obtained(False, None, seen.manifest)
        with self._locked(lock_timeout_s):
            for leftover in self.leftovers():
                shutil.rmtree(leftover)
            seen = self.inspect(recipe)
            if seen.why is None:
                return Obtained(False, None, seen.manifest)
            return Obtained(True, seen.why, self._make(recipe, make))

    def _make(self, recipe: dict[str, Any], make: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        work = Path(tempfile.mkdtemp(dir=self.folder, prefix=f".{self._leaf}."))
        try:
            started = time.monotonic()
            result = make(work)
            manifest = {
                "schema": SCHEMA,
                "name": self.name,
                "version": self.version,
                "os": self.target.os,
                "arch": self.target.arch,
                "files": {
                    name: {"sha256": sha256_of(work / name), "size_bytes": (work / name).stat().st_size}
                    for name in sorted(result["files"])
                },
                "recipe": recipe,
                "made": {
                    "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    "duration_s": round(time.monotonic() - started, 1),
                    **result["made"],
                },
            }
            (work / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            self._publish(work, [*result["files"], MANIFEST])
            return manifest
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _publish(self, work: Path, files: list[str]) -> None:
        """Rename the finished folder into place; after a power cut it is there in full or not at all."""
        work.chmod(0o755)
        for name in files:
            # Also under a umask of 077: programs of images, which other users run, are hard links to these.
            (work / name).chmod(0o644 if name == MANIFEST else 0o755)
            _sync(work / name)
        _sync(work)
        if self.path.exists():
            # rename(2) does not replace a folder that holds files. Who still runs the old binary keeps its inode.
            old = tempfile.mkdtemp(dir=self.folder, prefix=f".{self._leaf}.old.")
            os.rename(self.path, Path(old) / "entry")
            os.rename(work, self.path)
            shutil.rmtree(old)
        else:
            os.rename(work, self.path)
        _sync(self.folder)

    def leftovers(self) -> list[Path]:
        """Folders of makers that were killed. Only meaningful under the lock: a maker at work has one, too."""
        return [path for path in self.folder.glob(f".{self._leaf}.*") if path.is_dir()]

    @contextlib.contextmanager
    def _locked(self, timeout_s: float) -> Iterator[None]:
        """Hold the entry's lock. CacheError when another process holds it for longer than the time-out."""
        lock = self.folder / f".{self._leaf}.lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise CacheError(f"cannot write to the cache: {error}") from error
        try:
            deadline = time.monotonic() + timeout_s
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise CacheError(f"another process has held {lock} for {timeout_s:g} s") from None
                    time.sleep(0.2)
            yield
        finally:
            os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def tool_paths(entry: CacheEntry, binaries: Iterable[str]) -> dict[str, str]:
    """Path of each binary by name, and of the tool itself: its binary of the same name, else its folder."""
    return {entry.name: str(entry.path), **{binary: str(entry.path / binary) for binary in binaries}}
