# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The text that wrk, and wrk2, print at their end, as a probe record."""

from __future__ import annotations

import re
from typing import Any

from .foreign_file import ForeignFile
from .foreign_sums import Sums, record_of_sums, told_latency

Json = dict[str, Any]
NOTE = (
    "wrk: sums only, as rounded as wrk prints them, so there is no timeline and no outage; latencies are those of all "
    "answers; an answer that came after wrk's timeout, or whose status is 400 or more, is a failure"
)
INCOMPLETE = (
    "wrk does not count the requests that had no answer when it ended, at most one a connection: how many failed is "
    "not known"
)
_BEGIN = re.compile(r"^Running .+ test @ \S+", re.MULTILINE)
_REQUESTS = re.compile(r"^ *(\d+) requests in ([\d.]+)(us|ms|s|m|h),", re.MULTILINE)
_LATENCY = re.compile(r"^ *Latency +([\d.]+)(us|ms|s|m|h) +\S+ +([\d.]+)(us|ms|s|m|h)", re.MULTILINE)
_PERCENTILE = re.compile(r"^ *(50|90|95|99|99\.9)(?:\.?0*)% +([\d.]+)(us|ms|s|m|h)\s*$", re.MULTILINE)
_SOCKET = re.compile(r"^ *Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", re.MULTILINE)
_STATUS = re.compile(r"^ *Non-2xx or 3xx responses: (\d+)", re.MULTILINE)
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAMES = {"50": "p50", "90": "p90", "95": "p95", "99": "p99", "99.9": "p999"}


def recognises(file: ForeignFile) -> bool:
    """Whether it holds wrk's first line and its table."""
    return bool(_BEGIN.search(file.text[:4000])) and "Thread Stats" in file.text


def reads(file: ForeignFile) -> Json:
    """The record, inconclusive at best. It ended when the file was written.

    Raises RecordError: a text without its end, as of a wrk that was killed.
    """
    done = _REQUESTS.search(file.text)
    if done is None or "Requests/sec:" not in file.text:
        raise file.error("wrk's text lacks '… requests in …' and what comes after it: wrk was killed, or still runs")
    answered = int(done[1])
    socket, status = _SOCKET.search(file.text), _STATUS.search(file.text)
    connect, read, write, timeout = (int(number) for number in socket.groups()) if socket else (0, 0, 0, 0)
    wrong = int(status[1]) if status else 0
    # A late answer may have had a wrong status, too. Which is not told, so none of them is taken for a good one.
    late = min(timeout, answered - wrong)
    if wrong > answered:
        raise file.error(f"wrk's text counts {answered} answers, but {wrong} with a wrong status")
    record = record_of_sums(
        Sums(
            engine="wrk",
            note=NOTE,
            ended_unix_ns=file.written_unix_ns,
            elapsed_s=float(done[2]) * _SECONDS[done[3]],
            outcomes={
                "ok": (answered - wrong - late, "status 200 to 399"),
                "wrong_status": (wrong, "Non-2xx or 3xx responses"),
                "too_slow": (late, "timeout"),
                "unreachable": (connect, "Socket errors: connect"),
                "reset": (read + write, "Socket errors: read, write"),
            },
            latency=told_latency(answered, _told_ms(file.text)),
        )
    )
    return {**record, "reasons": [INCOMPLETE]}


def _told_ms(text: str) -> dict[str, float]:
    told = {_NAMES[match[1]]: _ms(match[2], match[3]) for match in _PERCENTILE.finditer(text) if match[1] in _NAMES}
    if table := _LATENCY.search(text):
        told |= {"mean": _ms(table[1], table[2]), "max": _ms(table[3], table[4])}
    return told


def _ms(number: str, unit: str) -> float:
    return float(number) * _SECONDS[unit] * 1e3
