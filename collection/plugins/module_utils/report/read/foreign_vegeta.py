# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""vegeta's results as probe records: `vegeta encode` (JSON lines or CSV) and `vegeta report -type=json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .foreign_errors import GOOD, outcome_of, outcome_of_status
from .foreign_file import ForeignFile, unix_ns_of
from .foreign_record import Request, cut_off, record_of_dated, whole_ns
from .foreign_sums import Sums, record_of_sums, told_latency

Json = dict[str, Any]
NOTE = (
    "vegeta encode: latency is from sending to the last byte, with connecting; an answer that broke off is a failure, "
    "whatever its status"
)
REPORT_NOTE = (
    "vegeta report -type=json: sums only, so there is no timeline and no outage; latencies are those of all requests"
)
PERCENTILES = {"mean": "mean", "min": "min", "max": "max", "p50": "50th", "p90": "90th", "p95": "95th", "p99": "99th"}
CSV_FIELDS = 12
UNREADABLE = (
    "vegeta's own results, or its hdrplot, cannot be read; expected what `vegeta encode` or "
    "`vegeta report -type=json` makes of the results"
)


def recognises_results(file: ForeignFile) -> bool:
    """Whether it holds encoded results."""
    first = file.first
    if isinstance(first, dict):
        return {"code", "timestamp", "latency", "attack"} <= set(first)
    fields = file.first_line.split(",")
    return len(fields) >= CSV_FIELDS and all(field.isdigit() for field in fields[:5]) and len(fields[0]) == 19


def recognises_report(file: ForeignFile) -> bool:
    """Whether it is a JSON report."""
    value = file.document
    return isinstance(value, dict) and {"latencies", "status_codes", "requests"} <= set(value)


def recognises_other(file: ForeignFile) -> bool:
    """Whether it is one of vegeta's other outputs: the attack's own, which is Go's gob, or without what is needed."""
    head = file.content[:300]
    if b"\x06Result" in head and b"Timestamp" in head and b"Latency" in head:
        return True
    return head.startswith(b"Value(ms)") and b"1/(1-Percentile)" in head


def reads_other(file: ForeignFile) -> Json:
    """Raises RecordError, always: which of vegeta's outputs can be read."""
    raise file.error(UNREADABLE)


def reads_results(file: ForeignFile) -> Json:
    """The record with every request. Raises RecordError: a line that is not one of vegeta's results."""
    found = []
    for number, fields in _results(file):
        try:
            at, outcome = str(fields["timestamp"]), _outcome(int(fields["code"]), str(fields["error"] or ""))
            begin_ns = unix_ns_of(at) if "T" in at else int(at)
            found.append(Request(begin_ns, whole_ns(fields["latency"], 1), *outcome))
        except (KeyError, TypeError, ValueError) as problem:
            raise file.error(f"not a result of vegeta's ({problem})", number) from problem
    if not found:
        raise file.error("vegeta's results have no whole line: no request was made, or all of them were cut off")
    record = record_of_dated("vegeta encode", NOTE, found)
    return cut_off(record) if file.cut else record


def _results(file: ForeignFile) -> Iterator[tuple[int, Json]]:
    if isinstance(file.first, dict):
        for number, line in file.lines():
            try:
                yield number, json.loads(line)
            except ValueError as problem:
                raise file.error(f"not a result of vegeta's ({problem})", number) from problem
        return
    last = file.text.count("\n") + 1
    for number, row in file.rows():
        if len(row) != CSV_FIELDS:
            if file.cut and number == last:
                return
            raise file.error(f"not a result of vegeta's ({len(row)} fields, expected {CSV_FIELDS})", number)
        yield number, dict(zip(("timestamp", "code", "latency", "bytes_out", "bytes_in", "error"), row))


def _outcome(status: int, error: str) -> tuple[str, str]:
    """vegeta gives an error to every status of 400 and more, and no status to an answer that broke off."""
    answered = outcome_of_status(status)
    if answered == "ok" and not error:
        return "ok", f"status {status}"
    if answered == "wrong_status":
        return answered, f"status {status}"
    return outcome_of(error), error or "no status"


def reads_report(file: ForeignFile) -> Json:
    """The record of a report, by its statuses. Raises RecordError: its counts do not add up."""
    value = file.document
    statuses = {str(status): int(count) for status, count in value["status_codes"].items()}
    count = int(value["requests"])
    if sum(statuses.values()) != count:
        raise file.error(f"vegeta's report counts {count} requests, but {sum(statuses.values())} statuses")
    good = sum(n for status, n in statuses.items() if int(status) in GOOD)
    unanswered = statuses.get("0", 0)
    latencies = value["latencies"]
    told = {name: latencies[key] / 1e6 for name, key in PERCENTILES.items() if latencies.get(key) is not None}
    errors = [str(error) for error in value.get("errors") or []]
    texts = [error for error in errors if not error[:3].isdigit()]
    elapsed_ns = int(value["duration"]) + int(value["wait"]) if count else 0
    return record_of_sums(
        Sums(
            engine="vegeta report",
            note=REPORT_NOTE,
            ended_unix_ns=unix_ns_of(value["end"]) if count else file.written_unix_ns,
            elapsed_s=elapsed_ns / 1e9,
            outcomes={
                "ok": (good, "status 200 to 399"),
                "wrong_status": (count - good - unanswered, next(iter(sorted(set(errors) - set(texts))), "")),
                _of_all(texts): (unanswered, "; ".join(texts[:3])),
            },
            latency=told_latency(count, told),
            statuses={status: n for status, n in statuses.items() if status != "0"},
        )
    )


def _of_all(texts: list[str]) -> str:
    """The report does not say how many requests had which error: one outcome only where all errors mean the same."""
    kinds = {outcome_of(text) for text in texts} or {"malformed"}
    return kinds.pop() if len(kinds) == 1 else "malformed"
