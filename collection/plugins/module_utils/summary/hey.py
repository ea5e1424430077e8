# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The record in hey's words: summary, histogram of ten steps, percentiles, status codes, errors."""

from __future__ import annotations

from typing import Any

from ..probe.distribution import Distribution, merged, middle_ns

_BAR = "■"
_BAR_WIDTH = 40
_STEPS = 10
_PERCENTILES = (10, 25, 50, 75, 90, 95, 99)


def _secs(ns: float | None) -> str:
    return f"{(ns or 0) / 1e9:4.4f}"


def _mean_ns(times: Distribution) -> float | None:
    return times.sum_ns / times.count if times.count else None


def _histogram(times: Distribution) -> list[str]:
    """Eleven marks from the fastest to the slowest, each with the count up to it since the one before."""
    if times.min_ns is None or times.max_ns is None:
        return []
    span = times.max_ns - times.min_ns
    marks = [times.min_ns + span * step / _STEPS for step in range(_STEPS + 1)]
    # A bucket counts where its middle lies; the lowest one where the exact minimum is.
    lowest = min(times.counts)
    points = [
        (times.min_ns if index == lowest else min(middle_ns(index), times.max_ns), n)
        for index, n in times.counts.items()
    ]
    up_to = [0, *(sum(n for point, n in points if point <= mark) for mark in marks)]
    counts = [after - before for before, after in zip(up_to, up_to[1:])]
    most = max(counts)
    return [
        f"  {mark / 1e9:4.3f} [{count}]\t|{_BAR * ((count * _BAR_WIDTH + most // 2) // most)}"
        for mark, count in zip(marks, counts)
    ]


def render(record: dict[str, Any], attempts: object = None) -> str:
    """hey's report. Times are of the answered requests from their actual start, as hey's are.

    hey's split of a request into lookup, write, wait and read is not recorded, so of its details only the time for
    connecting is printed. Unlike hey, an error never hides a status and a request never sent is named.
    """
    totals = record["totals"]
    times = merged([totals["service_time"]])
    connecting = merged([totals["connect_time"]])
    sent = totals["completed"] + totals["failed"]
    elapsed = record["elapsed_s"]
    lines = [
        "",
        "Summary:",
        f"  Total:\t{elapsed:4.4f} secs",
        f"  Slowest:\t{_secs(times.max_ns)} secs",
        f"  Fastest:\t{_secs(times.min_ns)} secs",
        f"  Average:\t{_secs(_mean_ns(times))} secs",
        f"  Requests/sec:\t{sent / elapsed if elapsed else 0:4.4f}",
        "  ",
    ]
    if totals["body_bytes"]:
        lines += [
            f"  Total data:\t{totals['body_bytes']} bytes",
            f"  Size/request:\t{totals['body_bytes'] // max(1, sent)} bytes",
        ]
    lines += ["", "Response time histogram:", *_histogram(times), "", "", "Latency distribution:"]
    if times.count:
        lines += [f"  {percent}% in {(times.percentile_ms(percent) or 0) / 1e3:4.4f} secs" for percent in _PERCENTILES]
    lines += [
        "",
        "Details (average, fastest, slowest):",
        f"  DNS+dialup:\t{_secs(_mean_ns(connecting))} secs, {_secs(connecting.min_ns)} secs, "
        f"{_secs(connecting.max_ns)} secs",
        "",
        "Status code distribution:",
        *(f"  [{status}]\t{count} responses" for status, count in sorted(totals["statuses"].items())),
    ]
    errors = {name: seen for name, seen in totals["outcomes"].items() if name != "ok"}
    if errors:
        lines += ["", "Error distribution:"]
        lines += [f"  [{seen['count']}]\t{name}: {seen['example']}" for name, seen in sorted(errors.items())]
    return "\n".join(lines) + "\n"
