# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The life of one server process: serving, then draining, then gone; and what it counted on the way.

Kubernetes tells nobody when a pod really stopped receiving requests. The process knows, so it keeps the times and
hands them over in its last words (see :func:`lab_workload.server.serve`).
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable


class Lifecycle:
    """Counts requests and knows since when the process drains. Safe to use from all server threads.

    Draining begins with SIGTERM, or earlier where a preStop hook asks for it.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.started_at = clock()
        self.draining_since: float | None = None
        self.sigterm_at: float | None = None
        self.last_request_at: float | None = None
        self.in_flight = 0
        self.requests = 0
        self.requests_while_draining = 0

    @property
    def draining(self) -> bool:
        """True from SIGTERM (or the preStop hook) on."""
        return self.draining_since is not None

    def begin_draining(self) -> None:
        """Starts to drain; a second call changes nothing, so that the time since is that of the first."""
        if self.draining_since is None:
            self.draining_since = self._clock()

    def terminate(self) -> None:
        """Notes SIGTERM. Called from a signal handler: takes no lock."""
        if self.sigterm_at is None:
            self.sigterm_at = self._clock()
        self.begin_draining()

    def draining_for_s(self) -> float | None:
        """Seconds since draining began, None before."""
        return None if self.draining_since is None else max(0.0, self._clock() - self.draining_since)

    def uptime_s(self) -> float:
        """Seconds since the process started."""
        return self._clock() - self.started_at

    def request_began(self) -> None:
        """Counts a request of a client (not one of the kubelet's probes)."""
        with self._lock:
            self.in_flight += 1
            self.requests += 1
            self.requests_while_draining += self.draining
            self.last_request_at = self._clock()

    def request_ended(self) -> None:
        """The answer of a counted request is complete, or its client is gone."""
        with self._lock:
            self.in_flight -= 1

    def last_words(self) -> dict[str, Any]:
        """The part of the summary that a signal handler may ask for: it takes no lock."""
        return {
            "sigterm_at": self.sigterm_at,
            "last_request_at": self.last_request_at,
            "requests": self.requests,
        }

    def summary(self) -> dict[str, Any]:
        """Counts and epoch times (seconds) as JSON-ready values; None for what did not happen."""
        with self._lock:
            return {
                **self.last_words(),
                "started_at": self.started_at,
                "draining_since": self.draining_since,
                "requests_while_draining": self.requests_while_draining,
                "in_flight": self.in_flight,
            }
