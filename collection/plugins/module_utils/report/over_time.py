# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Counts and latency over time, in steps of any multiple of the record's own 100 ms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .distribution import Distribution, coarse_middle_ns
from .probe_record import Run, version_key

Json = dict[str, Any]
STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
NS_PER_S = 1_000_000_000


def step_for(duration_s: float, rows: int) -> float:
    """The smallest round step that divides `duration_s` into at most `rows` rows."""
    return next((step for step in STEPS_S if duration_s / step <= rows), STEPS_S[-1])


def over_time(runs: Sequence[Run], step_s: float) -> Json:
    """Return counts and latency of each step since the first of `runs` began.

    {step_s, started_unix_ns, t_s: [..], due: [..], outcomes: {name: [..]}, versions: {name: [..]},
    p50_ms, p99_ms, max_ms: [..]}; steps in which nothing was due are left out, latency without an answer is None.
    """
    start_ns = min(run.started_ns for run in runs)
    step_ns = round(step_s * NS_PER_S)
    cells: dict[int, _Cell] = {}
    for run in runs:
        bucket_ns = run.probe["timeline"]["bucket_ms"] * 1_000_000
        key = version_key(run.probe["identities"])
        for row in run.probe["timeline"]["rows"]:
            at_ns = run.started_ns - start_ns + row["i"] * bucket_ns
            cells.setdefault(at_ns // step_ns, _Cell()).add(row, key)
    order = sorted(cells)
    outcomes = sorted({name for cell in cells.values() for name in cell.outcomes}, key=lambda n: (n != "ok", n))
    versions = sorted({name for cell in cells.values() for name in cell.versions if name})
    return {
        "step_s": step_s,
        "started_unix_ns": start_ns,
        "t_s": [round(index * step_s, 3) for index in order],
        "due": [sum(cells[index].outcomes.values()) for index in order],
        "outcomes": {name: [cells[index].outcomes.get(name, 0) for index in order] for name in outcomes},
        "versions": {name: [cells[index].versions.get(name, 0) for index in order] for name in versions},
        "p50_ms": [cells[index].percentile(50.0) for index in order],
        "p99_ms": [cells[index].percentile(99.0) for index in order],
        "max_ms": [cells[index].max_ms for index in order],
    }


class _Cell:
    """One step: rows of the timeline added up."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.latency = Distribution()
        self.max_ms: float | None = None

    def add(self, row: Json, version: str | None) -> None:
        _add(self.outcomes, row["outcomes"])
        if version is not None:
            _add(self.versions, row.get("identities", {}).get(version, {}))
        flat = row.get("latency", [])
        for index, count in zip(flat[::2], flat[1::2]):
            self.latency.counts[index] = self.latency.counts.get(index, 0) + count
            self.latency.count += count
        if "max_ms" in row:
            self.max_ms = row["max_ms"] if self.max_ms is None else max(self.max_ms, row["max_ms"])

    def percentile(self, percent: float) -> float | None:
        value = self.latency.percentile_ms(percent, coarse_middle_ns)
        if value is None or self.max_ms is None:
            return None
        return round(min(value, self.max_ms), 3)  # the bucket is 1.6 % wide, the maximum exact


def _add(into: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        into[name] = into.get(name, 0) + count
