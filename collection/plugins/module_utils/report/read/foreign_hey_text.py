# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The text that hey prints at its end, as a probe record: unlike its CSV it counts the requests without an answer."""

from __future__ import annotations

import re
from typing import Any

from .foreign_errors import outcome_of, outcomes_of_statuses
from .foreign_file import ForeignFile
from .foreign_hey import MOST, TRUNCATED
from .foreign_record import adding
from .foreign_sums import Sums, record_of_sums, told_latency

Json = dict[str, Any]
NOTE = (
    "hey: sums only, so there is no timeline and no outage; latencies are those of all answers, to 0.1 ms. hey retries "
    "some resets silently"
)
_TOTAL = re.compile(r"^ *Total:\s+([\d.]+) secs", re.MULTILINE)
_RATE = re.compile(r"^ *Requests/sec:\s+([\d.]+)", re.MULTILINE)
_ROUNDING_S = 6e-5  # of Total
_SUMMARY = re.compile(r"^ *(Slowest|Fastest|Average):\s+([\d.]+) secs", re.MULTILINE)
_PERCENTILE = re.compile(r"^ *(50|90|95|99)% in ([\d.]+) secs", re.MULTILINE)
_STATUS = re.compile(r"^ *\[(\d+)\]\s+(\d+) responses", re.MULTILINE)
_ERROR = re.compile(r"^ *\[(\d+)\]\t(.*)", re.MULTILINE)
_STATUSES, _ERRORS = "Status code distribution:", "Error distribution:"
_NAMES = {"Average": "mean", "Fastest": "min", "Slowest": "max"}


def recognises(file: ForeignFile) -> bool:
    """Whether it is hey's, and not this collection's own words in hey's way, which know no DNS-lookup."""
    return all(part in file.text for part in ("Summary:\n", "DNS-lookup:", "resp wait:"))


def reads(file: ForeignFile) -> Json:
    """The record, which ended when the file was written. Raises RecordError: a text without its end."""
    text = file.text
    total, (_unused, found, end) = _TOTAL.search(text), text.partition(_STATUSES)
    if total is None or not found:
        raise file.error(f"hey's text lacks 'Total:' or {_STATUSES!r}: hey was killed, or still runs")
    answers, _unused, errors = end.partition(_ERRORS)
    statuses = {status: int(count) for status, count in _STATUS.findall(answers)}
    answered = sum(statuses.values())
    outcomes = outcomes_of_statuses(statuses)
    for count, error in _ERROR.findall(errors):
        adding(outcomes, outcome_of(error), int(count), error)
    counted = sum(count for count, _unused in outcomes.values())
    _check_whole(file, float(total[1]), counted, answered)
    told = {_NAMES[name]: float(value) * 1e3 for name, value in _SUMMARY.findall(text)}
    told |= {f"p{percent}": float(value) * 1e3 for percent, value in _PERCENTILE.findall(text)}
    record = record_of_sums(
        Sums(
            engine="hey",
            note=NOTE,
            ended_unix_ns=file.written_unix_ns,
            elapsed_s=float(total[1]),
            outcomes=outcomes,
            latency=told_latency(answered, told),
            statuses=statuses,
        )
    )
    return {**record, "reasons": [TRUNCATED] if answered >= MOST else []}


def _check_whole(file: ForeignFile, total_s: float, counted: int, answered: int) -> None:
    """Errors stand last: a text that was cut before them would look like one without any."""
    rate = _RATE.search(file.text)
    requests = total_s * float(rate[1]) if rate else 0.0
    if answered < MOST and counted + 0.5 + requests * _ROUNDING_S / (total_s or 1.0) < requests:
        raise file.error(
            f"hey's text has {counted} statuses and errors of about {requests:.0f} requests: it ends in the middle"
        )
