# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Probe records made to order, as docs/probe-result.md describes them: every figure follows from the script."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Sequence
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe.confidence import share

Json = dict[str, Any]
START_NS = 1_795_244_400_000_000_000  # 2026-11-21T07:00:00Z


def probe_record(
    *,
    start_ns: int = START_NS,
    duration_s: float = 60.0,
    rate: float = 20.0,
    versions: Sequence[tuple[float, str]] = ((0.0, "blue"),),
    bad: Sequence[tuple[float, float, str]] = (),
    latency_ms: float = 3.0,
    seed: int = 1,
) -> Json:
    """A record of one lane (new connections).

    versions: (from_s, name), the later replaces the earlier over 2 s. bad: (from_s, to_s, outcome).
    """
    chance = random.Random(seed)
    requests = []
    for number in range(round(duration_s * rate)):
        due_s = number / rate
        outcome = next((name for start, end, name in bad if start <= due_s < end), "ok")
        share = chance.random() * 2
        version = [name for start, name in versions if start == 0 or due_s - start >= share][-1]
        slow = (
            1 + max(0.0, 3 - min(abs(due_s - start) for start, _unused in [*versions[1:], (1e9, "")])) * chance.random()
        )
        latency_ns = int(latency_ms * 1e6 * slow * chance.lognormvariate(0, 0.4))
        requests.append((due_s, outcome, version if outcome == "ok" else "", latency_ns))
    outages = _outages(requests, 1 / rate)
    identities = {
        "version": {
            name: _group([request for request in requests if request[2] == name])
            for name in dict.fromkeys(request[2] for request in requests)
        }
    }
    lane = {
        **_group(requests),
        "policy": "new",
        "outages": outages,
        "resolution_s": 1 / rate,
        "kept_connection_failures": {"reset": 0, "stalled": 0, "outage": 0, "new_fails": 0},
        "idle_closed": 0,
        "verdict": "pass",
        "reasons": [],
    }
    return {
        "record": "probe",
        "schema_version": 1,
        "engine": {"name": "availability.lab http_probe", "version": "0.1.0", "python": "3.11.2"},
        "name": "sample",
        "vantage": {"host": "probe1", "cores": 2, "processes": 1},
        "argv": [],
        "options": {"rate": rate},
        "plan": {
            "model": "open",
            "arrivals": "constant",
            "stages": [{"duration_s": duration_s, "from": rate, "to": rate}],
            "requests": None,
            "duration_s": duration_s,
            "connections_peak": 0,
            "think_time_s": None,
            "iteration_s": None,
            "lanes": ["new"],
        },
        "started_at": "2026-11-21T07:00:00.000000Z",
        "started_unix_ns": start_ns,
        "started_monotonic_ns": 0,
        "ended_at": "2026-11-21T07:01:00.000000Z",
        "elapsed_s": duration_s,
        "complete": True,
        "stopped_by": "plan",
        "totals": _group(requests),
        "lanes": {"new": lane},
        "targets": {"http://127.0.0.1:30500/": _group(requests)},
        "identities": identities,
        "control": None,
        "timeline": {"bucket_ms": 100, "rows": _rows(requests)},
        "outages": copy.deepcopy(outages),
        "self_check": {"ok": True, "reasons": [], **_SELF_CHECK, "lateness": histogram([20_000])},
        "objectives": [],
        "verdict": "pass",
        "reasons": [],
    }


_SELF_CHECK = {
    "planned_rate": 20.0,
    "achieved_rate": 20.0,
    "achieved_share": 1.0,
    "in_flight_max": 1,
    "descriptors_max": 10,
    "descriptors_limit": 1024,
    "steal_percent": 0.0,
    "cpu_percent": 1.0,
    "peak_memory_kib": 20_000,
    "workers_lost": 0,
    "limits": {"lateness_p99_ms": 10.0, "achieved_share": 0.99, "steal_percent": 5.0, "descriptors_share": 0.9},
}


def index_of(value_ns: int) -> int:
    """The bucket of a value: 2048 plain ones, then 1024 an octave."""
    shift = max(0, value_ns.bit_length() - 11)
    return 1024 * shift + (value_ns >> shift)


def histogram(values_ns: Sequence[int]) -> Json:
    counts: dict[int, int] = {}
    for value in values_ns:
        counts[index_of(value)] = counts.get(index_of(value), 0) + 1
    ordered = sorted(values_ns)

    def percentile(percent: float) -> float | None:
        return ordered[math.ceil(percent / 100 * len(ordered)) - 1] / 1e6 if ordered else None

    return {
        "unit": "ns",
        "sub_bucket_bits": 11,
        "count": len(values_ns),
        "sum_ns": sum(values_ns),
        "min_ns": min(values_ns, default=None),
        "max_ns": max(values_ns, default=None),
        "buckets": [number for index in sorted(counts) for number in (index, counts[index])],
        "mean_ms": sum(values_ns) / len(values_ns) / 1e6 if values_ns else None,
        "p50_ms": percentile(50),
        "p90_ms": percentile(90),
        "p95_ms": percentile(95),
        "p99_ms": percentile(99),
        "p999_ms": percentile(99.9),
    }


def _group(requests: list[Any]) -> Json:
    good = [request for request in requests if request[1] == "ok"]
    unsent = [request for request in requests if request[1] == "not_sent"]
    buckets: dict[int, bool] = {}
    outcomes: Json = {}
    for due_s, outcome, _version, _latency in requests:
        index = int(due_s * 10 + 1e-6)
        buckets[index] = buckets.get(index, True) and outcome == "ok"
        row = outcomes.setdefault(
            outcome, {"count": 0, "first_s": due_s, "last_s": due_s, "example": f"it was {outcome}"}
        )
        row["count"] += 1
        row["last_s"] = due_s
    failed = len(requests) - len(good) - len(unsent)
    latencies = histogram([request[3] for request in good])
    return {
        "due": len(requests),
        "sent": len(requests) - len(unsent),
        "completed": len(good),
        "failed": failed,
        "not_sent": len(unsent),
        "outcomes": outcomes,
        "statuses": {"200": len(good)},
        "bytes_sent": 0,
        "bytes_received": 0,
        "body_bytes": 0,
        "connections_opened": len(requests),
        "requests_on_kept_connections": 0,
        "availability": {
            "planned": share(len(good), len(requests)),
            "sent": share(len(good), len(good) + failed),
            "time": share(sum(buckets.values()), len(buckets)),
        },
        "latency": latencies,
        "service_time": latencies,
        "connect_time": histogram([]),
        "failure_time": histogram([request[3] for request in requests if request[1] not in ("ok", "not_sent")]),
    }


def _rows(requests: list[Any]) -> list[Json]:
    rows: dict[int, list[Any]] = {}
    for request in requests:
        rows.setdefault(int(request[0] * 10 + 1e-6), []).append(request)
    result = []
    for index, members in rows.items():
        row: Json = {"i": index, "outcomes": _counted(member[1] for member in members)}
        row["identities"] = {"version": _counted(member[2] for member in members)}
        coarse = _counted(index_of(member[3]) // 16 for member in members if member[1] == "ok")
        if coarse:
            row["latency"] = [number for key in sorted(coarse) for number in (key, coarse[key])]
            row["max_ms"] = max(member[3] for member in members if member[1] == "ok") / 1e6
        result.append(row)
    return result


def _counted(values: Any) -> Json:
    counts: Json = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _outages(requests: list[Any], interval_s: float) -> Json:
    listed: list[Json] = []
    last_good: float | None = None
    open_one: Json | None = None
    for due_s, outcome, _version, _latency in requests:
        if outcome == "not_sent":  # nothing is known of the service then
            continue
        if outcome == "ok":
            if open_one:
                open_one["next_good_s"] = open_one["end_s"] = due_s
                open_one = None
            last_good = due_s
        elif open_one:
            open_one["last_bad_s"] = due_s
            open_one["outcomes"][outcome] = open_one["outcomes"].get(outcome, 0) + 1
        else:
            open_one = {
                "lane": "new",
                "kind": "outage",
                "last_good_s": last_good,
                "first_bad_s": due_s,
                "last_bad_s": due_s,
                "next_good_s": None,
                "end_s": requests[-1][0] + interval_s,
                "resolution_s": interval_s,
                "requests_slow": 0,
                "first_outcome": outcome,
                "first_error": f"it was {outcome}",
                "outcomes": {outcome: 1},
                "control_failed": False,
            }
            listed.append(open_one)
    for one in listed:
        one["length_s"] = round(one["end_s"] - one["first_bad_s"], 6)
        one["requests_lost"] = sum(one["outcomes"].values())
        one["isolated"] = one["requests_lost"] == 1
    long = [one for one in listed if not one["isolated"]]
    return {
        "count": len(long),
        "isolated_failures": len(listed) - len(long),
        "longest_s": max((one["length_s"] for one in long), default=0),
        "total_s": sum(one["length_s"] for one in long),
        "requests_lost": sum(one["requests_lost"] for one in listed),
        "stalls": 0,
        "longest_stall_s": 0,
        "list": listed,
        "list_truncated": 0,
    }
