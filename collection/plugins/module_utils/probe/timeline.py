# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A run's timeline in bounded memory: rows of 100 ms while they are few, then of 1 s, 10 s, 1 min, 10 min.

What needs rows of 100 ms (the share of time, brown-outs) is counted when a row is settled, before it can be widened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import outcome
from .brownout import Brownouts
from .confidence import share
from .rows import CellKey, Counts, Rows

#: Widths of rows, in 100 ms: with ROWS of them 30 minutes, 5 hours, 2 days, 12 days, 125 days.
WIDTHS = (1, 10, 100, 600, 6_000)
ROWS = 18_000

#: A set of cells: ("all",), ("lane", name), ("target", number) or ("identity", position, value)
Group = tuple[Any, ...]


class TimeShares:
    """In how many rows of 100 ms requests of a group were measured, and in how many of them none failed."""

    def __init__(self, lanes: Sequence[str]) -> None:
        self._lanes = frozenset(lanes)
        self._counts: dict[Group, list[int]] = {}

    def add(self, counts: Counts) -> None:
        """One more row."""
        failed: dict[Group, bool] = {}
        for (key, name), _unused in counts.items():
            if name not in outcome.CLIENT:  # those say nothing of the service
                for group in self._groups(key):
                    failed[group] = failed.get(group, False) or name != outcome.OK
        for group, bad in failed.items():
            entry = self._counts.setdefault(group, [0, 0])
            entry[0] += not bad
            entry[1] += 1

    def of(self, group: Group) -> dict[str, Any]:
        """The share of time, with its bounds."""
        return share(*self._counts.get(group, (0, 0)))

    def to_list(self) -> list[Any]:
        """For the progress file (JSON)."""
        return [[list(group), *counts] for group, counts in self._counts.items()]

    def load(self, values: Iterable[Any]) -> None:
        """Read `to_list` back."""
        self._counts = {tuple(group): [good, of] for group, good, of in values}

    def _groups(self, key: CellKey) -> Iterable[Group]:
        lane, target, who = key
        yield ("lane", lane)
        if lane in self._lanes:
            yield ("all",)
            yield ("target", target)
            for position, value in enumerate(who):
                yield ("identity", position, value)


class Timeline:
    """The settled rows of all lanes and targets, and what was counted of them."""

    def __init__(self, lanes: Sequence[str], brownout_share: float) -> None:
        self.rows = Rows()
        self.shares = TimeShares(lanes)
        self.brownouts = Brownouts(lanes, brownout_share)
        self._settled = -1 << 62  # rows before this one are not to come any more

    def settle(self, fresh: Rows, before: int) -> None:
        """Take the rows before this one out of `fresh`: all their requests have ended."""
        if before <= self._settled:
            return
        for row in sorted(row for row in fresh.counts if row < before):
            if row >= self._settled:  # others are what a lost worker left open: not measured
                self.shares.add(fresh.counts[row])
                self.brownouts.add(row, fresh.counts[row])
            self.rows.take(fresh, row)
            fresh.drop(row)
        self._settled = before
        self._widen()

    def to_dict(self) -> dict[str, Any]:
        """For the progress file (JSON)."""
        return {
            "settled": self._settled,
            "width": self.rows.width,
            "rows": self.rows.to_list(),
            "shares": self.shares.to_list(),
            "brownouts": self.brownouts.to_list(),
        }

    def load(self, values: dict[str, Any], keys: dict[CellKey, CellKey]) -> None:
        """Read `to_dict` back; `keys` shares equal keys."""
        self._settled = values["settled"]
        self.rows = Rows.from_list(values["rows"], keys, values["width"])
        self.shares.load(values["shares"])
        self.brownouts.load(values["brownouts"])

    def _widen(self) -> None:
        while len(self.rows.counts) > ROWS and self.rows.width < WIDTHS[-1]:
            wider = Rows(WIDTHS[WIDTHS.index(self.rows.width) + 1])
            wider.merge(self.rows)
            self.rows = wider
