# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The open model: requests begin at the times of a schedule, whatever became of those before."""

from __future__ import annotations

import select
from collections.abc import Iterator

from .connection import NEVER
from .exchange import Exchange
from .lane import Lane

#: epoll counts whole milliseconds: shorter waits are made with select on the epoll descriptor, the last bit by polling.
SPIN_NS = 60_000
#: A loop that fell behind takes answers after at most this many starts.
BURST = 64
MANY_EVENTS = 4096


class Arrivals:
    """This worker's part of the schedule: every n-th arrival, once for each lane. Times in ns from the start."""

    #: An answer never begins the next request.
    instant = False
    quota = 0
    users: list[int] | None = None

    def __init__(self, exchange: Exchange, lanes: list[Lane], share: tuple[int, int]) -> None:
        options = exchange.options
        self._exchange = exchange
        self._lane, *self._others = lanes
        self._lanes = lanes
        self._times = _every(options.due_times(), *share)
        self._next = next(self._times, NEVER)
        self._end_ns = int(options.duration_s * 1e9) if options.duration_s is not None else NEVER
        #: Arrivals can end before the time does; a number of requests ends the run by itself.
        self._cut = options.requests is not None
        self._lateness: list[int] = []
        self._waits = [exchange.epoll.fileno()]

    def over(self, now: int) -> bool:
        """Nothing more will become due."""
        return self._next == NEVER and (self._cut or now >= self._end_ns)

    def start_due(self, now: int, ended: bool) -> int:
        """Begin what is due by now; returns the time after it. `ended`: nothing more is to begin."""
        if ended:
            self._next = NEVER
            return now
        exchange, lane, lateness, due = self._exchange, self._lane, self._lateness, self._next
        for _unused in range(BURST):
            now = exchange.now()
            if due > now:
                break
            lateness.append(now - due)
            exchange.launch(lane, due, now)
            for second in self._others:  # each lane's send has its own time: the one before it may have taken long
                exchange.launch(second, due, exchange.now())
            due = next(self._times, NEVER)
        self._next = due
        return now

    def next_start(self) -> int:
        """When the loop has to come back."""
        return self._next

    def wait(self, wake: int, _now: int) -> list[tuple[int, int]]:
        """What epoll tells until `wake`. The clock moved on while requests were started."""
        pause = wake - self._exchange.now()
        if pause > SPIN_NS:
            select.select(self._waits, (), (), (pause - SPIN_NS) / 1e9)
        return self._exchange.epoll.poll(0, MANY_EVENTS)

    def skip(self, now: int) -> None:
        """Leave out what became due by now: the loop comes back from a pause."""
        while self._next <= now:
            for lane in self._lanes:
                index, _unused = lane.choose()
                self._exchange.recorder.not_sent(lane, index, self._next, now, "the probe itself stood still")
            self._next = next(self._times, NEVER)

    def book(self) -> None:
        """Count how late the requests were begun, as far as that was not done yet."""
        if self._lateness:
            self._exchange.recorder.lateness.add_many(self._lateness)
            self._lateness.clear()


def _every(times: Iterator[int], index: int, workers: int) -> Iterator[int]:
    return times if workers == 1 else (due for number, due in enumerate(times) if number % workers == index)
