# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The end of a run in a few lines, for a terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

#: More of a kind than this are left to the record.
_MOST = 12
#: A certificate with less time left is told.
_SOON_DAYS = 14


def summary_text(record: dict[str, Any]) -> str:
    """The end of a run in a few lines."""
    totals, outages, brown = record["totals"], record["outages"], record.get("brownouts", {"count": 0})
    lines = [
        "  ".join(f"{name.replace('_', ' ')} {totals[name]}" for name in ("due", "completed", "failed", "not_sent")),
        "availability  " + "  ".join(f"{kind} {_percent(totals, kind)}" for kind in ("planned", "sent", "time")),
    ]
    lines += _latency(totals)
    lines += _tls(record)
    lines.append(
        f"rate  {record['self_check']['achieved_rate']:.1f}/s for {record['elapsed_s']:.1f} s  "
        f"sent {_bytes(totals['bytes_sent'])}  received {_bytes(totals['bytes_received'])}  "
        f"connections opened {totals['connections_opened']}"
    )
    if totals["statuses"]:
        lines.append("statuses  " + "  ".join(f"{status}: {times}" for status, times in totals["statuses"].items()))
    for name, entry in totals["outcomes"].items():
        if name != "ok":
            lines.append(
                f"  {name} {entry['count']}  {entry['first_s']:.3f} to {entry['last_s']:.3f} s  {entry['example']}"
            )
    for kind, groups in _groups(record):
        lines += _shares(kind, groups)
    if outages["list"]:
        lines.append(
            f"outages {outages['count']}  longest {outages['longest_s']:.3f} s  total {outages['total_s']:.3f} s  "
            f"isolated failures {outages['isolated_failures']}  stalls {outages['stalls']}  "
            f"longest stall {outages['longest_stall_s']:.3f} s"
        )
    if brown["count"]:
        lines.append(
            f"brown-outs {brown['count']}  longest {brown['longest_s']:.1f} s  total {brown['total_s']:.1f} s  "
            f"({100 * brown['share']:g} % of a second's requests failed)"
        )
    lines.append(verdict_line(record))
    return "\n".join(lines)


def timeline_csv(record: dict[str, Any]) -> str:
    """The timeline: one line for each row (100 ms, more in a long run) in which requests were due."""
    outcomes = list(record["totals"]["outcomes"])
    width_s = record["timeline"]["bucket_ms"] / 1000
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["start_s", *outcomes, "p50_ms", "p99_ms", "max_ms"])
    for row in record["timeline"]["rows"]:
        counts = [row["outcomes"].get(name, 0) for name in outcomes]
        lines.writerow(
            [f"{row['i'] * width_s:g}", *counts, *(row.get(name) for name in ("p50_ms", "p99_ms", "max_ms"))]
        )
    return text.getvalue().rstrip()


def _percent(figures: dict[str, Any], kind: str) -> str:
    share = figures["availability"][kind]
    if share["value"] is None:
        return "nothing measured"
    return f"{100 * share['value']:.4f} % (at least {100 * share['lower']:.4f} %)"


def _latency(figures: dict[str, Any]) -> list[str]:
    latency = figures["latency"]
    if not latency["count"]:
        return []
    times = "  ".join(f"{name[:-3]} {latency[name]:.3f} ms" for name in ("p50_ms", "p90_ms", "p99_ms", "p999_ms"))
    return [f"latency  {times}  max {latency['max_ns'] / 1e6:.3f} ms"]


def _tls(record: dict[str, Any]) -> list[str]:
    """What the handshakes took, and which certificates have little time left."""
    taken = record["totals"].get("handshake_time")
    if taken is None:
        return []
    resumed = sum(entry["resumed"] for target in record["targets"].values() for entry in target.get("tls", ()))
    lines = [f"TLS handshake  p50 {taken['p50_ms']:.3f} ms  p99 {taken['p99_ms']:.3f} ms  sessions resumed {resumed}"]
    for name, target in record["targets"].items():
        entries = sorted(target.get("tls", ()), key=lambda entry: entry["last_s"])
        days = entries[-1]["days_left"] if entries else None
        if days is not None and days < _SOON_DAYS:
            left = f"expires in {days:.1f} days" if days > 0 else f"expired {-days:.1f} days ago"
            lines.append(f"certificate of {name} {left} ({entries[-1]['not_after']})")
    return lines


def _groups(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the total can be told apart by."""
    for kind in ("lanes", "targets"):
        if len(record[kind]) > 1:
            yield kind, record[kind]
    yield from record["identities"].items()


def _shares(kind: str, groups: dict[str, Any]) -> list[str]:
    lines = [
        f"  {name or 'nobody named'}  {group['completed']} of {group['due']} completed"
        + (f"  p99 {group['latency']['p99_ms']:.3f} ms" if group["latency"]["count"] else "")
        for name, group in groups.items()
    ]
    more = [f"  and {len(lines) - _MOST} more, see the record"] if len(lines) > _MOST else []
    return [kind, *lines[:_MOST], *more]


def _bytes(number: float) -> str:
    unit = 0
    while number >= 1024 and unit < 3:
        number, unit = number / 1024, unit + 1
    return f"{number:.{min(unit, 1)}f} {('B', 'KiB', 'MiB', 'GiB')[unit]}"


def verdict_line(record: dict[str, Any]) -> str:
    """The verdict and its reasons, in one line."""
    return f"verdict: {record['verdict']}" + (f" ({'; '.join(record['reasons'])})" if record["reasons"] else "")
