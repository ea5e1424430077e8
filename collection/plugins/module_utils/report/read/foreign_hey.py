# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""hey's `-o csv` as a probe record; its columns have changed over the years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .foreign_errors import outcome_of_status
from .foreign_file import ForeignFile
from .foreign_record import Request, adding, cut_off, histogram, record_of, whole_ns
from .foreign_sums import Sums, record_of_sums

Json = dict[str, Any]
ENGINE = "hey -o csv"
LATENCY, STATUS, OFFSET = "response-time", "status-code", "offset"
HEADER = (LATENCY, "DNS+dialup", "DNS", "Request-write", "Response-delay", "Response-read", STATUS, OFFSET)
NOTE = (
    "hey -o csv: latency is hey's response-time, which includes connecting. hey writes only requests that were "
    "answered and retries some resets silently"
)
NO_OFFSET = f"{NOTE}. This hey wrote no offset: no moment of a request is known, nor how long the run took"
INCOMPLETE = "hey leaves requests without an answer out of its CSV: how many failed is not known"
MOST = 1_000_000
TRUNCATED = f"hey writes no more than {MOST:,} rows: what came after them is not known"


def recognises(file: ForeignFile) -> bool:
    """Whether it begins with hey's header, or with a row of hey's whose header was taken off."""
    fields = [field.strip() for field in file.first_line.split(",")]
    return fields[0] == LATENCY or _is_row(fields)


def _is_row(fields: Sequence[str]) -> bool:
    return (
        len(fields) == len(HEADER)
        and all(field.replace(".", "", 1).isdigit() for field in fields)
        and "." in fields[0]
        and fields[6].isdigit()
    )


def reads(file: ForeignFile) -> Json:
    """The record of hey's CSV, which tells no wall-clock time: it is taken to have ended when it was written.

    Its verdict is inconclusive at best, since failures are missing. Raises RecordError: a row that is not one of
    hey's, none at all, or a CSV without the status, as hey wrote it before September 2018.
    """
    columns, requests, cut = _requests(file)
    if not requests:
        raise file.error("hey's CSV has no row: no request was answered")
    if OFFSET in columns:
        length_ns = max(request.start_ns + request.latency_ns for request in requests)
        record = record_of(ENGINE, NOTE, file.written_unix_ns - length_ns, requests)
    else:
        record = record_of_sums(_sums(file, requests))
    record["reasons"] = [INCOMPLETE, *([TRUNCATED] if len(requests) >= MOST else [])]
    return cut_off(record) if cut else record


def _requests(file: ForeignFile) -> tuple[Mapping[str, int], list[Request], bool]:
    """Where each column is, the requests, and whether the last row was cut off."""
    columns: Mapping[str, int] = {name: index for index, name in enumerate(HEADER)}
    requests: list[Request] = []
    last = file.text.count("\n") + 1
    for number, row in file.rows():
        if row[0] == LATENCY:
            columns = {name: index for index, name in enumerate(row)}
            if STATUS not in columns:
                raise file.error(
                    f"hey's CSV lacks {STATUS!r}, as before September 2018: which requests failed is not known", number
                )
            continue
        try:
            requests.append(_request(columns, row))
        except (IndexError, ValueError) as error:
            if file.cut and number == last:
                return columns, requests, True
            raise file.error(f"not a row of hey's CSV ({error})", number) from error
    return columns, requests, False


def _request(columns: Mapping[str, int], row: Sequence[str]) -> Request:
    latency_ns = whole_ns(row[columns[LATENCY]], 1e9)
    offset_ns = whole_ns(row[columns[OFFSET]], 1e9) if OFFSET in columns else 0
    status = int(row[columns[STATUS]] or 0)
    said = f"status {status}" if status else "no status"
    return Request(offset_ns, latency_ns, outcome_of_status(status), said)


def _sums(file: ForeignFile, requests: Sequence[Request]) -> Sums:
    outcomes: dict[str, tuple[int, str]] = {}
    for request in requests:
        adding(outcomes, request.outcome, 1, request.detail)
    good = [request.latency_ns for request in requests if request.outcome == "ok"]
    return Sums(ENGINE, NO_OFFSET, file.written_unix_ns, 0.0, outcomes, histogram(good))
