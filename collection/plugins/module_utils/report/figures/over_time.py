# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Counts and latency over time, in steps of any multiple of the widest row of the records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...probe.distribution import Distribution, coarse_middle_ns
from ..read.probe_record import Run, version_key

Json = dict[str, Any]
STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
NS_PER_MS = 1_000_000


def step_for(duration_s: float, rows: int) -> float:
    """The smallest round step that divides `duration_s` into at most `rows` rows."""
    return next((step for step in STEPS_S if duration_s / step <= rows), STEPS_S[-1])


class OverTime:
    """The timelines of runs on one axis. Coarser steps are added up from finer ones, each only once."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.started_ns = min(run.started_ns for run in runs)
        rows: dict[int, _Cell] = {}
        self._row_ms = max(run.row_ns for run in runs) // NS_PER_MS
        for run in runs:
            key = version_key(run.probe["identities"])
            offset_ms = (run.started_ns - self.started_ns) // NS_PER_MS
            for row in run.probe["timeline"]["rows"]:
                index = (offset_ms + row["i"] * run.row_ns // NS_PER_MS) // self._row_ms
                cell = _Cell.of_row(row, key)
                if index in rows:
                    rows[index].add(cell)
                else:
                    rows[index] = cell
        self._levels: dict[int, dict[int, _Cell]] = {self._row_ms: rows}

    def at(self, step_s: float) -> Json:
        """Return counts and latency of each step since the first run began.

        {step_s, started_unix_ns, t_s: [..], due: [..], outcomes: {name: [..]}, versions: {name: [..]},
        p50_ms, p99_ms, max_ms: [..]}; steps in which nothing was due are left out, latency without an answer is None.
        Where the records' rows are wider than the step asked for, the next step that they divide is taken.
        """
        if round(step_s * 1000) % self._row_ms:
            step_s = next(step for step in STEPS_S if step >= step_s and not round(step * 1000) % self._row_ms)
        cells = self._level(round(step_s * 1000))
        order = sorted(cells)
        members = [cells[index] for index in order]
        outcomes = sorted({name for cell in members for name in cell.outcomes}, key=lambda name: (name != "ok", name))
        versions = sorted({name for cell in members for name in cell.versions if name})
        return {
            "step_s": step_s,
            "started_unix_ns": self.started_ns,
            "t_s": [round(index * step_s, 3) for index in order],
            "due": [sum(cell.outcomes.values()) for cell in members],
            "outcomes": {name: [cell.outcomes.get(name, 0) for cell in members] for name in outcomes},
            "versions": {name: [cell.versions.get(name, 0) for cell in members] for name in versions},
            "p50_ms": [cell.percentile(50.0) for cell in members],
            "p99_ms": [cell.percentile(99.0) for cell in members],
            "max_ms": [cell.max_ms for cell in members],
        }

    def _level(self, step_ms: int) -> dict[int, _Cell]:
        if step_ms not in self._levels:
            finer = max(known for known in self._levels if known < step_ms and step_ms % known == 0)
            factor = step_ms // finer
            level: dict[int, _Cell] = {}
            for index, cell in self._levels[finer].items():
                level.setdefault(index // factor, _Cell()).add(cell)
            self._levels[step_ms] = level
        return self._levels[step_ms]


class _Cell:
    """One step. A cell of one row keeps the row's own flat buckets and percentiles: most are never added up."""

    __slots__ = ("_flat", "_known", "_latency", "max_ms", "outcomes", "versions")

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.max_ms: float | None = None
        self._latency: Distribution | None = None
        self._flat: Sequence[int] = ()
        self._known: dict[float, float] = {}

    @classmethod
    def of_row(cls, row: Json, version: str | None) -> _Cell:
        cell = cls()
        cell.outcomes = dict(row["outcomes"])
        cell.versions = dict(row.get("identities", {}).get(version, {})) if version is not None else {}
        cell.max_ms = row.get("max_ms")
        cell._flat = row.get("latency", ())
        cell._known = {percent: row[key] for percent, key in ((50.0, "p50_ms"), (99.0, "p99_ms")) if key in row}
        return cell

    def add(self, other: _Cell) -> None:
        self._known = {}
        _add(self.outcomes, other.outcomes)
        _add(self.versions, other.versions)
        if other.max_ms is not None:
            self.max_ms = other.max_ms if self.max_ms is None else max(self.max_ms, other.max_ms)
        own, more = self._distribution(), other._flat
        counts = own.counts
        if other._latency is not None:
            more = [number for pair in other._latency.counts.items() for number in pair]
        for index, count in zip(more[::2], more[1::2]):
            counts[index] = counts.get(index, 0) + count
        own.count += sum(more[1::2])

    def percentile(self, percent: float) -> float | None:
        if percent in self._known:
            return round(self._known[percent], 3)
        value = self._distribution().percentile_ms(percent, coarse_middle_ns)
        if value is None or self.max_ms is None:
            return None
        return round(min(value, self.max_ms), 3)  # the bucket is 1.6 % wide, the maximum exact

    def _distribution(self) -> Distribution:
        if self._latency is None:
            flat = self._flat
            self._latency = Distribution(dict(zip(flat[::2], flat[1::2])), sum(flat[1::2]))
        return self._latency


def _add(into: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        into[name] = into.get(name, 0) + count
