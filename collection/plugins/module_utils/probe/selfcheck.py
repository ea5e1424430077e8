# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the probe knows about itself: past these limits its figures say nothing about the service."""

from __future__ import annotations

import resource
from typing import Any

from .state import State
from .withheld import STOLEN, THROTTLED, Withheld

ACHIEVED_SHARE = 0.99
DESCRIPTORS_SHARE = 0.9


def raise_descriptor_limit() -> int:
    """Take all descriptors that the system grants; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


def self_check(header: dict[str, Any], state: State, elapsed_s: float, withheld: Withheld | None) -> dict[str, Any]:
    """The record's `self_check`, with the reasons why the probe cannot be trusted (none when it can)."""
    lateness = state.all_lateness()
    limits = header["limits"]
    due = sum(times for (lane, _unused), times in state.tally.due.items() if lane in header["plan"]["lanes"])
    sent = state.booked(lambda key: key[0] in header["plan"]["lanes"])
    unsent = sum(f.not_sent for key, f in state.tally.cells.items() if key[0] in header["plan"]["lanes"])
    is_open = header["plan"]["model"] == "open"
    plan_s = min(sum(stage["duration_s"] for stage in header["plan"]["stages"]), max(elapsed_s, 1e-9))
    achieved = None if not is_open or not due else (sent - unsent) / due
    descriptors = sum(state.descriptors_max.values())
    reasons = []
    late_ms = (lateness.percentile(99.0) or 0) / 1e6
    if late_ms > limits["lateness_p99_ms"]:
        reasons.append(
            f"1 % of the requests were sent more than {late_ms:.1f} ms late (limit {limits['lateness_p99_ms']:g} ms)"
        )
    if achieved is not None and achieved < limits["achieved_share"]:
        reasons.append(f"only {100 * achieved:.2f} % of the requests that were due could be sent")
    lost = withheld.percent() if withheld else {}
    for kind, percent in lost.items():
        if percent > limits["steal_percent"]:
            reasons.append(f"{percent:.1f} % of the CPU time was {kind} (limit {limits['steal_percent']:g} %)")
    per_worker = max(state.descriptors_max.values(), default=0)
    if per_worker > limits["descriptors_share"] * header["descriptors_limit"]:
        reasons.append(f"{per_worker} of {header['descriptors_limit']} descriptors were in use")
    if state.workers_lost:
        reasons.append(f"{state.workers_lost} of {header['processes']} workers were lost")
    return {
        "ok": not reasons,
        "reasons": reasons,
        "lateness": lateness.to_record(),
        "planned_rate": due / plan_s if is_open and due else None,
        "achieved_rate": (sent - unsent) / elapsed_s if elapsed_s > 0 else 0.0,
        "achieved_share": achieved,
        "in_flight_max": sum(state.in_flight_max.values()),
        "descriptors_max": descriptors,
        "descriptors_limit": header["descriptors_limit"],
        "steal_percent": round(lost.get(STOLEN, 0.0), 3),
        "throttled_percent": round(lost.get(THROTTLED, 0.0), 3),
        "withheld": withheld.intervals if withheld else [],
        "cpu_percent": round(100.0 * sum(state.cpu_s.values()) / elapsed_s, 3) if elapsed_s > 0 else 0.0,
        "peak_memory_kib": state.memory_kib,
        "workers_lost": state.workers_lost,
        "pauses": [
            {"start_s": round(begun / 1e9, 6), "end_s": round(ended / 1e9, 6), "worker": worker}
            for begun, ended, worker in sorted(state.pauses)
        ],
        "limits": limits,
    }
