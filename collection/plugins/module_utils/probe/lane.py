# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A lane: all requests with one connection policy. Lanes run side by side and never share a connection."""

from __future__ import annotations

from collections.abc import Sequence

from .connection import Connection
from .outage import Tracker
from .target import Target, weighted_cycle

CONTROL = "control"


class Lane:
    """Its targets in weighted turns, its kept connections that are free, and its outage tracker."""

    def __init__(self, name: str, policy: str, targets: Sequence[Target], counted: bool = True) -> None:
        self.name = name
        self.keep = policy == "reuse"
        self.targets = targets
        self.tracker = Tracker()
        #: False for the control lane: it is no part of the totals.
        self.counted = counted
        self.in_flight = 0
        self.idle: dict[tuple[bool, str, int], list[Connection]] = {target.origin: [] for target in targets}
        self.heads: list[dict[bytes, object]] = [{} for _unused in targets]
        self._due = [0] * len(targets)
        self._due_taken = 0
        self.idle_closed = 0
        self.diagnoses = {"reset": 0, "stalled": 0, "outage": 0, "new_fails": 0}
        self.diagnosing: Connection | None = None
        #: failures of kept connections that share the diagnosis under way
        self.undiagnosed: list[str] = []
        self.last_kept_good = -1
        self._cycle = weighted_cycle([target.weight for target in targets])
        self._requests = [target.on_kept if self.keep else target.on_new for target in targets]
        self._turn = 0
        self._value_turn = [0] * len(targets)
        #: One target with one request: nothing to choose in the fast path.
        self.single = len(targets) == 1 and len(self._requests[0]) == 1

    def choose(self) -> tuple[int, bytes]:
        """The next target's number and its request bytes; counts it as due."""
        if self.single:
            return 0, self._requests[0][0]
        index = self._cycle[self._turn]
        self._turn = (self._turn + 1) % len(self._cycle)
        requests = self._requests[index]
        value = self._value_turn[index]
        self._value_turn[index] = (value + 1) % len(requests)
        self._due[index] += 1
        return index, requests[value]

    def take_due(self) -> list[tuple[int, int]]:
        """How many requests became due since the last call, by target; counted apart from their outcomes."""
        if self.single:
            self._due[0] = self.tracker.next - self._due_taken
            self._due_taken = self.tracker.next
        taken = [(index, times) for index, times in enumerate(self._due) if times]
        self._due = [0] * len(self.targets)
        return taken
