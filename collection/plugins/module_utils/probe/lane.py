# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A lane: all requests with one connection policy. Lanes run side by side and never share a connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .connection import Connection
from .target import Origin, Target, weighted_cycle
from .track import Tracker

CONTROL = "control"
#: The policy of new connections that resume a TLS session.
RESUMED = "resumed"


class Lane:
    """Its targets in weighted turns, its kept connections that are free, and a tracker for each target.

    `share` is the number of this worker, and of all: each takes its part of one and the same order of requests.
    """

    def __init__(
        self,
        name: str,
        policy: str,
        targets: Sequence[Target],
        counted: bool = True,
        *,
        share: tuple[int, int] = (0, 1),
        stall_ns: int = 1 << 62,
    ) -> None:
        self.name = name
        self.keep = policy == "reuse"
        self.targets = targets
        self.trackers = [Tracker(stall_ns, share[1] == 1) for _unused in targets]
        #: False for the control lane: it is no part of the totals.
        self.counted = counted
        self.in_flight = 0
        self.idle: dict[Origin, list[Connection]] = {target.origin: [] for target in targets}
        #: TLS sessions to resume, by origin (resuming.py).
        self.sessions: dict[Origin, Any] = {}
        self.heads: list[dict[Any, object]] = [{} for _unused in targets]
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
        self._share = share
        self._turn = 0  # of this worker
        #: How often the target of each turn had its turn earlier in the cycle.
        seen = [0] * len(targets)
        self._earlier = []
        for index in self._cycle:
            self._earlier.append(seen[index])
            seen[index] += 1
        self._weights = [target.weight for target in targets]
        #: One target with one request: nothing to choose in the fast path.
        self.single = len(targets) == 1 and len(self._requests[0]) == 1

    def choose(self) -> tuple[int, bytes]:
        """The next target's number and its request bytes; counts it as due."""
        if self.single:
            return 0, self._requests[0][0]
        rounds, turn = divmod(self._turn * self._share[1] + self._share[0], len(self._cycle))
        self._turn += 1
        index = self._cycle[turn]
        requests = self._requests[index]
        self._due[index] += 1
        return index, requests[(rounds * self._weights[index] + self._earlier[turn]) % len(requests)]

    @property
    def begun(self) -> int:
        """How many requests this worker has begun."""
        return self.trackers[0].next if self.single else self._turn

    @property
    def number(self) -> int:
        """The number in the whole plan of the request that was begun last."""
        return (self.begun - 1) * self._share[1] + self._share[0]

    def take_due(self) -> list[tuple[int, int]]:
        """How many requests became due since the last call, by target; counted apart from their outcomes."""
        if self.single:
            self._due[0] = self.begun - self._due_taken
            self._due_taken = self.begun
        taken = [(index, times) for index, times in enumerate(self._due) if times]
        self._due = [0] * len(self.targets)
        return taken
