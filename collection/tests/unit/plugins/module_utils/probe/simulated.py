# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What one worker tells of days at 100 requests a second, made in minutes: a worker's books without its sockets.

Every minute one request is reset, and every ten minutes nine of ten are for five seconds (a brown-out).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe import outcome
from ansible_collections.availability.lab.plugins.module_utils.probe.histogram import Histogram
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.rows import BUCKET_NS, CellKey
from ansible_collections.availability.lab.plugins.module_utils.probe.tally import Tally
from ansible_collections.availability.lab.plugins.module_utils.probe.track import Tracker

#: Seconds that one delta holds (a worker tells every second: the sums are the same).
STEP_S = 10
RATE = 100
RESET_EVERY_S = 60
BROWN_EVERY_S, BROWN_S = 600, 5

_SPACING_NS = 1_000_000_000 // RATE
_ROW = BUCKET_NS // _SPACING_NS  # requests in a row
_KEY: CellKey = ("new", 0, ())


def header(seconds: int) -> dict[str, Any]:
    """The header of such a run, whose plan is `seconds` long."""
    options = parse({"url": ["http://127.0.0.1:1/"], "rate": RATE, "duration": f"{seconds}s"})
    return {
        "name": "simulated", "host": "here", "cores": 1, "processes": 1, "argv": [], "options": {},
        "plan": options.plan(), "reading": options.reading(), "targets": ["a"], "identify": [], "control": False,
        "control_rate": 10.0, "objectives": ["availability >= 99"], "descriptors_limit": 1024, "started_unix_ns": 0,
        "started_monotonic_ns": 0,
        "limits": {
            "lateness_p99_ms": 100, "achieved_share": 0.99, "steal_percent": 20.0, "descriptors_share": 0.9,
        },
    }  # fmt: skip


def deltas(seconds: int) -> Iterator[dict[str, Any]]:
    """The worker's deltas, as they come off the wire."""
    tracker, lateness = Tracker(), Histogram()
    for begun_s in range(0, seconds, STEP_S):
        tally = Tally()
        tally.due[("new", 0)] = STEP_S * RATE
        lateness.add_many([20_000] * RATE)
        for row in range(begun_s * 10, (begun_s + STEP_S) * 10):
            _row(tally, tracker, row)
        now = (begun_s + STEP_S) * 1_000_000_000
        delta = {
            "worker": 0, "workers": 1, "at": now, "last": begun_s + STEP_S >= seconds, "tally": tally.to_delta(),
            "tracks": [["new", 0, tracker.told(now)]], "lanes": {"new": [0, dict.fromkeys(
                ("reset", "stalled", "outage", "new_fails"), 0)]},
            "lateness": lateness.to_list(), "pauses": [], "in_flight_max": 1, "descriptors_max": 9, "users": None,
            "cpu_s": 1.0, "memory_kib": 1,
        }  # fmt: skip
        yield json.loads(json.dumps(delta))


def _row(tally: Tally, tracker: Tracker, row: int) -> None:
    start, second = row * BUCKET_NS, row // 10
    good = range(_ROW)
    if second % BROWN_EVERY_S < BROWN_S:
        good = range(1)
    elif row % (10 * RESET_EVERY_S) == 10 * RESET_EVERY_S // 2:
        good = range(_ROW - 1)
    latencies = [3_000_000 + 40_000 * (row % 50) + number for number in good]
    figures = tally.cell(_KEY)
    indexes = figures.latency.add_many(latencies)
    figures.outcome(outcome.OK, start, "", len(good))
    tally.row(start, _KEY, outcome.OK, len(good))
    tally.rows.latencies(row, indexes.items(), max(latencies))
    failed = _ROW - len(good)
    if failed:
        figures.outcome(outcome.RESET, start, "reset by peer", failed)
        tally.row(start, _KEY, outcome.RESET, failed)
    for number in range(_ROW) if failed else (0, _ROW - 1):  # between two good ones more say nothing
        at = start + number * _SPACING_NS
        name = outcome.OK if number in good else outcome.RESET
        tracker.end(tracker.begin(at), outcome.CODE[name], at + 3_000_000, "reset by peer")
