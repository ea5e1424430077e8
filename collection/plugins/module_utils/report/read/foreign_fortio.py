# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""fortio's `load -json FILE` as a probe record."""

from __future__ import annotations

from typing import Any

from .foreign_errors import outcomes_of_statuses
from .foreign_file import ForeignFile, unix_ns_of
from .foreign_sums import Sums, record_of_sums, told_latency

Json = dict[str, Any]
NOTE = (
    "fortio -json: sums only, so there is no timeline and no outage; latencies are those of all requests, percentiles "
    "those that fortio was asked for (-p); good is what fortio takes as good: status 200 to 299, and 418"
)
GOOD = {*range(200, 300), 418}
NO_ANSWER = "-1"
PERCENTILES = {50: "p50", 90: "p90", 95: "p95", 99: "p99", 99.9: "p999"}


def recognises(file: ForeignFile) -> bool:
    """Whether it is fortio's JSON."""
    value = file.document
    return isinstance(value, dict) and "RunType" in value and "DurationHistogram" in value


def reads(file: ForeignFile) -> Json:
    """The record. Raises RecordError: a run that did not begin, is not of HTTP, or whose counts do not add up."""
    value = file.document
    if value.get("exception") or value.get("error"):
        raise file.error(f"fortio's run did not begin: {value.get('message') or value.get('exception')}")
    if value["RunType"] != "HTTP":
        raise file.error(f"fortio's RunType is {value['RunType']!r}; expected 'HTTP'")
    if not isinstance(value.get("RetCodes"), dict):
        raise file.error("fortio's JSON lacks 'RetCodes': which requests failed is not known")
    codes = {str(code): int(count) for code, count in value["RetCodes"].items()}
    durations = value["DurationHistogram"]
    count = int(durations["Count"])
    if sum(codes.values()) != count:
        raise file.error(f"fortio's JSON counts {count} requests, but {sum(codes.values())} in RetCodes")
    unanswered = codes.pop(NO_ANSWER, 0)
    outcomes = outcomes_of_statuses(codes, GOOD, "status 200 to 299")
    good, _unused = outcomes["ok"]
    errors = value.get("ErrorsDurationHistogram")  # since fortio 1.30
    if errors is not None and int(errors["Count"]) != count - good:
        raise file.error(f"fortio's JSON counts {errors['Count']} errors, but {count - good} by RetCodes")
    elapsed_ns = int(value["ActualDuration"])
    record = record_of_sums(
        Sums(
            engine="fortio",
            note=NOTE,
            ended_unix_ns=unix_ns_of(value["StartTime"]) + elapsed_ns,
            elapsed_s=elapsed_ns / 1e9,
            outcomes={
                **outcomes,
                "malformed": (unanswered, "-1: an error of the socket, fortio does not say which"),
            },
            latency=told_latency(count, _told_ms(durations) if count else {}),
            statuses=codes,
        )
    )
    record["engine"]["version"] = str(value.get("Version") or "")
    return record


def _told_ms(durations: Json) -> dict[str, float]:
    told = {"mean": durations["Avg"], "min": durations["Min"], "max": durations["Max"]}
    for one in durations.get("Percentiles") or []:
        if one["Percentile"] in PERCENTILES:
            told[PERCENTILES[one["Percentile"]]] = one["Value"]
    return {name: seconds * 1e3 for name, seconds in told.items()}
