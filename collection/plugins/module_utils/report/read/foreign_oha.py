# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""oha's `--output-format json` (`-j` in older versions) as a probe record; its database is foreign_oha_database."""

from __future__ import annotations

from typing import Any

from .foreign_errors import outcome_of, outcomes_of_statuses
from .foreign_file import ForeignFile
from .foreign_record import adding
from .foreign_sums import Sums, record_of_sums, told_latency

Json = dict[str, Any]
NOTE = (
    "oha's JSON: sums only, so there is no timeline and no outage; latency is that of all answers, whatever their "
    "status. oha's successRate takes every answer as a success, this record only those of status 200 to 399"
)
DEADLINE = "aborted due to deadline"
IN_FLIGHT = (
    "{count} requests were in flight when oha ended, and what became of them is not known; "
    "oha waits for them with --wait-ongoing-requests-after-deadline"
)
STATISTICS = {"mean": "average", "min": "fastest", "max": "slowest"}
PERCENTILES = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9"}


def recognises(file: ForeignFile) -> bool:
    """Whether it is oha's JSON."""
    value = file.document
    return isinstance(value, dict) and {"summary", "statusCodeDistribution"} <= set(value)


def reads(file: ForeignFile) -> Json:
    """The record, which ended when the file was written. Raises RecordError: oha's figures are not what it writes."""
    value = file.document
    statuses = {str(status): int(count) for status, count in value["statusCodeDistribution"].items()}
    outcomes = outcomes_of_statuses(statuses)
    if "errorDistribution" not in value:
        raise file.error("oha's JSON lacks 'errorDistribution': which requests got no answer is not known")
    for error, count in value["errorDistribution"].items():
        name = "client_late" if error == DEADLINE else outcome_of(error)
        adding(outcomes, name, int(count), error)
    summary, percentiles = value["summary"], value.get("latencyPercentiles") or {}
    told = {name: summary.get(key) for name, key in STATISTICS.items()}
    told |= {name: percentiles.get(key) for name, key in PERCENTILES.items()}
    record = record_of_sums(
        Sums(
            engine="oha",
            note=NOTE,
            ended_unix_ns=file.written_unix_ns,
            elapsed_s=float(summary["total"]),
            outcomes=outcomes,
            latency=told_latency(
                sum(statuses.values()), {name: value * 1e3 for name, value in told.items() if value is not None}
            ),
            statuses=statuses,
        )
    )
    late = outcomes.get("client_late", (0, ""))[0]
    return {**record, "reasons": [IN_FLIGHT.format(count=late)] if late else []}
