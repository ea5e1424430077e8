# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""oha's `--db-url FILE`, an SQLite database with every answer, as a probe record."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from .foreign_errors import outcome_of_status
from .foreign_file import ForeignFile
from .foreign_record import Request, record_of_dated, whole_ns

Json = dict[str, Any]
MAGIC = b"SQLite format 3\x00"
NOTE = (
    "oha's database: latency is from the start of a request, or from when it was due where oha corrects latency; "
    "requests without an answer are not in it"
)
INCOMPLETE = "oha leaves requests without an answer out of its database: how many failed is not known"
SELECT = "SELECT run, COALESCE(start_latency_correction, start), duration, status FROM oha"


def recognises(file: ForeignFile) -> bool:
    """Whether it is an SQLite database; no other tool's is known."""
    return file.content.startswith(MAGIC)


def reads(file: ForeignFile) -> Json:
    """The record of all runs in it; a run begins at the whole second that oha names it by.

    Its verdict is inconclusive at best, since failures are missing. Raises RecordError: not oha's, no row, broken.
    """
    try:
        with closing(sqlite3.connect(f"{Path(file.path).resolve().as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute(SELECT).fetchall()
    except sqlite3.Error as error:
        raise file.error(f"not a database of oha's ({error})") from error
    if not rows:
        raise file.error("oha's database has no row: no request was answered")
    requests = [
        Request(
            int(run) * 1_000_000_000 + whole_ns(begin_s, 1e9),
            whole_ns(duration_s, 1e9),
            outcome_of_status(int(status)),
            f"status {status}",
        )
        for run, begin_s, duration_s, status in rows
    ]
    return {**record_of_dated("oha --db-url", NOTE, requests), "reasons": [INCOMPLETE]}
