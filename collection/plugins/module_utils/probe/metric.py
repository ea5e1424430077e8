# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What an objective can be about: one table of metrics with unit, the direction that is good, and who can abort."""

from __future__ import annotations

import re
from dataclasses import dataclass

SHARE, INTERVAL, BROWNOUT, NUMBER, COUNT, LATENCY = "share", "interval", "brownout", "number", "count", "latency"


@dataclass(frozen=True)
class Metric:
    """`unit` is %, s, ms or none. `more_is_better` tells the good direction, None where there is none.

    `key` is its name in the record's `outages` or `brownouts`; `aborts`: it can be out of reach before the end.
    """

    kind: str
    unit: str
    more_is_better: bool | None
    key: str = ""
    aborts: bool = False


METRICS: dict[str, Metric] = {
    "availability": Metric(SHARE, "%", True, aborts=True),
    "availability_sent": Metric(SHARE, "%", True),
    "availability_time": Metric(SHARE, "%", True),
    "availability_lower": Metric(SHARE, "%", True),
    "error_rate": Metric(SHARE, "%", False, aborts=True),
    "longest_outage": Metric(INTERVAL, "s", False, "longest", aborts=True),
    "total_outage": Metric(INTERVAL, "s", False, "total", aborts=True),
    "longest_stall": Metric(INTERVAL, "s", False, "longest_stall"),
    "longest_brownout": Metric(BROWNOUT, "s", False, "longest_s"),
    "total_brownout": Metric(BROWNOUT, "s", False, "total_s"),
    "brownouts": Metric(BROWNOUT, "", False, "count"),
    "outages": Metric(NUMBER, "", False, "count"),
    "isolated_failures": Metric(NUMBER, "", False, "isolated_failures"),
    "stalls": Metric(NUMBER, "", False, "stalls"),
    "failed": Metric(COUNT, "", False, aborts=True),
    "completed": Metric(COUNT, "", True),
    "not_sent": Metric(COUNT, "", False),
    "requests": Metric(COUNT, "", None),
}
_PERCENTILE = re.compile(r"(?:service_)?p(100|\d{1,2}(?:\.\d+)?|9\d{2,3})")
_OTHER_LATENCY = re.compile(r"(?:service_)?(?:mean|max|min)")


def metric_of(name: str) -> Metric | None:
    """The metric of this name; None when there is none."""
    if _PERCENTILE.fullmatch(name) or _OTHER_LATENCY.fullmatch(name):
        return Metric(LATENCY, "ms", False, aborts=percent_of(name) is not None and name.startswith("p"))
    return METRICS.get(name)


def percent_of(name: str) -> float | None:
    """`p99` is 99, `p999` 99.9, `p99.9` 99.9, `p100` 100; None for a metric that is no percentile."""
    match = _PERCENTILE.fullmatch(name)
    if match is None:
        return None
    digits = match.group(1)
    if "." in digits or len(digits) <= 2 or digits == "100":
        return float(digits)
    return float(f"{digits[:2]}.{digits[2:]}")
