# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How far the API server's clock is from the observer's, from the Date headers of its answers.

A Date of second S, in an answer to a request sent at a and received at b, says that the server's clock showed a
time in [S, S+1) somewhere between a and b, so server - observer lies in (S - b, S + 1 - a). Intersecting these
intervals narrows the offset far below the header's one second.
"""

from __future__ import annotations

import threading
from email.utils import parsedate_to_datetime


class ClockOffset:
    """Bounds of (API clock - observer clock) in seconds, narrowed with every answer; safe to share by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bounds: tuple[float, float] | None = None
        self.steps = 0  # times that an answer contradicted the bounds: one of the clocks was set

    def add(self, date_header: str | None, sent_s: float, received_s: float) -> None:
        """Take in one answer; a missing or malformed header says nothing."""
        if not date_header:
            return
        try:
            second = parsedate_to_datetime(date_header).timestamp()
        except (TypeError, ValueError):
            return
        low, high = second - received_s, second + 1 - sent_s
        with self._lock:
            if self._bounds is not None:
                narrowed = max(low, self._bounds[0]), min(high, self._bounds[1])
                if narrowed[0] <= narrowed[1]:
                    low, high = narrowed
                else:
                    self.steps += 1
            self._bounds = (low, high)

    def bounds_ms(self) -> tuple[float, float] | None:
        """(at least, at most) in milliseconds, or None before the first answer."""
        with self._lock:
            if self._bounds is None:
                return None
            return round(self._bounds[0] * 1000, 1), round(self._bounds[1] * 1000, 1)
