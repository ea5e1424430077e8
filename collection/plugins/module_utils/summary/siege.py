# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The record in siege's words and units (siege 4: MB are 2**20 bytes, times are of the answered requests)."""

from __future__ import annotations

from typing import Any

_MB = 2**20
_SECOND_NS = 1e9


def render(record: dict[str, Any], attempts: object = None) -> str:
    """siege's lines. Its availability is that over the sent requests; concurrency is the mean number in flight.

    Response times count from the actual start, as siege's do. What was never sent (siege has no such thing) gets a
    line of its own.
    """
    totals = record["totals"]
    times = totals["service_time"]
    elapsed = record["elapsed_s"]
    completed, failed = totals["completed"], totals["failed"]
    busy_s = times["sum_ns"] / _SECOND_NS
    megabytes = totals["body_bytes"] / _MB

    def per_second(value: float) -> float:
        return value / elapsed if elapsed else 0.0

    lines = [
        f"Transactions:\t\t{completed:12d} hits",
        f"Availability:\t\t{100 * completed / max(1, completed + failed):12.2f} %",
        f"Elapsed time:\t\t{elapsed:12.2f} secs",
        f"Data transferred:\t{megabytes:12.2f} MB",
        f"Response time:\t\t{busy_s / max(1, completed):12.2f} secs",
        f"Transaction rate:\t{per_second(completed):12.2f} trans/sec",
        f"Throughput:\t\t{per_second(megabytes):12.2f} MB/sec",
        f"Concurrency:\t\t{per_second(busy_s):12.2f}",
        f"Successful transactions:{completed:12d}",
        f"Failed transactions:\t{failed:12d}",
        f"Longest transaction:\t{(times['max_ns'] or 0) / _SECOND_NS:12.2f}",
        f"Shortest transaction:\t{(times['min_ns'] or 0) / _SECOND_NS:12.2f}",
    ]
    if totals["not_sent"]:
        lines.append(f"Not sent:\t\t{totals['not_sent']:12d}")
    return "\n".join(lines) + "\n"
