# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""CPU time that this side did not get although it wanted it: what was measured meanwhile may be its own lateness.

Stolen by the hypervisor (proc(5), the `steal` column), or kept back by the cgroup's quota (`cpu.stat`, version 1 or 2).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

STOLEN, THROTTLED = "stolen", "throttled"
#: Of one second: a quota that is used up shows as 10 ms of each 100.
LISTED_PERCENT = 5.0
#: Of more seconds than this only the first are listed.
LISTED = 10_000


class Withheld:
    """Asked once a second; times in ns from the start of the probe."""

    def __init__(self, proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> None:
        self._proc, self._groups = proc, groups
        self._begun = self._last = self._now()
        self.intervals: list[dict[str, Any]] = []

    def look(self, begun_ns: int, ended_ns: int) -> None:
        """What was withheld since the last call; that was the time from `begun_ns` to `ended_ns`."""
        now = self._now()
        for kind, percent in _percent(self._last, now).items():
            if percent >= LISTED_PERCENT:
                self._list(kind, begun_ns, ended_ns, percent)
        self._last = now

    def percent(self) -> dict[str, float]:
        """The share of each kind since the start, in percent; 0 where the system does not tell."""
        return _percent(self._begun, self._now())

    def _list(self, kind: str, begun_ns: int, ended_ns: int, percent: float) -> None:
        start_s, end_s = round(begun_ns / 1e9, 6), round(ended_ns / 1e9, 6)
        last = next((one for one in reversed(self.intervals[-2:]) if one["kind"] == kind), None)
        if last is not None and last["end_s"] == start_s:
            last["end_s"], last["percent"] = end_s, max(last["percent"], round(percent, 3))
        elif len(self.intervals) < LISTED:
            self.intervals.append({"kind": kind, "start_s": start_s, "end_s": end_s, "percent": round(percent, 3)})

    def _now(self) -> dict[str, tuple[float, float]]:
        """Of each kind that the system tells: (withheld, all), in a unit of its own."""
        found = {}
        with suppress(OSError, ValueError, IndexError):
            ticks = [
                int(word) for word in (self._proc / "stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]
            ]
            found[STOLEN] = (float(ticks[7]), float(sum(ticks)))
        for file in self._cpu_stats():
            with suppress(OSError, ValueError):
                stat = dict(line.split() for line in file.read_text(encoding="ascii").splitlines())
                if "throttled_usec" in stat:
                    found[THROTTLED] = (int(stat["throttled_usec"]) / 1e6, time.monotonic())
                elif "throttled_time" in stat:
                    found[THROTTLED] = (int(stat["throttled_time"]) / 1e9, time.monotonic())
                if THROTTLED in found:
                    break
        return found

    def _cpu_stats(self) -> Iterator[Path]:
        """Where this process's `cpu.stat` may be; in a container its group is the mount's root."""
        with suppress(OSError):
            for line in (self._proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines():
                _number, controllers, path = line.split(":", 2)
                if not controllers or "cpu" in controllers.split(","):
                    mount = self._groups / controllers
                    yield from (mount / path.lstrip("/") / "cpu.stat", mount / "cpu.stat")


def _percent(begun: dict[str, tuple[float, float]], now: dict[str, tuple[float, float]]) -> dict[str, float]:
    found = {}
    for kind in (STOLEN, THROTTLED):
        (before, all_before), (after, all_after) = begun.get(kind, (0.0, 0.0)), now.get(kind, (0.0, 0.0))
        found[kind] = max(0.0, 100.0 * (after - before) / (all_after - all_before)) if all_after > all_before else 0.0
    return found
