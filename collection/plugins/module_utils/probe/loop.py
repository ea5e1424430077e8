# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The event loop of one worker: begins requests when they are due, takes answers when they come.

One thread, one epoll set. What is due is told by the load model (arrivals.py, users.py); answers are taken by
answers.py; here are the turns that join them, and what is done each tick and each second.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from typing import Any, Callable

from .answers import Answers
from .arrivals import Arrivals
from .backlog import Backlog
from .connection import NEVER
from .exchange import Exchange
from .lane import Lane
from .rows import BUCKET_NS
from .schedule import Stage, due_times
from .standstill import TICK_NS, Standstill
from .tally import Tally
from .users import Users

SECOND_NS = 1_000_000_000


class Loop:
    """Runs one worker's share of the plan. `emit` gets a delta (JSON-able) every second and at the end."""

    def __init__(self, exchange: Exchange, lanes: list[Lane], control: Lane | None, share: tuple[int, int]) -> None:
        self.exchange = exchange
        self.recorder = exchange.recorder
        self.lanes = lanes
        self.control = control
        self.share = share
        closed = exchange.options.model == "closed"
        self.load: Arrivals | Users = Users(exchange, lanes[0], share) if closed else Arrivals(exchange, lanes, share)
        self.stopping = False
        self.abandoned = False
        self._controls = self._control_arrivals()
        self._all_lanes = lanes + ([control] if control else [])
        self._in_flight_max = 0
        self._descriptors_max = 0
        self._cpu_begun = time.process_time()

    def run(self, emit: Callable[[dict[str, Any]], None], pump: Callable[[], None]) -> None:
        """Send the plan's requests and wait for their outcomes; `pump` moves written deltas on, each tick."""
        exchange, recorder, load = self.exchange, self.recorder, self.load
        free, gathered = exchange.free_users, exchange.gathered
        standstill = Standstill(recorder)
        answers = Answers(exchange, self.lanes[0], standstill, load.quota, load.instant)
        next_start, next_control, next_tick, next_second = load.next_start(), next(self._controls, NEVER), 0, SECOND_NS
        time.sleep(max(0.0, -exchange.now() / 1e9))
        now = exchange.now()
        bucket_end = recorder.bucket_start + BUCKET_NS
        backlog = Backlog(exchange)
        while True:
            # 1. what is due
            if now >= next_start or free:
                now = load.start_due(now, self.stopping)
                next_start = load.next_start()
            if now >= next_control:
                next_control = self._start_control(next_control, now)
            if gathered:
                exchange.write_gathered()
            # 2. books and limits
            if now >= bucket_end:
                recorder.flush(now)
                load.book()
                bucket_end = recorder.bucket_start + BUCKET_NS
            if now >= next_tick:
                if standstill.ended(now):
                    load.skip(now)
                next_tick = now + TICK_NS
                standstill.back_by(next_tick)
                over = self._tick(now, pump)
                if over:
                    next_control = NEVER
                    answers.going_on = False
                    if not any(lane.in_flight for lane in self._all_lanes):
                        break
                next_start = load.next_start()
                if now >= next_second:
                    next_second = now - now % SECOND_NS + SECOND_NS
                    emit(self._delta(now))
            # 3. wait for an answer, or for the next start. What becomes due while many answers are taken, as after a
            # stall, is sent between the slices of such a backlog.
            events, arrived, waited = backlog.next(load, min(next_tick, next_start, next_control), now)
            if waited and standstill.ended(arrived):
                load.skip(arrived)
                next_start = load.next_start()
                next_tick = arrived
            # 4. answers
            now = answers.take(events, arrived)
        recorder.flush(now)
        load.book()
        emit(self._delta(now, last=True))
        exchange.opening.close()

    def _tick(self, now: int, pump: Callable[[], None]) -> bool:
        """What is looked at every 20 ms; returns whether nothing more is to begin."""
        self.exchange.expire(now)
        self._watch()
        pump()
        if self.abandoned:
            self.exchange.abandon(now)
        return self.stopping or self.load.over(now)

    def _start_control(self, due: int, now: int) -> int:
        """Ask the control target; returns when it is asked next."""
        if self.control is None or self.stopping:
            return NEVER
        self.exchange.launch(self.control, due, now)
        return next(self._controls, NEVER)

    def _control_arrivals(self) -> Iterator[int]:
        if self.control is None or self.share[0] != 0:
            return iter(())
        rate = self.exchange.options.control_rate
        return due_times([Stage(1e6, rate, rate)])

    def _watch(self) -> None:
        in_flight = sum(lane.in_flight for lane in self._all_lanes)
        self._in_flight_max = max(self._in_flight_max, in_flight)
        self._descriptors_max = max(self._descriptors_max, len(self.exchange.by_fd))

    def _delta(self, now: int, last: bool = False) -> dict[str, Any]:
        """Everything counted since the last delta, and the state of things."""
        recorder = self.recorder
        recorder.flush(now)
        lanes = self._all_lanes
        tally, recorder.tally = recorder.tally, Tally()
        for lane in lanes:
            for index, times in lane.take_due():
                tally.due[(lane.name, index)] = times
        tracks = [
            [lane.name, index, tracker.told(now)] for lane in lanes for index, tracker in enumerate(lane.trackers)
        ]
        if recorder.attempts is not None:
            recorder.attempts.flush()
        pauses, recorder.pauses = recorder.pauses, []
        return {
            "worker": self.share[0],
            "at": now,
            "last": last,
            "tally": tally.to_delta(),
            "workers": self.share[1],
            "tracks": tracks,
            "lanes": {lane.name: [lane.idle_closed, lane.diagnoses] for lane in lanes},
            "lateness": recorder.lateness.to_list(),
            "pauses": pauses,
            "in_flight_max": self._in_flight_max,
            "descriptors_max": self._descriptors_max,
            "users": self.load.users,
            "tls": self.exchange.opening.handshakes.take(),
            "cpu_s": time.process_time() - self._cpu_begun,
            "memory_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
