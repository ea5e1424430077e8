# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Stolen and throttled CPU time, as the kernel tells it, becomes seconds of the record."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe import withheld
from ansible_collections.availability.lab.plugins.module_utils.probe.withheld import Withheld

SECOND = 1_000_000_000
V1 = ("3:cpuset:/\n2:cpu,cpuacct:/docker/abc\n0::/\n", "cpu,cpuacct/docker/abc", "throttled_time", SECOND)
V1_IN_CONTAINER = ("2:cpu,cpuacct:/docker/abc\n", "cpu,cpuacct", "throttled_time", SECOND)
V2 = ("0::/user.slice\n", "user.slice", "throttled_usec", 1_000_000)


@pytest.mark.parametrize("system", [V1, V1_IN_CONTAINER, V2])
def test_throttled_seconds(system: tuple[str, str, str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups, folder, field, per_s = system
    clock = [0.0]
    monkeypatch.setattr(withheld.time, "monotonic", lambda: clock[0])
    proc, stat = tmp_path / "proc", tmp_path / "cgroup" / folder / "cpu.stat"
    (proc / "self").mkdir(parents=True)
    stat.parent.mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(groups)
    lost_s = 0.0
    stat.write_text(f"nr_periods 1\n{field} 0\n")
    watched = Withheld(proc, tmp_path / "cgroup")
    for second, share in enumerate((0.0, 0.3, 0.6, 0.01, 0.2)):
        clock[0] += 1.0
        lost_s += share
        stat.write_text(f"nr_periods 1\n{field} {int(lost_s * per_s)}\n")
        watched.look(second * SECOND, (second + 1) * SECOND)
    assert [(one["kind"], one["start_s"], one["end_s"]) for one in watched.intervals] == [
        ("throttled", 1.0, 3.0),
        ("throttled", 4.0, 5.0),
    ]
    assert [one["percent"] for one in watched.intervals] == pytest.approx([60.0, 20.0], abs=0.01)
    assert watched.percent() == {"stolen": 0.0, "throttled": pytest.approx(22.2, abs=0.01)}


def test_stolen_seconds(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 0 100 0 0 0 0 0 0\n")
    watched = Withheld(tmp_path, tmp_path)
    stat.write_text("cpu  200 0 0 160 0 0 0 40 0 0\n")
    watched.look(0, SECOND)
    assert watched.intervals == [{"kind": "stolen", "start_s": 0.0, "end_s": 1.0, "percent": 20.0}]
    assert watched.percent()["stolen"] == 20.0


def test_a_system_that_tells_nothing_withheld_nothing(tmp_path: Path) -> None:
    watched = Withheld(tmp_path / "none", tmp_path)
    watched.look(0, SECOND)
    assert (watched.intervals, watched.percent()) == ([], {"stolen": 0.0, "throttled": 0.0})
