# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What epoll tells, in slices; after a stall of the service there is more than one turn of the loop can take.

To take two thousand answers lasts a tenth of a second, in which others come. The time until they are read is this
side's, not the service's: between the slices is looked which came meanwhile, and each has the time of that look.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .arrivals import MANY_EVENTS
from .users import EVENTS

if TYPE_CHECKING:
    from .arrivals import Arrivals
    from .exchange import Exchange
    from .users import Users

#: Of a backlog so many are taken in a turn, and so often it is looked who came.
_SLICE, _LOOK_NS = 32, 2_000_000

Event = tuple[int, int]  # as epoll tells: (descriptor, what it is ready for)


class Backlog:
    """First come, first taken. Times in ns from the start of the probe."""

    def __init__(self, exchange: Exchange) -> None:
        self._epoll, self._now = exchange.epoll, exchange.now
        self._groups: deque[tuple[int, list[Event]]] = deque()  # by when they were there
        self._told: set[int] = set()
        self._looked_at = 0

    def next(self, load: Arrivals | Users, wake: int, now: int) -> tuple[list[Event], int, bool]:
        """The next events, when they were there, and whether this waited for them (until `wake` at most)."""
        waited = not self._groups
        if waited:
            events = load.wait(wake, now)
            self._looked_at = self._now()
            if len(events) <= EVENTS:
                return events, self._looked_at, True
            self._add(events)
        elif self._now() - self._looked_at >= _LOOK_NS:
            # It tells again of all that was not taken yet.
            events = self._epoll.poll(0, MANY_EVENTS)
            self._looked_at = self._now()
            self._add([event for event in events if event[0] not in self._told])
        arrived, events = self._groups.popleft()
        if len(events) > _SLICE:
            self._groups.appendleft((arrived, events[_SLICE:]))
        self._told.difference_update(fd for fd, _unused in events[:_SLICE])
        return events[:_SLICE], arrived, waited

    def _add(self, events: list[Event]) -> None:
        if events:
            self._groups.append((self._looked_at, events))
            self._told.update(fd for fd, _unused in events)
