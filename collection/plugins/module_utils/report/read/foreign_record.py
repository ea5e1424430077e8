# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Requests that another load tool measured, as a probe record (docs/probe-result.md).

What such a tool cannot know stays empty: it has no plan, so latency counts from the send, and its own lateness is
not known. The record's `options.note` says what its figures mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ...probe.confidence import share
from ...probe.distribution import COARSE, Distribution
from ...probe.judge import judge
from ...probe.objective import parse_objective
from ..figures.verdict import worst
from .probe_record import NOT_SENT

Json = dict[str, Any]
BUCKET_MS = 100
LANE = "new"
CUT_OFF = "the file ends in the middle: the tool was killed, or still writes"


@dataclass(frozen=True)
class Request:
    """One request. start_ns: since the start of the run; outcome: of the probe's taxonomy; detail: an example."""

    start_ns: int
    latency_ns: int
    outcome: str
    detail: str


def record_of(engine: str, note: str, started_unix_ns: int, requests: Sequence[Request]) -> Json:
    """Return the probe record of requests in any order."""
    ordered = sorted(requests, key=lambda request: request.start_ns)
    elapsed_s = max((request.start_ns + request.latency_ns for request in ordered), default=0) / 1e9
    totals = _group(ordered)
    outages = _outages(ordered)
    return {
        **empty_record(engine, note, started_unix_ns, elapsed_s),
        "totals": totals,
        "lanes": {LANE: {**totals, "policy": LANE, "outages": outages, "resolution_s": None, "verdict": "pass",
                         "kept_connection_failures": dict.fromkeys(("reset", "stalled", "outage", "new_fails"), 0),
                         "idle_closed": 0, "reasons": []}},
        "timeline": {"bucket_ms": BUCKET_MS, "rows": _rows(ordered)},
        "outages": outages,
    }  # fmt: skip


def record_of_dated(engine: str, note: str, requests: Sequence[Request]) -> Json:
    """As record_of, of at least one request, whose start_ns count from the Unix epoch: the run began with the first."""
    start_ns = min(request.start_ns for request in requests)
    moved = [replace(request, start_ns=request.start_ns - start_ns) for request in requests]
    return record_of(engine, note, start_ns, moved)


def empty_record(engine: str, note: str, started_unix_ns: int, elapsed_s: float) -> Json:
    """A record of nothing, with all that a reader may rely on."""
    totals = _group([])
    rate = 0.0
    return {
        "record": "probe",
        "schema_version": 1,
        "engine": {"name": engine, "version": "", "python": ""},
        "name": engine,
        "vantage": {"host": "", "cores": 0, "processes": 0},
        "argv": [],
        "options": {"note": note},
        "plan": {"model": "closed", "arrivals": "immediate", "stages": [], "requests": None, "duration_s": None,
                 "connections_peak": 0, "think_time_s": None, "iteration_s": None, "lanes": [LANE]},
        "started_at": _moment(started_unix_ns),
        "started_unix_ns": started_unix_ns,
        "started_monotonic_ns": 0,
        "ended_at": _moment(started_unix_ns + int(elapsed_s * 1e9)),
        "elapsed_s": elapsed_s,
        "complete": True,
        "stopped_by": "plan",
        "totals": totals,
        "lanes": {},
        "targets": {},
        "identities": {},
        "control": None,
        "timeline": {"bucket_ms": BUCKET_MS, "rows": []},
        "outages": _outages([]),
        "self_check": {"ok": True, "reasons": [], "lateness": histogram(()), "planned_rate": None,
                       "achieved_rate": rate, "achieved_share": None, "in_flight_max": 0, "descriptors_max": 0,
                       "descriptors_limit": 0, "steal_percent": 0.0, "cpu_percent": 0.0, "peak_memory_kib": 0,
                       "workers_lost": 0, "limits": {"lateness_p99_ms": 0.0, "achieved_share": 0.0,
                                                     "steal_percent": 0.0, "descriptors_share": 0.0}},
        "objectives": [],
        "verdict": "pass",
        "reasons": [],
    }  # fmt: skip


def adding(outcomes: dict[str, tuple[int, str]], name: str, count: int, example: str) -> None:
    """Count more requests of an outcome; the first example of it stays."""
    before, first = outcomes.get(name, (0, example))
    outcomes[name] = (before + count, first or example)


def cut_off(record: Json) -> Json:
    """The record of a file that ends in the middle: its tool was killed, or still writes."""
    return {**record, "complete": False, "stopped_by": "killed", "reasons": [*record["reasons"], CUT_OFF]}


def judged(record: Json, objectives: Sequence[str]) -> Json:
    """Give the record its verdict: by the tool's own objectives, or else by `objectives`.

    What the record says against itself in `reasons`, and requests that were not sent, forbid a pass; so does a record
    of nothing.
    """
    own = record["objectives"] or [judge(parse_objective("objectives", text), record) for text in objectives]
    doubts = list(record["reasons"])
    if not record["totals"]["sent"]:
        doubts.append("nothing was measured")
    elif record["totals"]["not_sent"]:
        doubts.append(f"{record['totals']['not_sent']} requests were not sent, or not judged by the tool")
    verdict = worst([one["verdict"] for one in own] + ["inconclusive" for _doubt in doubts])
    reasons = [one["reason"] for one in own if one["reason"]] + doubts
    lanes = {name: {**lane, "verdict": verdict, "reasons": reasons} for name, lane in record["lanes"].items()}
    return {**record, "objectives": own, "verdict": verdict, "reasons": reasons, "lanes": lanes}


def whole_ns(value: Any, unit_ns: float) -> int:
    """A duration in whole ns of a number or its text. Raises ValueError: not a number, not finite, or negative."""
    duration = float(value)
    if not 0 <= duration < float("inf"):
        raise ValueError(f"{value} is no duration")
    return round(duration * unit_ns)


def index_of(value_ns: int) -> int:
    """The histogram's bucket of a value: 2,048 plain ones, then 1,024 an octave."""
    shift = max(0, value_ns.bit_length() - 11)
    return 1024 * shift + (value_ns >> shift)


def histogram(values_ns: Sequence[int]) -> Json:
    """A histogram of the probe record."""
    counts: dict[int, int] = {}
    for value in values_ns:
        counts[index_of(value)] = counts.get(index_of(value), 0) + 1
    low, high = min(values_ns, default=None), max(values_ns, default=None)
    figures = Distribution(counts, len(values_ns), sum(values_ns), low, high).figures_ms()
    return {
        "unit": "ns",
        "sub_bucket_bits": 11,
        "count": len(values_ns),
        "sum_ns": sum(values_ns),
        "min_ns": low,
        "max_ns": high,
        "buckets": [number for index in sorted(counts) for number in (index, counts[index])],
        **{f"{name}_ms": figures[name] for name in ("mean", "p50", "p90", "p95", "p99", "p999")},
    }


def _group(requests: Sequence[Request]) -> Json:
    good = [request.latency_ns for request in requests if request.outcome == "ok"]
    failed = [request.latency_ns for request in requests if request.outcome not in ("ok", *NOT_SENT)]
    unsent = len(requests) - len(good) - len(failed)
    buckets: dict[int, bool] = {}
    outcomes: Json = {}
    for request in requests:
        bucket = request.start_ns // (BUCKET_MS * 1_000_000)
        buckets[bucket] = buckets.get(bucket, True) and request.outcome == "ok"
        at_s = request.start_ns / 1e9
        first = {"count": 0, "first_s": at_s, "last_s": at_s, "example": request.detail}
        row = outcomes.setdefault(request.outcome, first)
        row["count"] += 1
        row["last_s"] = at_s
    latency = histogram(good)
    return {
        "due": len(requests),
        "sent": len(requests) - unsent,
        "completed": len(good),
        "failed": len(failed),
        "not_sent": unsent,
        "outcomes": outcomes,
        "statuses": {},
        **dict.fromkeys(("bytes_sent", "bytes_received", "body_bytes", "connections_opened"), 0),
        "requests_on_kept_connections": 0,
        "availability": {
            "planned": share(len(good), len(requests)),
            "sent": share(len(good), len(good) + len(failed)),
            "time": share(sum(buckets.values()), len(buckets)),
        },
        "latency": latency,
        "service_time": latency,
        "connect_time": histogram(()),
        "failure_time": histogram(failed),
    }


def _rows(requests: Sequence[Request]) -> list[Json]:
    rows: dict[int, Json] = {}
    latencies: dict[int, dict[int, int]] = {}
    for request in requests:
        i = request.start_ns // (BUCKET_MS * 1_000_000)
        row = rows.setdefault(i, {"i": i, "outcomes": {}})
        row["outcomes"][request.outcome] = row["outcomes"].get(request.outcome, 0) + 1
        if request.outcome == "ok":
            counts = latencies.setdefault(i, {})
            index = index_of(request.latency_ns) // COARSE
            counts[index] = counts.get(index, 0) + 1
            row["max_ms"] = max(row.get("max_ms", 0.0), request.latency_ns / 1e6)
    for i, counts in latencies.items():
        rows[i]["latency"] = [number for index in sorted(counts) for number in (index, counts[index])]
    return list(rows.values())


def _outages(requests: Sequence[Request]) -> Json:
    listed: list[Json] = []
    last_good: float | None = None
    current: Json | None = None
    for request in requests:
        at_s = request.start_ns / 1e9
        if request.outcome in NOT_SENT:  # says nothing of the service
            continue
        if request.outcome == "ok":
            if current:
                current.update(next_good_s=at_s, end_s=at_s)
            current, last_good = None, at_s
            continue
        if current is None:
            current = _opened(request, at_s, last_good)
            listed.append(current)
        current["last_bad_s"] = at_s
        current["end_s"] = max(at_s, (request.start_ns + request.latency_ns) / 1e9)
        current["outcomes"][request.outcome] = current["outcomes"].get(request.outcome, 0) + 1
    for one in listed:
        one["requests_lost"] = sum(one["outcomes"].values())
        one["isolated"] = one["requests_lost"] == 1
        one["length_s"] = round(one["end_s"] - one["first_bad_s"], 9)
        onset = 0.0 if one["last_good_s"] is None else one["first_bad_s"] - one["last_good_s"]
        one["resolution_s"] = round(max(onset, one["end_s"] - one["last_bad_s"]), 9)
    long = [one for one in listed if not one["isolated"]]
    return {
        "count": len(long),
        "isolated_failures": len(listed) - len(long),
        "longest_s": max((one["length_s"] for one in long), default=0.0),
        "total_s": sum(one["length_s"] for one in long),
        "requests_lost": sum(one["requests_lost"] for one in listed),
        "stalls": 0,
        "longest_stall_s": 0.0,
        "list": listed,
        "list_truncated": 0,
    }


def _opened(request: Request, at_s: float, last_good: float | None) -> Json:
    return {
        "lane": LANE,
        "kind": "outage",
        "last_good_s": last_good,
        "first_bad_s": at_s,
        "next_good_s": None,
        "requests_slow": 0,
        "first_outcome": request.outcome,
        "first_error": request.detail,
        "outcomes": {},
        "control_failed": False,
    }


def _moment(unix_ns: int) -> str:
    whole, rest = divmod(unix_ns, 1_000_000_000)
    at = datetime.fromtimestamp(whole, timezone.utc).replace(microsecond=rest // 1000)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
