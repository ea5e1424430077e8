# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Random schedules of outages, brown-outs, stalls, resets and pauses of the client: the record tells the schedule.

The server keeps the schedule by the clock that the record names, so both are compared interval by interval: what
happened lies between the shortest and the longest that the record states, and nothing else stands in it.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import (
    children,
    probe,
    stop_workers,
)

#: How long a request may take to reach the server's script on a busy machine.
ON_ITS_WAY_S = 0.1
BETWEEN_S = 1.0
STALL_AFTER_S = 0.25
KINDS = ("outage", "reset", "brownout", "stall", "pause")


@dataclass(frozen=True)
class Event:
    """What happens, in seconds from the schedule's begin."""

    kind: str
    start_s: float
    end_s: float


def schedule(seed: int) -> list[Event]:
    """One event of each kind, in a random order and of random lengths, a second apart."""
    chance = random.Random(seed)
    at_s, events = BETWEEN_S, []
    for kind in chance.sample(KINDS, len(KINDS)):
        shortest_s, longest_s = {"brownout": (1.3, 2.0), "stall": (0.5, 0.9), "pause": (0.3, 1.5)}.get(kind, (0.3, 0.9))
        length_s = chance.uniform(shortest_s, longest_s)
        events.append(Event(kind, at_s, at_s + length_s))
        at_s += length_s + BETWEEN_S
    return events


class Script:
    """The server's part of the schedule."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.begun_ns = time.monotonic_ns()
        self._number = count()

    def age_s(self) -> float:
        """Seconds since the schedule's begin."""
        return (time.monotonic_ns() - self.begun_ns) / 1e9

    def __call__(self, _path: str, _method: str) -> tuple[int, dict[str, str], bytes]:
        at_s = self.age_s()
        for event in self.events:
            if event.start_s <= at_s < event.end_s:
                if event.kind == "reset":
                    raise ConnectionAbortedError  # the connection ends without an answer
                if event.kind == "stall":
                    time.sleep(event.end_s - at_s)
                elif event.kind == "outage" or (event.kind == "brownout" and next(self._number) % 5):
                    return 503, {}, b"no"
        return 200, {}, b"ok"


@pytest.mark.parametrize(("seed", "processes"), [(1, 1), (2, 2), (3, 3), (4, 4)])
def test_the_record_tells_the_schedule(seed: int, processes: int) -> None:
    events = schedule(seed)
    script = Script(events)
    with serving(script) as server:
        pause = next(event for event in events if event.kind == "pause")
        timers = stop_workers(children(), pause.start_s - script.age_s(), pause.end_s - script.age_s())
        record = probe(
            url=[server.url + "/"], rate=120, duration=f"{events[-1].end_s + BETWEEN_S:.1f}s", processes=processes,
            stall_after=f"{STALL_AFTER_S}s", timeout="3s", connection="both" if seed % 2 else "new",
        )  # fmt: skip
        for timer in timers:
            timer.join()
    offset_s = (script.begun_ns - record["started_monotonic_ns"]) / 1e9
    happened = [Event(event.kind, event.start_s + offset_s, event.end_s + offset_s) for event in events]
    for lane in record["lanes"]:
        told = [entry for entry in record["outages"]["list"] if entry["lane"] == lane]
        for event in happened:
            told = _without(event, told, record, lane)
        assert told == [], f"seed {seed}: nothing else happened"


def _without(event: Event, told: list[dict[str, Any]], record: dict[str, Any], lane: str) -> list[dict[str, Any]]:
    """Check what the record says of this event; the rest of the list."""
    mine = [one for one in told if event.start_s - ON_ITS_WAY_S <= one["first_bad_s"] < event.end_s + ON_ITS_WAY_S]
    if event.kind in ("outage", "reset", "stall"):
        one = max(mine, key=lambda entry: entry["length_s"])
        edges = (event.start_s, event.end_s, event.end_s - STALL_AFTER_S)
        for stray in mine:  # requests that were held up on their way over an edge
            ends = stray["first_bad_s"], stray["last_bad_s"]
            near = any(all(abs(end - edge) <= ON_ITS_WAY_S for end in ends) for edge in edges)
            assert stray is one or near, f"{event}: {stray}"
        assert one["kind"] == ("stall" if event.kind == "stall" else "outage")
        assert one["last_good_s"] <= event.start_s <= one["first_bad_s"] + ON_ITS_WAY_S, f"{event}: {one}"
        length_s = event.end_s - event.start_s
        if event.kind != "stall":
            assert one["last_bad_s"] <= event.end_s <= one["next_good_s"] + ON_ITS_WAY_S, f"{event}: {one}"
        assert one["shortest_s"] - ON_ITS_WAY_S <= length_s <= one["longest_s"] + ON_ITS_WAY_S, f"{event}: {one}"
        assert one["length_s"] == pytest.approx(length_s, abs=one["resolution_s"] + ON_ITS_WAY_S), f"{event}: {one}"
    elif event.kind == "brownout":
        brown = [
            one
            for one in record["brownouts"]["list"]
            if one["lane"] == lane and one["start_s"] < event.end_s and one["end_s"] > event.start_s
        ]
        (one,) = brown
        assert one["start_s"] == pytest.approx(event.start_s, abs=0.1 + ON_ITS_WAY_S)
        assert one["end_s"] == pytest.approx(event.end_s, abs=0.1 + ON_ITS_WAY_S)
    else:
        assert mine == [], "a pause of the client is nobody's outage"
        longest = max(record["self_check"]["pauses"], key=lambda pause: pause["end_s"] - pause["start_s"])
        assert longest["start_s"] == pytest.approx(event.start_s, abs=0.2)
        assert longest["end_s"] == pytest.approx(event.end_s, abs=0.2)
    return [one for one in told if one not in mine]
