# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""hey's `-o csv` as a probe record."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from .foreign_record import Request, record_of
from .record_file import RecordError

Json = dict[str, Any]
HEADER = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset"
NOTE = (
    "hey -o csv: latency is hey's response-time, which includes connecting. hey writes only requests that were "
    "answered and retries some resets silently"
)
INCOMPLETE = "hey leaves requests without an answer out of its CSV: how many failed is not known"


def is_output(text: str) -> bool:
    """Whether the text begins with hey's header."""
    return text.startswith(HEADER)


def read_output(path: str | Path, text: str, ended_unix_ns: int) -> Json:
    """The record of hey's CSV, which tells no wall-clock time: it is taken to have ended at `ended_unix_ns`.

    Its verdict is inconclusive at best, since failures are missing. Raises RecordError: a row that is not one of
    hey's, or none at all.
    """
    requests = []
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        if number == 1:
            continue
        try:
            latency_s, status, offset_s = float(row[0]), int(row[6]), float(row[7])
        except (IndexError, ValueError) as error:
            raise RecordError(path, number, f"not a row of hey's CSV ({error})") from error
        outcome = "ok" if 200 <= status < 400 else "wrong_status"
        requests.append(Request(round(offset_s * 1e9), round(latency_s * 1e9), outcome, f"status {status}"))
    if not requests:
        raise RecordError(path, 1, "hey's CSV has no row: no request was answered")
    length_ns = max(request.start_ns + request.latency_ns for request in requests)
    record = record_of("hey -o csv", NOTE, ended_unix_ns - length_ns, requests)
    record["verdict"] = "inconclusive"
    record["reasons"] = [INCOMPLETE]
    return record
