# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Records of probers that sent the requests they are given: the real books and writer, without sockets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe import outcome
from ansible_collections.availability.lab.plugins.module_utils.probe.histogram import Histogram
from ansible_collections.availability.lab.plugins.module_utils.probe.lane import CONTROL
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.result import build
from ansible_collections.availability.lab.plugins.module_utils.probe.state import Limits, State
from ansible_collections.availability.lab.plugins.module_utils.probe.tally import Tally
from ansible_collections.availability.lab.plugins.module_utils.probe.track import Tracker

MS = 1_000_000
#: A whole second of the wall clock: the rows of all probers are then those of one.
EPOCH_NS = 1_764_000_000_000_000_000
STALLED = "stalled"
#: (start in ms on the wall clock after EPOCH_NS, lane, number of the target, outcome or STALLED)
Request = tuple[int, str, int, str]


def record_of(
    requests: Iterable[Request],
    *,
    begun_ms: int = 0,
    ended_ms: int = 10_000,
    host: str = "here",
    targets: Sequence[str] = ("a",),
    stopped_by: str = "plan",
    **options: Any,
) -> dict[str, Any]:
    """What a prober writes that measured from `begun_ms` to `ended_ms` (after EPOCH_NS)."""
    urls = [{"url": f"http://127.0.0.1:1/{name}", "name": name} for name in targets]
    raw = {"targets": urls, "rate": 10.0, "duration": f"{ended_ms - begun_ms}ms", "objectives": [], **options}
    parsed = parse(raw)
    header = _header(parsed, raw, host, targets)
    header["started_unix_ns"] = EPOCH_NS + begun_ms * MS
    header["started_monotonic_ns"] = header["started_unix_ns"] - EPOCH_NS + 1
    limits = Limits.of(parsed.reading())
    tally, lateness = Tally(), Histogram()
    trackers: dict[tuple[str, int], Tracker] = {}
    for at_ms, lane, target, kind in sorted(requests):
        start = (at_ms - begun_ms) * MS
        _book(tally, trackers.setdefault((lane, target), Tracker(limits.stall_ns)), (lane, target), start, kind)
        lateness.add(50_000)
    now = (ended_ms - begun_ms) * MS
    state = State(parsed.lanes, limits)
    state.add(json.loads(json.dumps({
        "worker": 0, "workers": 1, "at": now, "last": True, "tally": tally.to_delta(),
        "tracks": [[lane, target, tracker.told(now)] for (lane, target), tracker in trackers.items()],
        "lanes": {lane: [1, dict.fromkeys(("reset", "stalled", "outage", "new_fails"), 1)] for lane in parsed.lanes},
        "lateness": lateness.to_list(), "pauses": [], "in_flight_max": 1, "descriptors_max": 9, "users": None,
        "cpu_s": 0.1, "memory_kib": 1000,
    })))  # fmt: skip
    return build(header, state, header["started_unix_ns"] + now, stopped_by)


def _header(parsed: Any, raw: Mapping[str, Any], host: str, targets: Sequence[str]) -> dict[str, Any]:
    return {
        "name": "together", "host": host, "cores": 2, "processes": 1, "argv": [], "options": dict(raw),
        "plan": parsed.plan(), "reading": parsed.reading(), "targets": list(targets),
        "identify": [name for name, _unused in parsed.identify], "control": parsed.control is not None,
        "control_rate": parsed.control_rate, "objectives": [objective.text for objective in parsed.objectives],
        "descriptors_limit": 1024,
        "limits": {
            "lateness_p99_ms": 100, "achieved_share": 0.99, "steal_percent": 20.0, "descriptors_share": 0.9,
        },
    }  # fmt: skip


def _book(tally: Tally, tracker: Tracker, where: tuple[str, int], start: int, kind: str) -> None:
    """One request, as the recorder books it."""
    late = kind == STALLED
    name, took = (outcome.OK, 1500 * MS) if late else (kind, 7 * MS + start % (5 * MS))
    lane, target = where
    key = (lane, target, ())
    tally.due[where] = tally.due.get(where, 0) + 1
    figures = tally.cell(key)
    figures.outcome(name, start, "" if name == outcome.OK else f"why {name}")
    if name == outcome.OK:
        if lane == CONTROL:
            tally.row(start, key, name)
        else:
            tally.completed(key, start, took)
        for histogram in (figures.latency, figures.service_time, figures.connect_time):
            histogram.add(took)
        figures.bytes_received += 100
        figures.statuses["200"] = figures.statuses.get("200", 0) + 1
    else:
        tally.row(start, key, name)
        if name in outcome.FAILED:
            figures.failure_time.add(took)
    code = outcome.STALLED_CODE if late else outcome.CODE[name]
    tracker.end(tracker.begin(start), code, start + took, "" if name == outcome.OK else f"why {name}")
