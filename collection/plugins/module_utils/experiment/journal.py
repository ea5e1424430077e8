# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What has to be undone, one file a thing, written before the thing is done.

A process that dies in between leaves a note, and undoing twice does no harm. The format is that of the role's first
versions: a JSON object with `undo`, its kind, and what that kind needs.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

LOCK = ".lock"
_POLL_S = 0.2


class JournalError(RuntimeError):
    """The journal cannot be used; the text names its folder or file."""


class Journal:
    """A folder of notes. Only one process works with it at a time: see `held`."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self._written = 0

    @contextmanager
    def held(self, wait_s: float) -> Iterator[None]:
        """Keep others out. An experiment that was interrupted still puts things back: it is waited for.

        Raises JournalError when another one runs for longer than `wait_s`, OSError when the folder cannot be made.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / LOCK, "a+", encoding="utf-8") as lock:
            deadline = time.monotonic() + wait_s
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        lock.seek(0)
                        holder = lock.read().strip() or "unknown"
                        raise JournalError(
                            f"journal: another experiment (process {holder}) works with {self.folder}; wait for its end"
                        ) from None
                    time.sleep(_POLL_S)
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def in_use(self) -> bool:
        """Whether there is a note, or another process that may still write one."""
        if not self.folder.is_dir():
            return False
        if self.entries():
            return True
        try:
            with self.held(0):
                return False
        except JournalError:
            return True

    def note(self, undo: str, **what: Any) -> Path:
        """Write down how something that is about to be done is undone; on disk when this returns. Raises OSError."""
        self._written += 1
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
        path = self.folder / f"{stamp}-{self._written:03d}-{undo}.json"
        temporary = path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # manifests may hold secrets
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"undo": undo, **what}, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        return path

    def entries(self) -> list[Path]:
        """The notes, the newest first: what was done last is undone first."""
        return sorted(self.folder.glob("*.json"), reverse=True) if self.folder.is_dir() else []


def read_entry(path: Path) -> Mapping[str, Any]:
    """One note. Raises JournalError when it is not one."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JournalError(f"{path}: cannot be read: {error}") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("undo"), str):
        raise JournalError(f"{path}: expected an object with undo, the kind of what has to be undone")
    return entry
