# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which cgroup controllers a host offers: the kubelet and the container runtime need them."""

from __future__ import annotations

from pathlib import Path


def cgroup_controllers(mounts: Path = Path("/proc/self/mounts")) -> list[str]:
    """Names of the usable controllers, sorted; empty where no cgroup tree is mounted.

    A version 1 tree shows its controllers as mount options, a version 2 tree in the file cgroup.controllers at its
    root; a hybrid host has both. Version 2 has no controller cpuacct: its cpu controller does that accounting.
    """
    controllers: set[str] = set()
    for line in mounts.read_text(encoding="utf-8").splitlines():
        _unused, mount_point, kind, options, *_more = line.split()
        if kind == "cgroup":
            controllers.update(_version1(options))
        elif kind == "cgroup2":
            controllers.update(_version2(Path(mount_point)))
    return sorted(controllers)


# Mount options of a version 1 tree that name no controller.
_PLAIN_OPTIONS = {"rw", "ro", "nosuid", "nodev", "noexec", "relatime", "noatime", "seclabel", "xattr"}


def _version1(options: str) -> set[str]:
    words = set(options.split(",")) - _PLAIN_OPTIONS
    return {word for word in words if "=" not in word}


def _version2(mount_point: Path) -> set[str]:
    try:
        names = set((mount_point / "cgroup.controllers").read_text(encoding="ascii").split())
    except OSError:
        return set()
    return names | {"cpuacct"} if "cpu" in names else names
