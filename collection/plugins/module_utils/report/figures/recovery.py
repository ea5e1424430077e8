# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""When a disturbed service was stable again, and how long that took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..read.marks import unix_ns
from ..read.probe_record import NOT_SENT, Run, Window

NS_PER_S = 1_000_000_000
NOT_DISTURBED = "no data: disturbed_from was not given"


class WindowError(ValueError):
    """The times of a disturbance that cannot be used; the text starts with the option's name."""


@dataclass(frozen=True)
class Recovery:
    """stable_ns: since when no request failed for as long as was asked, None for never. time_s: None without data."""

    window: Window
    stable_ns: int | None
    time_s: float | None
    text: str

    def to_result(self) -> dict[str, Any]:
        """The form of docs/result.schema.json, "recovery"."""
        return {
            "disturbed_from_unix_ns": self.window.from_ns,
            "disturbed_to_unix_ns": self.window.to_ns,
            "stable_for_s": self.window.stable_s,
            "stable_unix_ns": self.stable_ns,
            "time_to_recovery_s": self.time_s,
            "text": self.text,
        }


def window_of(source: Mapping[str, Any]) -> Window | None:
    """The window of a run entry {disturbed_from, disturbed_to, stable}; None where it was not disturbed.

    The two times are RFC 3339 text with a zone or seconds of the Unix epoch. Raises WindowError, MarkError.
    """
    told = [name for name in ("disturbed_from", "disturbed_to") if source.get(name) not in (None, "")]
    if not told:
        return None
    if len(told) == 1:
        other = "disturbed_to" if told[0] == "disturbed_from" else "disturbed_from"
        raise WindowError(f"{other}: expected a time, because {told[0]} is given")
    start_ns, end_ns = (unix_ns(name, source[name]) for name in told)
    if end_ns < start_ns:
        raise WindowError(f"disturbed_to: expected a time after disturbed_from, got {source['disturbed_to']!r}")
    stable_s = float(source.get("stable", 5))
    if stable_s <= 0:
        raise WindowError(f"stable: expected seconds more than 0, got {stable_s:g}")
    return Window(start_ns, end_ns, stable_s)


def find_recovery(runs: Sequence[Run], window: Window) -> Recovery:
    """The first moment from the disturbance's end on after which no request of any probe failed for `stable_s`.

    The recovery took from the disturbance's begin to the end of the last failure before that moment: 0 where none
    failed. Failures are taken from the outages, which are exact to the next good request, and where the probe did not
    list them all, from the timeline's rows. Requests that were not sent say nothing of the service.
    """
    failures = sorted(failure for run in runs for failure in _failures(run))
    end_ns = max(_measured_until(run) for run in runs)
    if window.from_ns >= end_ns:
        return Recovery(window, None, None, "no data: the disturbance began after the last request")
    stable_ns = round(window.stable_s * NS_PER_S)
    calm_ns = max(window.to_ns, min(run.started_ns for run in runs))
    for first_ns, last_ns, over_ns in failures:
        if first_ns >= calm_ns + stable_ns:
            break
        if last_ns >= calm_ns or over_ns > calm_ns:
            calm_ns = max(over_ns, last_ns + 1)
    if calm_ns + stable_ns > end_ns:
        return Recovery(window, None, None, _why_not(window, calm_ns, end_ns))
    over = [one[2] for one in failures if one[1] >= window.from_ns and one[0] < calm_ns]
    if not over:
        return Recovery(window, calm_ns, 0.0, "no request failed since the disturbance began")
    time_s = round((max(over) - window.from_ns) / NS_PER_S, 6)
    return Recovery(window, calm_ns, time_s, "from the disturbance's begin to the end of the last failure")


def _why_not(window: Window, calm_ns: int, end_ns: int) -> str:
    if window.to_ns >= end_ns:
        return "no data: the measurement ended before the disturbance did"
    left_s = (end_ns - calm_ns) / NS_PER_S
    if left_s <= 0:
        return "no data: requests failed until the end"
    return f"no data: only {left_s:.1f} s without a failure until the end, of {window.stable_s:g} s asked for"


def _failures(run: Run) -> list[tuple[int, int, int]]:
    """(first failed request, last one, when it was over) of each outage and single failure, ns of the epoch."""

    def wall(seconds: float) -> int:
        return run.started_ns + int(seconds * 1e9)

    outages = run.probe["outages"]
    found = [
        (wall(one["first_bad_s"]), wall(one["last_bad_s"]), wall(one["end_s"]))
        for one in outages["list"]
        if one["requests_lost"]
    ]
    if outages["list_truncated"]:
        for row in run.probe["timeline"]["rows"]:
            if any(name != "ok" and name not in NOT_SENT for name in row["outcomes"]):
                begin = run.started_ns + row["i"] * run.row_ns
                found.append((begin, begin + run.row_ns - 1, begin + run.row_ns))
    return found


def _measured_until(run: Run) -> int:
    """The end of the last step in which a request was due: later on nothing was measured."""
    last = max((row["i"] + 1 for row in run.probe["timeline"]["rows"]), default=0)
    return run.started_ns + int(last) * run.row_ns
