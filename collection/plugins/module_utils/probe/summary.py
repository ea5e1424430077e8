# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The end of a run in a few lines, for a terminal."""

from __future__ import annotations

from typing import Any


def summary_text(record: dict[str, Any]) -> str:
    """The end of a run in a few lines."""
    totals = record["totals"]
    lines = []

    def percent(kind: str) -> str:
        share = totals["availability"][kind]
        if share["value"] is None:
            return "nothing measured"
        return f"{100 * share['value']:.4f} % (at least {100 * share['lower']:.4f} %)"

    lines.append(
        "  ".join(f"{name.replace('_', ' ')} {totals[name]}" for name in ("due", "completed", "failed", "not_sent"))
    )
    lines.append(f"availability  planned {percent('planned')}  sent {percent('sent')}  time {percent('time')}")
    latency = totals["latency"]
    if latency["count"]:
        names = ("p50_ms", "p90_ms", "p99_ms", "p999_ms")
        times = "  ".join(f"{name[:-3]} {latency[name]:.3f} ms" for name in names)
        lines.append(f"latency  {times}  max {latency['max_ns'] / 1e6:.3f} ms")
    for name, entry in totals["outcomes"].items():
        if name != "ok":
            lines.append(
                f"  {name} {entry['count']}  {entry['first_s']:.3f} to {entry['last_s']:.3f} s  {entry['example']}"
            )
    outages = record["outages"]
    if outages["list"]:
        lines.append(
            f"outages {outages['count']}  longest {outages['longest_s']:.3f} s  total {outages['total_s']:.3f} s  "
            f"isolated failures {outages['isolated_failures']}  stalls {outages['stalls']}"
        )
    lines.append(verdict_line(record))
    return "\n".join(lines)


def verdict_line(record: dict[str, Any]) -> str:
    """The verdict and its reasons, in one line."""
    return f"verdict: {record['verdict']}" + (f" ({'; '.join(record['reasons'])})" if record["reasons"] else "")
