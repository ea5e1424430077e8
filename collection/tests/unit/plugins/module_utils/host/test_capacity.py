from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.capacity import (
    available_memory_mb,
    free_disk_gb,
    memory_mb,
    usable_cores,
)


def test_cores_without_a_quota_are_those_of_the_affinity_mask(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("quota", ["100000 100000", "150000 100000", "50000 100000"])
def test_a_version_2_quota_below_two_leaves_one_core(tmp_path: Path, quota: str) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert usable_cores(tmp_path) == 1


def test_a_version_1_quota_counts_and_minus_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    assert usable_cores(tmp_path) == 1
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert usable_cores(tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("limit_file", "limit", "expected_mb"),
    [
        ("memory.max", "max", 4000),
        ("memory.max", str(1024**3), 1024),
        ("memory/memory.limit_in_bytes", "9223372036854771712", 4000),
        ("memory/memory.limit_in_bytes", str(512 * 1024**2), 512),
    ],
)
def test_memory_is_cut_by_a_limit(tmp_path: Path, limit_file: str, limit: str, expected_mb: int) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: {4000 * 1024} kB\nMemFree: 1 kB\n")
    (tmp_path / limit_file).parent.mkdir(exist_ok=True)
    (tmp_path / limit_file).write_text(limit + "\n")
    assert memory_mb(meminfo, tmp_path) == expected_mb


@pytest.mark.parametrize(("limit", "expected_mb"), [("max", 1500), (str(1024**3), 1024)])
def test_what_is_available_is_never_more_than_a_limit(tmp_path: Path, limit: str, expected_mb: int) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal: {4000 * 1024} kB\nMemAvailable: {1500 * 1024} kB\n")
    (tmp_path / "memory.max").write_text(limit)
    assert available_memory_mb(tmp_path / "meminfo", tmp_path) == expected_mb


def test_meminfo_without_a_total_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemFree: 1 kB\n")
    with pytest.raises(ValueError, match="MemTotal"):
        memory_mb(tmp_path / "meminfo", tmp_path)


def test_disk_of_a_folder_to_come_is_that_of_its_parent(tmp_path: Path) -> None:
    assert free_disk_gb(str(tmp_path / "a" / "b")) == pytest.approx(free_disk_gb(str(tmp_path)), abs=0.5)
