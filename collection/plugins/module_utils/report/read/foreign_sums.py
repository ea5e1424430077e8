# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a tool's summary tells, as a probe record: counts and percentiles, but no moment of any request.

So there is no timeline and no outage, and an outcome is seen from the begin to the end of the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...probe.confidence import share
from .foreign_record import empty_record
from .probe_record import NOT_SENT

Json = dict[str, Any]
PERCENTILES = ("p50", "p90", "p95", "p99", "p999")


@dataclass(frozen=True)
class Sums:
    """What is known of a run.

    engine: the tool and its format. note: what its figures mean. ended_unix_ns: as the tool says, or when the file was
    written. outcomes: outcome of the probe's taxonomy -> how many, and an example; `ok` are the good ones.
    latency: a histogram of the record. statuses: status -> how many.
    """

    engine: str
    note: str
    ended_unix_ns: int
    elapsed_s: float
    outcomes: Mapping[str, tuple[int, str]]
    latency: Json
    statuses: Mapping[str, int] | None = None


def record_of_sums(sums: Sums) -> Json:
    """Return the probe record. Raises ValueError: a count that is negative, or a duration that is no time."""
    counts = {name: count for name, (count, _unused) in sums.outcomes.items()}
    if any(count < 0 for count in counts.values()):
        raise ValueError(f"a count is negative: {counts}")
    if not 0 <= sums.elapsed_s < float("inf"):
        raise ValueError(f"the duration is {sums.elapsed_s} s")
    due, good = sum(counts.values()), counts.get("ok", 0)
    unsent = sum(count for name, count in counts.items() if name in NOT_SENT)
    start_ns = sums.ended_unix_ns - int(sums.elapsed_s * 1e9)
    record = empty_record(sums.engine, sums.note, start_ns, sums.elapsed_s)
    record["totals"].update(
        due=due, sent=due - unsent, completed=good, failed=due - good - unsent, not_sent=unsent,
        latency=sums.latency, statuses=dict(sums.statuses or {}),
    )  # fmt: skip
    record["totals"]["outcomes"] = {
        name: {"count": count, "first_s": 0.0, "last_s": sums.elapsed_s, "example": example}
        for name, (count, example) in sums.outcomes.items()
        if count
    }
    record["totals"]["availability"] = {
        "planned": share(good, due),
        "sent": share(good, due - unsent),
        "time": share(0, 0),
    }
    return record


def told_latency(count: int, told_ms: Mapping[str, Any]) -> Json:
    """A histogram without buckets: the figures in ms are the tool's own, and it can be joined with no other.

    told_ms: mean, min, max, p50, p90, p95, p99, p999, as many of them as the tool tells; the others stay unknown, and
    all of them where nothing was answered, whatever the tool writes then.
    Raises ValueError: one that is not a number, or negative.
    """
    known = {name: round(float(value), 6) for name, value in told_ms.items() if count and value is not None}
    wrong = {name: value for name, value in known.items() if not 0 <= value < float("inf")}
    if wrong:
        raise ValueError(f"no latency: {wrong}")

    def whole_ns(name: str) -> int | None:
        return round(known[name] * 1e6) if name in known else None

    return {
        "unit": "ns",
        "sub_bucket_bits": 11,
        "count": count,
        "sum_ns": round(known["mean"] * 1e6 * count) if "mean" in known else None,
        "min_ns": whole_ns("min"),
        "max_ns": whole_ns("max"),
        "buckets": [],
        "mean_ms": known.get("mean"),
        **{f"{name}_ms": known.get(name) for name in PERCENTILES},
    }
