# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a server counted of real requests: Prometheus' answer to a range query of counters, as a probe record.

For example `curl 'http://prometheus/api/v1/query_range?query=http_requests_total{job="shop"}&start=…&end=…&step=5s'`.
Each series needs a label with the status. A counter that falls was begun anew (Prometheus' rule for rate), and a series
that comes later than the others began at 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .foreign_file import ForeignFile
from .foreign_sums import Sums, record_of_sums, told_latency

Json = dict[str, Any]
LABELS = (
    "code", "status", "status_code", "response_code", "http_status", "http_status_code", "http_response_status_code",
    "envoy_response_code", "envoy_response_code_class", "status_class", "code_class",
)  # fmt: skip
WIDTHS_MS = (100, 1_000, 10_000, 60_000, 600_000)  # of a record's rows
_STATUS = re.compile(r"([1-5])(\d\d|xx|XX)?")  # also of a class alone: 5xx, 5
NOTE = (
    "Prometheus: what the server counted of those that asked it, by the time of the scrape, so there is a timeline of "
    "steps, but no single outage and no latency; requests that never came to it are not in it. A status of 500 and "
    "more is a failure, of 400 to 499 the caller's own doing, so good"
)


def recognises(file: ForeignFile) -> bool:
    """Whether it is an answer of Prometheus' HTTP API."""
    found = file.document
    return (
        isinstance(found, dict)
        and found.get("status") in ("success", "error")
        and ("data" in found or "error" in found)
    )


def reads(file: ForeignFile) -> Json:
    """The record, with a timeline of steps. Raises RecordError: no counters by status, or fewer than two samples."""
    if file.document["status"] == "error":
        raise file.error(f"Prometheus answered with an error: {file.document.get('error')}")
    kind = file.document["data"]["resultType"]
    if kind != "matrix":
        raise file.error(f"expected the answer to a range query (a matrix), got a {kind}: ask /api/v1/query_range")
    series = [_series(file, one) for one in file.document["data"]["result"]]
    times = sorted({at_ms for _status, points in series for at_ms, _count in points})
    if len(times) < 2:
        raise file.error("Prometheus' answer has fewer than two samples: nothing was counted between them")
    step_ms = min(late - early for early, late in zip(times, times[1:]))
    width_ms = next((width for width in WIDTHS_MS if width >= step_ms), None)
    if width_ms is None:
        raise file.error(f"a step of {step_ms / 1e3:g} s tells too little of when; expected 10 minutes at most")
    statuses: dict[str, int] = {}
    rows: dict[int, Json] = {}
    for status, points in series:
        for at_ms, more in _increases(points, times[0]):
            i = (at_ms - step_ms - times[0]) // width_ms  # counted between the sample before and this one
            outcomes = rows.setdefault(i, {"i": i, "outcomes": {}})["outcomes"]
            name = "wrong_status" if status >= "5" else "ok"
            outcomes[name] = outcomes.get(name, 0) + more
            statuses[status] = statuses.get(status, 0) + more
    record = record_of_sums(_sums(statuses, times))
    record["timeline"] = {"bucket_ms": width_ms, "rows": [rows[i] for i in sorted(rows)]}
    # No outage can be listed, but in which steps requests failed is known: a recovery is looked for in the rows.
    record["outages"]["list_truncated"] = sum("wrong_status" in row["outcomes"] for row in rows.values())
    lost = (times[-1] - times[0]) // step_ms + 1 - len(times)
    if lost:
        record["reasons"].append(f"{lost} steps of {step_ms / 1e3:g} s have no sample: what came then is told later")
    return record


def _series(file: ForeignFile, one: Mapping[str, Any]) -> tuple[str, list[tuple[int, int]]]:
    """The status, and (ms, count) of each sample."""
    labels = one["metric"]
    status = next((labels[name] for name in LABELS if name in labels), None)
    if status is None or not _STATUS.fullmatch(status):
        raise file.error(
            f"a series has no label with a status ({', '.join(sorted(labels)) or 'no label at all'}); expected one of "
            f"{', '.join(LABELS)}: ask for the counters themselves, or sum by that label"
        )
    points = [(round(float(at_s) * 1000), float(text)) for at_s, text in one["values"]]
    wrong = next((value for _at, value in points if value != int(value) or value < 0), None)
    if wrong is not None:
        raise file.error(f"expected counters, got {wrong:g}: ask for them without rate() and increase()")
    if any(late <= early for (early, _first), (late, _second) in zip(points, points[1:])):
        raise file.error("a series goes back in time")
    return status, [(at_ms, int(value)) for at_ms, value in points]


def _increases(points: Sequence[tuple[int, int]], begun_ms: int) -> list[tuple[int, int]]:
    """(ms of the sample, how many since the one before). What was counted before the first of all is not known."""
    found = []
    before = None if points and points[0][0] == begun_ms else 0
    for at_ms, count in points:
        if before is not None:
            more = count - before if count >= before else count
            if more:
                found.append((at_ms, more))
        before = count
    return found


def _sums(statuses: Mapping[str, int], times: Sequence[int]) -> Sums:
    failed = sum(count for status, count in statuses.items() if status >= "5")
    good = sum(statuses.values()) - failed
    most = max((status for status in statuses if status >= "5"), key=lambda status: statuses[status], default="")
    outcomes = {"ok": (good, ""), "wrong_status": (failed, f"status {most}")}
    elapsed_s = (times[-1] - times[0]) / 1e3
    latency = told_latency(good + failed, {})
    return Sums("Prometheus", NOTE, times[-1] * 1_000_000, elapsed_s, outcomes, latency, statuses)
