# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What adds of several records: figures of totals, lanes, targets and identities, and the timeline's rows.

Records are added one after the other and not kept. Until all are known times count from the Unix epoch.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from . import outcome
from .confidence import share
from .handshakes import in_order
from .histogram import Histogram, pairs
from .part import micros
from .result import DIAGNOSES, figures_record
from .rows import BUCKET_NS, latency_record
from .tally import COUNTERS, HISTOGRAMS, Figures

_BUCKET_US = BUCKET_NS // 1000
Counts = dict[str, int]
#: Of a record with one lane and one target: its requests belong to that lane, that target, and all.
_CELL = "cell"


class Group:
    """The figures of a group of several records, and what only lanes have. Times in us of the Unix epoch."""

    def __init__(self) -> None:
        self.due = self.idle_closed = 0
        self.figures = Figures()
        self.policy = ""
        self.tls: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.diagnoses = dict.fromkeys(DIAGNOSES, 0)

    def add(self, group: Mapping[str, Any], started_us: int) -> None:
        """One record's. Raises ValueError: a distribution that does not add up."""
        figures = self.figures
        self.due += group["due"]
        for name, entry in group["outcomes"].items():
            first, last = (started_us + micros(entry[edge]) for edge in ("first_s", "last_s"))
            seen = figures.outcomes.get(name, [0, first, last, entry["example"]])
            # The example is that of the first one, whatever the order of the records.
            begun, example = min((seen[1], seen[3]), (first, entry["example"]))
            figures.outcomes[name] = [seen[0] + entry["count"], begun, max(seen[2], last), example]
        for status, times in group["statuses"].items():
            figures.statuses[status] = figures.statuses.get(status, 0) + times
        for name in COUNTERS:
            setattr(figures, name, getattr(figures, name) + group[name])
        for name in HISTOGRAMS:
            if name in group:
                getattr(figures, name).merge(Histogram.from_record(group[name]))

        for entry in group.get("tls", ()):
            times = [started_us + micros(entry[edge]) for edge in ("first_s", "last_s")]
            key = tuple(entry[name] for name in ("version", "cipher", "certificate_sha256"))
            mine = self.tls.setdefault(key, {**entry, "connections": 0, "resumed": 0, "times": times})
            mine["times"] = [min(mine["times"][0], times[0]), max(mine["times"][1], times[1])]
            for name in ("connections", "resumed"):
                mine[name] += entry[name]
            if entry["days_left"] is not None:  # from the earliest start, which is the merged record's
                mine["days_left"] = max(mine["days_left"], entry["days_left"])

    def tls_record(self, origin_us: int) -> dict[str, Any]:
        """A target's `tls`, where it has one, on an axis that begins at `origin_us`."""
        told = []
        for entry in self.tls.values():
            first, last = (round((time - origin_us) / 1e6, 6) for time in entry["times"])
            told.append({**{name: entry[name] for name in entry if name != "times"}, "first_s": first, "last_s": last})
        return {"tls": in_order(told)} if told else {}

    def add_lane(self, lane: Mapping[str, Any], started_us: int) -> None:
        """One record's lane."""
        self.add(lane, started_us)
        self.policy = lane["policy"]
        self.idle_closed += lane["idle_closed"]
        for kind in DIAGNOSES:
            self.diagnoses[kind] += lane["kept_connection_failures"][kind]

    def to_record(self, origin_us: int, time_share: dict[str, Any]) -> dict[str, Any]:
        """The record's form, on an axis that begins at `origin_us`."""
        figures = copy.copy(self.figures)
        figures.outcomes = {
            name: [count, *((time - origin_us) * 1000 for time in times), example]
            for name, (count, *times, example) in self.figures.outcomes.items()
        }
        return figures_record(figures, self.due, time_share)


class Row:
    """One row of all records."""

    __slots__ = ("groups", "latency", "longest")

    def __init__(self) -> None:
        #: ("outcomes",), ("control",), ("lanes", name) or ("targets", name): outcome -> requests;
        #: ("identities", name): value -> requests
        self.groups: dict[tuple[str, ...], Counts] = {}
        self.latency: dict[int, int] = {}
        self.longest = -1

    def count(self, group: tuple[str, ...], counts: Mapping[str, int]) -> None:
        """Add one record's requests of a group."""
        mine = self.groups.get(group)
        if mine is None:
            self.groups[group] = dict(counts)
            return
        for name, times in counts.items():
            mine[name] = mine.get(name, 0) + times

    def add_latency(self, flat: list[int], longest: int) -> None:
        """Add one record's latencies; `longest` in ns."""
        mine = self.latency
        if not mine:
            self.latency = dict(pairs(flat))
        else:
            numbers = iter(flat)
            for coarse in numbers:
                mine[coarse] = mine.get(coarse, 0) + next(numbers)
        self.longest = max(self.longest, longest)

    def settle(self) -> None:
        """Nothing more comes: what was counted once for all its groups is told to each of them."""
        for group in [group for group in self.groups if group[0] == _CELL]:
            counts = self.groups.pop(group)
            if counts:
                _kind, lane, target = group
                for one in (("outcomes",), ("lanes", lane), ("targets", target)):
                    self.count(one, counts)

    def merge(self, other: Row) -> None:
        """Add a row that is part of this one."""
        for group, counts in other.groups.items():
            self.count(group, counts)
        if other.latency:
            self.add_latency([number for pair in other.latency.items() for number in pair], other.longest)


class Together:
    """The sums over all records that were added."""

    def __init__(self) -> None:
        self.totals = Group()
        self.lanes: dict[str, Group] = {}
        self.targets: dict[str, Group] = {}
        self.identities: dict[str, dict[str, Group]] = {}
        self.control: Group | None = None
        self.lateness = Histogram()
        #: Width of a row in us; its number counts these from the Unix epoch on.
        self.width_us = _BUCKET_US
        self.rows: dict[int, Row] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """One more record. Raises KeyError, TypeError, ValueError: it is not a whole one."""
        started_us = record["started_unix_ns"] // 1000
        self.totals.add(record["totals"], started_us)
        for name, lane in record["lanes"].items():
            self.lanes.setdefault(name, Group()).add_lane(lane, started_us)
        for name, target in record["targets"].items():
            self.targets.setdefault(name, Group()).add(target, started_us)
        for name, values in record["identities"].items():
            groups = self.identities.setdefault(name, {})
            for value, group in values.items():
                groups.setdefault(value, Group()).add(group, started_us)
        if record["control"]:
            self.control = self.control or Group()
            self.control.add_lane(record["control"], started_us)
        self.lateness.merge(Histogram.from_record(record["self_check"]["lateness"]))
        self._add_rows(record, started_us)

    def _add_rows(self, record: Mapping[str, Any], started_us: int) -> None:
        """A row is put where the wall clock's row of the same number is: so the order of merges changes nothing.

        A request may stand one row beside its own for that.
        """
        width_us = record["timeline"]["bucket_ms"] * 1000
        if width_us > self.width_us:
            self._widen(width_us)
        first, share_of_row = started_us // width_us, self.width_us // width_us
        lanes, targets = list(record["lanes"]), list(record["targets"])
        alone = targets[0] if len(targets) == 1 else None
        only = (_CELL, lanes[0], alone) if len(lanes) == 1 and alone is not None else None
        for told in record["timeline"]["rows"]:
            number = (first + told["i"]) // share_of_row
            row = self.rows.get(number)
            if row is None:
                row = self.rows[number] = Row()
            if only is not None:
                row.count(only, told["outcomes"])
            else:
                row.count(("outcomes",), told["outcomes"])
                for lane, counts in told.get("lanes", {}).items():
                    row.count(("lanes", lane), counts)
                for target, counts in told.get("targets", {}).items():
                    row.count(("targets", target), counts)
                if alone is not None and told["outcomes"]:
                    row.count(("targets", alone), told["outcomes"])
            for name, values in told.get("identities", {}).items():
                row.count(("identities", name), values)
            if "control" in told:
                row.count(("control",), told["control"])
            if "latency" in told:
                row.add_latency(told["latency"], round(told["max_ms"] * 1e6))

    def settle(self) -> None:
        """All records were added."""
        for row in self.rows.values():
            row.settle()

    def _widen(self, width_us: int) -> None:
        rows, step = self.rows, width_us // self.width_us
        self.rows, self.width_us = {}, width_us
        for number in list(rows):
            self.rows.setdefault(number // step, Row()).merge(rows.pop(number))

    @property
    def fine(self) -> bool:
        """The rows are of 100 ms: shares of time and brown-outs can be counted."""
        return self.width_us == _BUCKET_US

    def time_share(self, group: tuple[str, ...]) -> dict[str, Any]:
        """In how many rows of 100 ms no request of the group failed.

        Nothing is known where rows are wider, and of identities, whose outcomes rows do not tell.
        """
        good = measured = 0
        for row in self.rows.values() if self.fine else ():
            told = [name for name in row.groups.get(group, ()) if name not in outcome.CLIENT]
            measured += bool(told)
            good += told == [outcome.OK]
        return share(good, measured)

    def timeline(self, origin_us: int) -> dict[str, Any]:
        """The record's `timeline`, on an axis that begins at `origin_us`."""
        first, several = origin_us // self.width_us, len(self.targets) > 1
        rows = [_row_record(number - first, self.rows[number], several) for number in sorted(self.rows)]
        return {"bucket_ms": self.width_us // 1000, "rows": rows}


def _row_record(number: int, row: Row, several: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"i": number, "outcomes": {}}
    for group, counts in row.groups.items():
        kind = group[0]
        if kind == "targets" and not several:
            continue
        into = told
        for name in group[:-1]:
            into = into.setdefault(name, {})
        into[group[-1]] = counts
    if row.latency:
        told.update(latency_record(row.latency, row.longest))
    return told
