# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The closed model: users that send a request, wait for its end, think, and send the next."""

from __future__ import annotations

import heapq
import random

from .arrivals import SPIN_NS
from .connection import NEVER
from .exchange import Exchange
from .lane import Lane
from .schedule import active_users

_ADJUST_NS = 50_000_000  # how often the number of users follows the stages
#: Answers taken in one go; the buffer for them is made anew each time.
EVENTS = 128


class User:
    """One simulated user. `begun` is when the current iteration began."""

    __slots__ = ("begun", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.begun = 0


class Users:
    """This worker's users: every n-th of all, so that stages stay in step. Times in ns from the start."""

    def __init__(self, exchange: Exchange, lane: Lane, share: tuple[int, int]) -> None:
        options = exchange.options
        self._exchange = exchange
        self._options = options
        self._share = share
        self._lane = lane
        self._stages = options.stages
        self._chance = random.Random(options.seed * 1000 + share[0])  # noqa: S311 - pauses, not secrets
        self._waiting: list[tuple[int, int, User]] = []
        self._active: set[int] = set()
        self._next_adjust = 0
        self._wanted = 0
        steady = not self._stages or all(stage.start == stage.end for stage in self._stages)
        #: Nobody ever waits or leaves: the fast path may go on by itself.
        self.instant = (
            steady and options.think_time_s is None and options.iteration_s is None and lane.keep and lane.single
        )
        self._steady = steady
        index, workers = share
        #: The number of requests that this worker may begin.
        self.quota = NEVER if options.requests is None else share_of(options.requests, index, workers)
        self._end_ns = int(options.duration_s * 1e9) if options.duration_s is not None else NEVER
        #: The least and the most users that there were at a time, of all workers.
        self.users = [options.users, 0]

    def over(self, now: int) -> bool:
        """The time is up, or every request of the quota was begun."""
        return now >= self._end_ns or self._lane.begun >= self.quota

    def start_due(self, now: int, ended: bool) -> int:
        """Take back the users whose request ended, and begin the requests of those whose time has come.

        Returns the time. `ended`: nothing more is to begin.
        """
        exchange, free = self._exchange, self._exchange.free_users
        if ended or now >= self._end_ns:
            free.clear()
            self._waiting.clear()
            self._next_adjust = NEVER
            return now
        if now >= self._next_adjust:
            self._next_adjust = NEVER if self._steady and self._next_adjust else now + _ADJUST_NS
            self._adjust(now)
        for _unused in range(len(free)):
            user, when = free.popleft()
            if user.number < self._wanted:
                heapq.heappush(self._waiting, (self._next_of(user, when), user.number, user))
            else:
                self._active.discard(user.number)
        lane, waiting = self._lane, self._waiting
        while waiting and waiting[0][0] <= now and lane.begun < self.quota:
            due, _unused, user = heapq.heappop(waiting)
            if user.number >= self._wanted:
                self._active.discard(user.number)
                continue
            # Closed model: a request is due when its user sends it. A pace gives it a time of its own.
            begun = exchange.now()
            user.begun = due if self._options.iteration_s is not None and begun - due < 1_000_000_000 else begun
            exchange.launch(lane, begun, begun, user)
        return now

    def next_start(self) -> int:
        """When the loop has to come back."""
        if self._lane.begun >= self.quota:
            return NEVER
        soonest = self._waiting[0][0] if self._waiting else NEVER
        return min(soonest, self._next_adjust)

    def wait(self, wake: int, now: int) -> list[tuple[int, int]]:
        """What epoll tells until `wake`."""
        pause = wake - now
        return self._exchange.epoll.poll(pause / 1e9 if pause > SPIN_NS else 0, EVENTS)

    def skip(self, now: int) -> None:
        """A pause of the loop leaves nothing out: users begin when they are free."""

    def book(self) -> None:
        """Users are never late."""

    def _next_of(self, user: User, ended: int) -> int:
        options = self._options
        if options.iteration_s is not None:
            return max(user.begun + int(options.iteration_s * 1e9), ended)
        if options.think_time_s is not None:
            return ended + int(self._chance.uniform(*options.think_time_s) * 1e9)
        return ended

    def _adjust(self, now: int) -> None:
        total = active_users(self._stages, now / 1e9) if self._stages else self._options.users
        # Those who begin together keep a pace together for ever: they are spread over their first one.
        spread_ns = int((self._options.iteration_s or 0.0) * 1e9) if not self._active and self._steady else 0
        self._wanted = share_of(total, *self._share)
        self.users = [min(self.users[0], total), max(self.users[1], total)]
        for number in range(self._wanted):
            if number not in self._active:
                self._active.add(number)
                first = now + spread_ns * (number * self._share[1] + self._share[0]) // max(total, 1)
                heapq.heappush(self._waiting, (first, number, User(number)))


def share_of(total: int, index: int, workers: int) -> int:
    """Worker `index`'s part of `total`, such that the parts add up."""
    return total * (index + 1) // workers - total * index // workers
