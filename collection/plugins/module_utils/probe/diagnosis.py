# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a failure of a lane of kept connections tells: of that connection alone, of new ones, or of the service."""

from __future__ import annotations

from typing import Callable

from . import outcome
from .connection import Connection
from .lane import Lane
from .opening import Opening
from .recorder import Carrier
from .request import Request
from .target import Target

#: A kept connection that fails like this is diagnosed with a new one.
_CONNECTION_FAULTS = frozenset(
    (
        outcome.RESET,
        outcome.RESET_IN_ANSWER,
        outcome.CLOSED_EARLY,
        outcome.TIMEOUT_HEADERS,
        outcome.TIMEOUT_BODY,
        outcome.UNREACHABLE,
        outcome.UNPROCESSED,
    )
)
_CONNECT_FAULTS = frozenset(
    (outcome.REFUSED, outcome.UNREACHABLE, outcome.TIMEOUT_CONNECTING, outcome.TLS, outcome.DNS)
)
_REPEATABLE = ("GET", "HEAD", "OPTIONS", "PING", "QUERY")


def may_be_sent_again(request: Request) -> bool:
    """Sending it twice does no harm; of another one a connection that stands has to be answer enough."""
    return request.target.method in _REPEATABLE


class Diagnosis:
    """Sends what failed on a kept connection once more, on a new one, and counts what that shows in the lane."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        #: Makes the new connection.
        self.connect: Callable[[Lane, Target], Connection] = lambda lane, target: target.connection(lane, target)

    def failed(self, connection: Carrier, name: str, now: int) -> None:
        """A request of a lane that keeps connections ended with the outcome `name`, `now` ns from the start."""
        lane = connection.lane
        if connection.requests > 1:
            if name in _CONNECTION_FAULTS:
                self._begin(connection, name, now)
        elif name in _CONNECT_FAULTS:
            lane.diagnoses["new_fails" if lane.last_kept_good >= connection.request.start else "outage"] += 1

    def ended(self, connection: Connection, answered: bool) -> None:
        """The new connection stands or answered, or it does neither."""
        lane = connection.lane
        for name in lane.undiagnosed:
            stalled = name in (outcome.TIMEOUT_HEADERS, outcome.TIMEOUT_BODY)
            lane.diagnoses["outage" if not answered else "stalled" if stalled else "reset"] += 1
        lane.undiagnosed.clear()
        lane.diagnosing = None
        self._opening.drop(connection)

    def _begin(self, failed: Carrier, name: str, now: int) -> None:
        """Does a new one work? Failures meanwhile share the answer."""
        lane = failed.lane
        lane.undiagnosed.append(name)
        if lane.diagnosing is not None:
            return
        tried = failed.request
        fresh = self.connect(lane, tried.target)
        fresh.request = Request(tried.target, tried.target_index, tried.payload, now, now)
        fresh.request.diagnosed = name
        lane.diagnosing = fresh
        self._opening.begin(fresh)
