from __future__ import annotations

from pathlib import Path

from ansible_collections.availability.lab.plugins.module_utils.host.cgroups import cgroup_controllers


def controllers(tmp_path: Path, mounts: str) -> list[str]:
    (tmp_path / "mounts").write_text(mounts)
    return cgroup_controllers(tmp_path / "mounts")


def test_version_1_and_a_hybrid_mount_without_controllers(tmp_path: Path) -> None:
    mounts = (
        "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
        "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,relatime,cpu,cpuacct 0 0\n"
        "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
        "cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n"
        f"cgroup2 {tmp_path}/unified cgroup2 rw 0 0\n"
    )
    assert controllers(tmp_path, mounts) == ["cpu", "cpuacct", "memory"]


def test_version_2_accounts_for_the_cpu_by_itself(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    found = controllers(tmp_path, f"cgroup2 {tmp_path} cgroup2 rw,nsdelegate 0 0\n")
    assert found == ["cpu", "cpuacct", "cpuset", "io", "memory", "pids"]


def test_no_cgroup_mount_gives_none(tmp_path: Path) -> None:
    assert controllers(tmp_path, "proc /proc proc rw 0 0\n") == []
