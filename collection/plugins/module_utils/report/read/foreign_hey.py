# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""hey's `-o csv` as a probe record."""

from __future__ import annotations

from typing import Any

from .foreign_file import ForeignFile
from .foreign_record import Request, record_of, whole_ns

Json = dict[str, Any]
HEADER = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset"
NOTE = (
    "hey -o csv: latency is hey's response-time, which includes connecting. hey writes only requests that were "
    "answered and retries some resets silently"
)
INCOMPLETE = "hey leaves requests without an answer out of its CSV: how many failed is not known"


def recognises(file: ForeignFile) -> bool:
    """Whether the text begins with hey's header."""
    return file.text.startswith(HEADER)


def reads(file: ForeignFile) -> Json:
    """The record of hey's CSV, which tells no wall-clock time: it is taken to have ended when it was written.

    Its verdict is inconclusive at best, since failures are missing. Raises RecordError: a row that is not one of
    hey's, or none at all.
    """
    requests = []
    for number, row in file.rows():
        if number == 1:
            continue
        try:
            latency_ns, status, offset_ns = whole_ns(row[0], 1e9), int(row[6]), whole_ns(row[7], 1e9)
        except (IndexError, ValueError) as error:
            raise file.error(f"not a row of hey's CSV ({error})", number) from error
        outcome = "ok" if 200 <= status < 400 else "wrong_status"
        requests.append(Request(offset_ns, latency_ns, outcome, f"status {status}"))
    if not requests:
        raise file.error("hey's CSV has no row: no request was answered")
    length_ns = max(request.start_ns + request.latency_ns for request in requests)
    record = record_of("hey -o csv", NOTE, file.written_unix_ns - length_ns, requests)
    return {**record, "reasons": [INCOMPLETE]}
