# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The stresses of one pod: child processes, a bounded number at a time, watched and cancelled by number."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from typing import Any

KEPT = 1000  # finished stresses that are still known


class TooManyError(Exception):
    """As many stresses run as may."""


class _Stress:
    def __init__(self, number: int, seconds: float) -> None:
        self.number = number
        self.seconds = seconds
        self.began = time.monotonic()
        self.cancelled = False
        self.process = subprocess.Popen([sys.executable, "-m", "load_and_stress.burn", str(seconds)])

    def state(self) -> str:
        """running, done, cancelled or failed; asking also reaps the process."""
        code = self.process.poll()
        if code is None:
            return "running"
        return "cancelled" if self.cancelled else "done" if code == 0 else "failed"

    def status(self) -> dict[str, Any]:
        """As JSON: number, state, seconds asked for, and seconds since it began (while it runs)."""
        state = self.state()
        answer = {"id": self.number, "state": state, "seconds": self.seconds}
        if state == "running":
            answer["elapsed_s"] = round(time.monotonic() - self.began, 3)
        return answer


class Stresses:
    """At most ``limit`` stresses at a time. Safe to use from all server threads."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._all: dict[int, _Stress] = {}

    def start(self, seconds: float) -> dict[str, Any]:
        """Starts one and returns its status at once. Raises TooManyError."""
        with self._lock:
            running = sum(stress.state() == "running" for stress in self._all.values())
            if running >= self.limit:
                raise TooManyError(f"{running} stresses run, and no more than {self.limit} may (MAX_STRESS)")
            finished = [number for number, stress in self._all.items() if stress.state() != "running"]
            for number in finished[: max(0, len(self._all) - KEPT)]:
                del self._all[number]
            stress = _Stress(next(self._numbers), seconds)
            self._all[stress.number] = stress
            return stress.status()

    def list(self) -> list[dict[str, Any]]:
        """The status of all that are known, oldest first."""
        with self._lock:
            return [stress.status() for stress in self._all.values()]

    def status(self, number: int) -> dict[str, Any] | None:
        """The status of one; None where there is no such number."""
        with self._lock:
            stress = self._all.get(number)
            return stress.status() if stress else None

    def cancel(self, number: int) -> dict[str, Any] | None:
        """Ends one and returns its status; one that is over stays as it ended. None where there is no such number."""
        with self._lock:
            stress = self._all.get(number)
            if stress is None:
                return None
            if stress.state() == "running":
                stress.cancelled = True
                stress.process.kill()
                stress.process.wait()
            return stress.status()
