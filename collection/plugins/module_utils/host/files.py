# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a host has at some paths, so that a role can tell in one look whether there is anything to do."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
from typing import Any


def describe(path: str, read: bool = False) -> dict[str, Any]:
    """One path, links followed: its kind, owner, mode and time; of a file also its SHA-256, and its text with `read`.

    OSError: it is there and cannot be looked at.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"exists": False}
    told: dict[str, Any] = {
        "exists": True,
        "kind": "file" if stat.S_ISREG(found.st_mode) else "directory" if stat.S_ISDIR(found.st_mode) else "other",
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
        "owner": _name(pwd.getpwuid, found.st_uid),
        "group": _name(grp.getgrgid, found.st_gid),
        "mtime": found.st_mtime,
    }
    if told["kind"] == "file":
        digest = hashlib.sha256()
        with open(path, "rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
        told["sha256"] = digest.hexdigest()
        if read:
            with open(path, encoding="utf-8", errors="replace") as text:
                told["text"] = text.read()
    return told


def _name(look_up: Any, number: int) -> str:
    """Name of an account or group, its number where it has none."""
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)
