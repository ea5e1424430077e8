# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What minikube finds in its home folder before it starts: binaries that it need not download, a network's manifest.

Each is compared first, so that a second run writes nothing and check mode knows what a first one would.
"""

from __future__ import annotations

import os
from pathlib import Path

# Bit of CAP_SYS_RESOURCE in a capability set. Without it the kubelet has to take what it cannot set for granted.
CAP_SYS_RESOURCE = 24


def lay_folder(folder: Path, check_mode: bool) -> bool:
    """Have a private folder; whether it was (or would be) made or closed. Parents that are missing are private, too."""
    if folder.is_dir() and folder.stat().st_mode & 0o777 == 0o700:
        return False
    if not check_mode:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    return True


def lay_binaries(home: Path, arch: str, version: str, binaries: dict[str, str], check_mode: bool) -> bool:
    """Link Kubernetes' binaries to where minikube looks before it downloads them; whether a link was not as wanted."""
    folder = home / ".minikube" / "cache" / "linux" / arch / version
    wrong = {name: target for name, target in binaries.items() if _target(folder / name) != target}
    if wrong and not check_mode:
        folder.mkdir(parents=True, exist_ok=True)
        for name, target in wrong.items():
            # Renamed over the old one, so that a minikube at work never finds none.
            unfinished = folder / f".{name}.new"
            unfinished.unlink(missing_ok=True)
            unfinished.symlink_to(target)
            unfinished.replace(folder / name)
    return bool(wrong)


def lay_text(path: Path, text: str, check_mode: bool) -> bool:
    """Have a file with just this text; whether it was another."""
    try:
        same = path.read_text(encoding="utf-8") == text
    except FileNotFoundError:
        same = False
    if not same and not check_mode:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.new")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    return not same


def may_raise_limits(status: str) -> bool:
    """Whether processes of this host may have CAP_SYS_RESOURCE, by the text of `/proc/self/status`."""
    for line in status.splitlines():
        if line.startswith("CapBnd:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1)
    return True


def _target(path: Path) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None
