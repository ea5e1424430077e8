# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How many cores, how much memory and how much free disk a host can give to the lab."""

from __future__ import annotations

import os
from pathlib import Path

BYTES_PER_MB = 1024 * 1024
BYTES_PER_GB = 1024 * BYTES_PER_MB


def usable_cores(cgroup_root: Path = Path("/sys/fs/cgroup")) -> int:
    """Whole cores that this host may use: the affinity mask, cut by a container's CPU quota.

    The quota is read at the visible root of the cgroup tree, where a container finds its own. The limits of
    the session that Ansible runs in are left out: the lab's services do not live in that session.
    """
    cores = len(os.sched_getaffinity(0))
    quota = _cpu_quota(cgroup_root)
    return cores if quota is None else max(1, min(cores, int(quota)))


def _cpu_quota(cgroup_root: Path) -> float | None:
    """The CPU quota in cores, None where there is none."""
    unified = _words(cgroup_root / "cpu.max")
    if len(unified) == 2 and unified[0] != "max":
        return int(unified[0]) / int(unified[1])
    quota = _words(cgroup_root / "cpu" / "cpu.cfs_quota_us")
    period = _words(cgroup_root / "cpu" / "cpu.cfs_period_us")
    if quota and period and int(quota[0]) > 0:
        return int(quota[0]) / int(period[0])
    return None


def memory_mb(
    meminfo: Path = Path("/proc/meminfo"),
    cgroup_root: Path = Path("/sys/fs/cgroup"),
) -> int:
    """Memory of this host in MiB, cut by a container's limit. ValueError: no MemTotal line in meminfo."""
    total_bytes = _meminfo_bytes(meminfo, "MemTotal")
    for limit_file in (cgroup_root / "memory.max", cgroup_root / "memory" / "memory.limit_in_bytes"):
        limit = _words(limit_file)
        if limit and limit[0] != "max":
            # Without a limit cgroup v1 shows a number near 2**63: the minimum drops it.
            total_bytes = min(total_bytes, int(limit[0]))
    return total_bytes // BYTES_PER_MB


def available_memory_mb(meminfo: Path = Path("/proc/meminfo"), cgroup_root: Path = Path("/sys/fs/cgroup")) -> int:
    """Memory in MiB that new processes can have without swapping, never more than `memory_mb`. Raises as that does."""
    return min(_meminfo_bytes(meminfo, "MemAvailable") // BYTES_PER_MB, memory_mb(meminfo, cgroup_root))


def free_disk_gb(path: str) -> float:
    """Free space in GiB where `path` is, or will be: the nearest folder above it that exists counts."""
    folder = Path(path)
    while not folder.exists():
        folder = folder.parent
    stat = os.statvfs(folder)
    return round(stat.f_bavail * stat.f_frsize / BYTES_PER_GB, 1)


def _meminfo_bytes(meminfo: Path, field: str) -> int:
    for line in meminfo.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"{meminfo} has no {field} line")


def _words(path: Path) -> list[str]:
    """The words of a one-line kernel file, none where the kernel has no such file."""
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []
