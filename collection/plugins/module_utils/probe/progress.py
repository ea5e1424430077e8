# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The progress file: one JSON line a second beside the result, so that a killed probe loses at most its last second."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from . import outcome
from .histogram import Histogram
from .place import is_stream, private
from .result import build
from .state import Limits, State
from .tally import Tally

SUFFIX = ".progress"
SCHEMA_VERSION = 4
#: The deltas of so many bytes are replaced by their sum: the file of a week is as long as that of an hour.
DELTA_BYTES = 16 << 20


class ProgressError(ValueError):
    """A progress file cannot be read; the text names file and line."""


class ProgressFile:
    """Header first, then the deltas. Without a path nothing is written."""

    def __init__(self, path: str | None, header: dict[str, Any]) -> None:
        self.path = None if path is None or is_stream(path) else path + SUFFIX
        self._file = None if self.path is None else private(self.path)
        self._header = {"record": "probe_progress", "schema_version": SCHEMA_VERSION, "header": header}
        self._room = DELTA_BYTES
        #: Why the file is not written any more ("" while it is): the measurement goes on without it.
        self.problem = ""
        self._write([self._header])

    def add(self, summary: dict[str, Any], deltas: list[dict[str, Any]], state: State) -> None:
        """One line: what a person wants to see now, and what adds up to the record."""
        runs = state.fresh_runs()  # they are kept for this alone, also where nothing is written
        if self._file is None:
            return
        slim = [{name: value for name, value in delta.items() if name != "tracks"} for delta in deltas]
        self._write([{"record": "probe_progress", **summary, "deltas": slim, "runs": runs}])
        if self._room < 0:
            self._begin_anew({"record": "probe_progress", **summary, "deltas": [], "sum": state.snapshot()})

    def _begin_anew(self, line: dict[str, Any]) -> None:
        """Put the sum in the place of all deltas; a file that was begun and not ended is no file."""
        if self._file is None or self.path is None or self.problem:
            return
        fresh, kept = self.path + ".new", self._file
        try:
            self._file = private(fresh)
            self._write([self._header, line])
            if self.problem:  # no room for both: the deltas stay
                os.unlink(fresh)
            else:
                os.replace(fresh, self.path)
                kept.close()
        except OSError as error:
            self.problem = f"{self.path}: {error.strerror}"
        self._room = DELTA_BYTES

    def _write(self, lines: list[dict[str, Any]]) -> None:
        if self._file is not None and not self.problem:
            try:
                for line in lines:
                    text = json.dumps(line, separators=(",", ":")) + "\n"
                    self._file.write(text)
                    self._room -= len(text)
                self._file.flush()
            except OSError as error:
                self.problem = f"{self.path}: {error.strerror}"

    def close(self, keep: bool = False) -> None:
        """Remove the file: the result is on disk."""
        if self._file is not None and self.path is not None:
            with suppress(OSError):  # what could not be written is tried once more, and lost
                self._file.close()
            if not keep:
                os.unlink(self.path)


def summarise(header: dict[str, Any], state: State, fresh: Iterable[Tally], seconds_s: float) -> dict[str, Any]:
    """The live line's figures: totals since the start, rate and p99 of the last second, the outage that goes on."""
    lanes = header["plan"]["lanes"]
    total = {"completed": 0, "failed": 0, "not_sent": 0}
    for key, figures in state.tally.cells.items():
        if key[0] in lanes:
            total["completed"] += figures.completed
            total["failed"] += figures.failed
            total["not_sent"] += figures.not_sent
    latency = Histogram()
    recent = 0
    identities: dict[str, dict[str, int]] = {name: {} for name in header["identify"]}
    for tally in fresh:
        for (lane, _unused, who), figures in tally.cells.items():
            if lane not in lanes:
                continue
            done = figures.count(outcome.OUTCOMES)
            recent += done
            latency.merge(figures.latency)
            for name, value in zip(header["identify"], who):
                identities[name][value] = identities[name].get(value, 0) + done
    p99 = latency.percentile(99.0)
    ended = sum(total.values())
    return {
        "elapsed_s": round(state.at / 1e9, 3),
        "due": sum(times for (lane, _unused), times in state.tally.due.items() if lane in lanes),
        **total,
        "rate": round(recent / seconds_s, 1),
        "availability": total["completed"] / ended if ended else None,
        "p99_ms": None if p99 is None else round(p99 / 1e6, 3),
        "outage_s": round(max(state.current_outage_ns(lane) for lane in lanes) / 1e9, 3),
        "identities": identities,
    }


def live_line(summary: dict[str, Any]) -> str:
    """The live line in words."""
    share = "-" if summary["availability"] is None else f"{100 * summary['availability']:.3f} %"
    p99 = "-" if summary["p99_ms"] is None else f"{summary['p99_ms']:.1f} ms"
    parts = [f"{summary['elapsed_s']:.0f} s", f"{summary['rate']:.0f}/s", f"available {share}", f"p99 {p99}"]
    if summary["failed"]:
        parts.append(f"{summary['failed']} failed")
    if summary["not_sent"]:
        parts.append(f"{summary['not_sent']} not sent")
    if summary["outage_s"]:
        parts.append(f"OUT for {summary['outage_s']:.1f} s")
    for name, values in summary["identities"].items():
        if name in ("pod", "node"):
            continue  # there may be dozens: the record has them
        named = {value: times for value, times in values.items() if value}
        if named:
            parts.append(" ".join(f"{value}:{times}" for value, times in sorted(named.items())))
    return "  ".join(parts)


def recover(path: str) -> dict[str, Any]:
    """The record of a probe that was killed, from its progress file. Raises ProgressError."""
    header: dict[str, Any] | None = None
    state: State | None = None
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            try:
                line = json.loads(text)
                if line["record"] != "probe_progress":
                    raise KeyError("record")
                if state is None:
                    header, state = line["header"], _begun(line)
                    continue
                if "sum" in line:
                    state.load(line["sum"])
                for delta in line["deltas"]:
                    state.add(delta)
                state.add_runs(line.get("runs", []))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                if number > 1 and not text.endswith("\n"):
                    break  # the line that was being written when it was killed
                raise ProgressError(f"{path}, line {number}: not a line of a progress file ({error!r})") from error
    if header is None or state is None:
        raise ProgressError(f"{path}, line 1: expected a header, the file is empty")
    state.account_for_lost(0, header["plan"]["lanes"], ("",) * len(header["identify"]))
    ended = header["started_unix_ns"] + state.at
    return build(header, state, min(ended, time.time_ns()), "killed")


def _begun(line: dict[str, Any]) -> State:
    if line["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"version {line['schema_version']}, expected {SCHEMA_VERSION}")
    return State(line["header"]["plan"]["lanes"], Limits.of(line["header"]["reading"]))
