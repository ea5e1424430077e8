# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a worker counts, in a form that adds: the deltas of every second and of every worker sum up to the run.

Figures are kept for each cell, that is lane by target by identity; totals and breakdowns are sums over cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

from . import outcome
from .histogram import Histogram, index_of
from .rows import BUCKET_NS, CellKey, Rows, shared_key

HISTOGRAMS = ("latency", "service_time", "connect_time", "failure_time", "handshake_time")
COUNTERS = ("bytes_sent", "bytes_received", "body_bytes", "connections_opened", "requests_on_kept_connections")


class Figures:
    """Counts and distributions of one cell, or of a sum of cells. Times in ns from the start."""

    __slots__ = (*COUNTERS, *HISTOGRAMS, "outcomes", "statuses")

    def __init__(self) -> None:
        self.outcomes: dict[str, list[Any]] = {}  # name -> [count, first, last, example]
        self.statuses: dict[str, int] = {}
        self.bytes_sent = self.bytes_received = self.body_bytes = 0
        self.connections_opened = self.requests_on_kept_connections = 0
        self.latency = Histogram()
        self.service_time = Histogram()
        self.connect_time = Histogram()
        self.failure_time = Histogram()
        self.handshake_time = Histogram()

    def outcome(self, name: str, start: int, example: str, times: int = 1, last: int | None = None) -> None:
        """Count `times` requests with this outcome that began at `start` (to `last`)."""
        last = start if last is None else last
        seen = self.outcomes.get(name)
        if seen is None:
            self.outcomes[name] = [times, start, last, example]
            return
        seen[0] += times
        if start < seen[1]:
            seen[1] = start
            seen[3] = example or seen[3]
        seen[3] = seen[3] or example
        seen[2] = max(seen[2], last)

    def count(self, names: Iterable[str]) -> int:
        """The requests with one of these outcomes."""
        return sum(self.outcomes[name][0] for name in names if name in self.outcomes)

    @property
    def completed(self) -> int:
        return self.count((outcome.OK,))

    @property
    def failed(self) -> int:
        return self.count(outcome.FAILED)

    @property
    def not_sent(self) -> int:
        return self.count(outcome.CLIENT)

    def merge(self, other: Figures) -> None:
        """Add another cell's figures."""
        for name, (times, first, last, example) in other.outcomes.items():
            self.outcome(name, first, example, times, last)
        for status, times in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + times
        for name in COUNTERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in HISTOGRAMS:
            getattr(self, name).merge(getattr(other, name))

    def to_list(self) -> list[Any]:
        """For the delta lines (JSON)."""
        histograms = [getattr(self, name).to_list() for name in HISTOGRAMS]
        return [self.outcomes, self.statuses, [getattr(self, name) for name in COUNTERS], histograms]

    @classmethod
    def from_list(cls, values: list[Any]) -> Figures:
        """Read `to_list` back."""
        figures = cls()
        figures.outcomes, figures.statuses, counters, histograms = values
        for name, value in zip(COUNTERS, counters):
            setattr(figures, name, value)
        for name, histogram in zip(HISTOGRAMS, histograms):
            setattr(figures, name, Histogram.from_list(histogram))
        return figures


class Tally:
    """The figures of every cell, the timeline's rows, and how many requests became due."""

    def __init__(self) -> None:
        self.cells: dict[CellKey, Figures] = {}
        self.due: dict[tuple[str, int], int] = {}  # (lane, target) -> requests that became due
        self.rows = Rows()

    def cell(self, key: CellKey) -> Figures:
        """The figures of a cell, made when it is new."""
        figures = self.cells.get(key)
        if figures is None:
            figures = self.cells[key] = Figures()
        return figures

    def row(self, start: int, key: CellKey, name: str, times: int = 1) -> None:
        """Count requests that began at `start` in the timeline."""
        self.rows.count(start // BUCKET_NS, key, name, times)

    def completed(self, key: CellKey, start: int, latency: int) -> None:
        """Put one completed request in the timeline (the fast path does it for many at once)."""
        self.row(start, key, outcome.OK)
        self.rows.latencies(start // BUCKET_NS, ((index_of(max(latency, 0)), 1),), latency)

    def merge(self, other: Tally) -> None:
        """Add another tally; exact."""
        for key, figures in other.cells.items():
            self.cell(key).merge(figures)
        for origin, times in other.due.items():
            self.due[origin] = self.due.get(origin, 0) + times
        self.rows.merge(other.rows)

    def total(self, chosen: Callable[[CellKey], bool]) -> Figures:
        """The sum over the chosen cells."""
        total = Figures()
        for key, figures in self.cells.items():
            if chosen(key):
                total.merge(figures)
        return total

    def to_delta(self) -> dict[str, Any]:
        """One delta line (JSON)."""
        return {
            "cells": [[lane, target, list(who), f.to_list()] for (lane, target, who), f in self.cells.items()],
            "due": [[lane, target, times] for (lane, target), times in self.due.items()],
            "rows": self.rows.to_list(),
        }

    @classmethod
    def from_delta(cls, delta: dict[str, Any], keys: dict[CellKey, CellKey]) -> Tally:
        """Read `to_delta` back; `keys` shares equal keys between deltas, which saves memory."""
        tally = cls()
        for lane, target, who, values in delta["cells"]:
            tally.cells[shared_key(keys, lane, target, who)] = Figures.from_list(values)
        for lane, target, times in delta["due"]:
            tally.due[(lane, target)] = times
        tally.rows = Rows.from_list(delta["rows"], keys)
        return tally
