# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The record in the words of vegeta's text report."""

from __future__ import annotations

from typing import Any

from ..probe.distribution import NS_PER_MS, merged
from .go_duration import go_duration

_COARSER_NS = (3_600_000_000_000, 60_000_000_000, 1_000_000_000, 1_000_000, 1_000)
_STEP_NS = (60_000_000_000, 1_000_000_000, 1_000_000, 1_000, 1)


def _rounded(ns: float | None) -> str:
    """A duration rounded to the next smaller unit: seconds to ms, ms to µs, µs to ns."""
    value = int(ns or 0)
    step = next((step for unit, step in zip(_COARSER_NS, _STEP_NS) if value >= unit), 1)
    return go_duration((value + step // 2) // step * step)


def render(record: dict[str, Any], attempts: object = None) -> str:
    """vegeta's eight lines. Latencies count from the due time of the answered requests; failures are not in them.

    The rate is that of the sent requests while the attack lasted, the throughput that of the good answers over the
    whole time. What was never sent stands on a line of its own.
    """
    totals = record["totals"]
    latency = merged([totals["latency"]])
    completed = totals["completed"]
    sent = completed + totals["failed"]
    total_s = record["elapsed_s"]
    attack_s = min(total_s, record["plan"]["duration_s"] or total_s)
    quantiles = [(latency.percentile_ms(percent) or 0) * NS_PER_MS for percent in (50, 90, 95, 99)]
    times = [latency.min_ns, latency.sum_ns / max(1, latency.count), *quantiles, latency.max_ns]

    def row(name: str, columns: str, text: str) -> str:
        return f"{name:<14}{columns:<34}{text}"

    def per_second(count: int, seconds: float) -> float:
        return count / seconds if seconds else 0.0

    codes = [f"{code}:{count}" for code, count in sorted(totals["statuses"].items())]
    without = sent - sum(totals["statuses"].values())
    codes = ([f"0:{without}"] if without else []) + codes
    rates = f"{per_second(sent, attack_s):.2f}, {per_second(completed, total_s):.2f}"
    wait_s = total_s - attack_s
    lines = [
        row("Requests", "[total, rate, throughput]", f"{sent}, {rates}"),
        row("Duration", "[total, attack, wait]", ", ".join(_rounded(s * 1e9) for s in (total_s, attack_s, wait_s))),
        row("Latencies", "[min, mean, 50, 90, 95, 99, max]", ", ".join(map(_rounded, times))),
        row("Bytes In", "[total, mean]", f"{totals['body_bytes']}, {totals['body_bytes'] / max(1, sent):.2f}"),
        row("Bytes Out", "[total, mean]", f"{totals['bytes_sent']}, {totals['bytes_sent'] / max(1, sent):.2f}"),
        row("Success", "[ratio]", f"{100 * completed / max(1, sent):.2f}%"),
        row("Status Codes", "[code:count]", "  ".join(codes)),
    ]
    if totals["not_sent"]:
        lines.append(row("Not sent", "[count]", str(totals["not_sent"])))
    lines.append("Error Set:")
    lines += [f"{name}: {seen['example']}" for name, seen in sorted(totals["outcomes"].items()) if name != "ok"]
    return "\n".join(lines) + "\n"
