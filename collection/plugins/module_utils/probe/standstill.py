# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Notices when a worker's loop comes back later than it meant to: its host paused, starved or suspended it."""

from __future__ import annotations

from .recorder import Recorder

TICK_NS = 20_000_000  # how often the loop comes back at least, and how exactly the time limit strikes
#: A loop that comes back later than this was stopped, or starved: the client's own pause.
PAUSE_NS = 1_000_000_000
#: One that comes back this late is told; what was sent or judged late for it is not held against the service.
HICCUP_NS = 100_000_000


class Standstill:
    """When the loop means to be back, and what it missed. Times in ns from the start of the probe."""

    __slots__ = ("_expected", "_recorder")

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._expected = 0

    def back_by(self, when: int) -> None:
        """The loop is at work, and means to look again at `when`."""
        self._expected = when

    def ended(self, now: int) -> bool:
        """Whether the loop comes back from a pause: what became due in it is not sent as a burst, nor held against
        anybody. A shorter one is noted."""
        late, begun = now - self._expected, self._expected - TICK_NS
        if late <= HICCUP_NS:
            return False
        self._expected = now + TICK_NS
        if late <= PAUSE_NS:
            self._recorder.hiccup(begun, now)
            return False
        self._recorder.paused(begun, now)
        return True
