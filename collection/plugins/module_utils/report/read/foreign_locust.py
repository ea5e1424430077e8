# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Locust's `--csv PREFIX` as probe records: PREFIX_stats.csv, and PREFIX_stats_history.csv with the sums by second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .foreign_file import ForeignFile
from .foreign_sums import Sums, record_of_sums, told_latency

Json = dict[str, Any]
#: What locust is called to count, by the column's name, the older name behind it.
COUNT = ("Request Count", "# requests", "Total Request Count")
FAILED = ("Failure Count", "# failures", "Total Failure Count")
STATISTICS = {
    "mean": ("Average Response Time", "Average response time", "Total Average Response Time"),
    "min": ("Min Response Time", "Min response time", "Total Min Response Time"),
    "max": ("Max Response Time", "Max response time", "Total Max Response Time"),
    "p50": ("50%",), "p90": ("90%",), "p95": ("95%",), "p99": ("99%",), "p999": ("99.9%",),
}  # fmt: skip
TOTALS = ("Aggregated", "Total")
SECOND_MS = 1000
NOTE = (
    "locust's stats.csv: sums only, so there is no timeline and no outage; latencies are those of all requests, "
    "percentiles as rounded as locust has them; what locust calls a failure is one. locust writes once a second, so "
    "requests of its last second can be missing"
)
HISTORY_NOTE = (
    "locust's stats_history.csv: counts of each second, so there is a timeline, but no single outage; latencies are "
    "those of all requests, percentiles are not in it. Requests of locust's last second can be missing"
)


def recognises_stats(file: ForeignFile) -> bool:
    """Whether it is the sums at the end."""
    names = _header(file)
    return "Name" in names and _has(names, COUNT[:2]) and "Timestamp" not in names


def recognises_history(file: ForeignFile) -> bool:
    """Whether it is the sums of each second."""
    return {"Timestamp", "User Count", "Name"} <= set(_header(file))


def reads_stats(file: ForeignFile) -> Json:
    """The record, which ended when the file was written. Raises RecordError: no row of all requests."""
    row = next((row for _number, row in reversed(list(_table(file)))), {})
    if row.get("Name") not in TOTALS:  # the last row; one before it is a request that a user has called so
        raise file.error(f"locust's stats.csv lacks the row {TOTALS[0]!r}: it was cut off, or locust still runs")
    count = int(_value(row, COUNT))
    rate = float(row["Requests/s"])
    told = {name: _number(row, names) for name, names in STATISTICS.items()}
    return record_of_sums(_sums(row, NOTE, file.written_unix_ns, count / rate if rate else 0.0, told))


def reads_history(file: ForeignFile) -> Json:
    """The record, with a timeline of seconds. Raises RecordError: no row, or counts that go down."""
    rows = [(number, row) for number, row in _table(file) if row["Name"] in TOTALS and row["Type"] in ("", "None")]
    if not rows:
        raise file.error(f"locust's stats_history.csv lacks rows of {TOTALS[0]!r}")
    start_s = int(rows[0][1]["Timestamp"]) - 1  # a row counts what came in the second before it
    timeline: dict[int, Json] = {}
    seen = seen_failed = 0
    for number, row in rows:
        count, failed = int(_value(row, COUNT)), int(_value(row, FAILED))
        good = count - seen - (failed - seen_failed)
        if good < 0 or failed < seen_failed:
            raise file.error("locust's stats_history.csv counts down: its statistics were reset while it ran", number)
        outcomes = {"ok": good, "wrong_status": failed - seen_failed}
        at = int(row["Timestamp"]) - 1 - start_s
        if at < max(timeline, default=0):
            raise file.error("locust's stats_history.csv goes back in time", number)
        if count > seen:
            timeline[at] = {"i": at, "outcomes": {name: n for name, n in outcomes.items() if n}}
        seen, seen_failed = count, failed
    last = rows[-1][1]
    end_s = int(last["Timestamp"])
    told = {name: _number(last, STATISTICS[name]) for name in ("mean", "min", "max")}
    record = record_of_sums(_sums(last, HISTORY_NOTE, end_s * 1_000_000_000, float(end_s - start_s), told))
    record["timeline"] = {"bucket_ms": SECOND_MS, "rows": list(timeline.values())}
    # No outage can be listed, but in which seconds requests failed is known: a recovery is looked for in the rows.
    record["outages"]["list_truncated"] = sum("wrong_status" in row["outcomes"] for row in timeline.values())
    return record


def _sums(row: dict[str, str], note: str, ended_unix_ns: int, elapsed_s: float, told: dict[str, float | None]) -> Sums:
    count, failed = int(_value(row, COUNT)), int(_value(row, FAILED))
    outcomes = {"ok": (count - failed, ""), "wrong_status": (failed, "locust's failures, for whatever reason")}
    return Sums("locust", note, ended_unix_ns, elapsed_s, outcomes, told_latency(count, told))


def _header(file: ForeignFile) -> list[str]:
    return [name.strip().strip('"') for name in file.first_line.split(",")]


def _has(names: list[str], wanted: tuple[str, ...]) -> bool:
    return any(name in names for name in wanted)


def _table(file: ForeignFile) -> Iterator[tuple[int, dict[str, str]]]:
    """Each whole row by its columns; a last row that was cut off is left out, as every row is of all until then."""
    header: list[str] = []
    for number, row in file.rows():
        if not header:
            header = row
        elif len(row) == len(header):
            yield number, dict(zip(header, row))
        elif not file.cut:
            raise file.error(f"not a row of locust's CSV ({len(row)} fields, expected {len(header)})", number)


def _value(row: dict[str, str], names: tuple[str, ...]) -> str:
    found = next((row[name] for name in names if name in row), None)
    if found is None:
        raise KeyError(names[0])
    return found


def _number(row: dict[str, str], names: tuple[str, ...]) -> float | None:
    text = next((row[name] for name in names if name in row), "N/A")
    return None if text in ("N/A", "") else float(text)
