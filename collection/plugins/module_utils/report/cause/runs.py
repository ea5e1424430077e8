# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Failures that belong together: of one kind, with no longer silence between them. One bad pod of three fails every
third request, and a list of outages then has hundreds of one request each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from .failure import Failure
from .finding import NS_PER_S

QUIET_NS = 5 * NS_PER_S


@dataclass
class Run:
    """From the first to the last failed request, and how many were lost."""

    began_ns: int
    last_ns: int
    lost: int


class Runs:
    """The runs of each outcome, in order of time."""

    def __init__(self, failures: Iterable[Failure]) -> None:
        self._of: dict[str, list[Run]] = {}
        self._runs_began: dict[str, list[int]] = {}
        self._began: dict[str, list[int]] = {}
        self._lost: dict[str, list[int]] = {}  # up to and with each failure
        for failure in sorted(failures, key=lambda one: one.first_bad_ns):
            for outcome, count in failure.outcomes.items():
                runs = self._of.setdefault(outcome, [])
                if not runs or failure.first_bad_ns - runs[-1].last_ns > QUIET_NS:
                    runs.append(Run(failure.first_bad_ns, failure.last_bad_ns, 0))
                    self._runs_began.setdefault(outcome, []).append(failure.first_bad_ns)
                runs[-1].last_ns = max(runs[-1].last_ns, failure.last_bad_ns)
                runs[-1].lost += count
                before = self._lost.setdefault(outcome, [])
                before.append(count + (before[-1] if before else 0))
                self._began.setdefault(outcome, []).append(failure.first_bad_ns)

    def of(self, outcomes: Iterable[str]) -> list[Run]:
        """Those of any of the outcomes."""
        return [run for outcome in outcomes for run in self._of.get(outcome, ())]

    def lost(self, outcomes: Iterable[str], from_ns: int, to_ns: int) -> int:
        """How many requests were lost so by failures that began after from_ns, until to_ns."""
        count = 0
        for outcome in outcomes:
            began, lost = self._began.get(outcome, []), self._lost.get(outcome, [])
            first, last = bisect_right(began, from_ns), bisect_right(began, to_ns)
            count += (lost[last - 1] if last else 0) - (lost[first - 1] if first else 0)
        return count

    def with_(self, failure: Failure) -> Run:
        """The run to which a failure belongs, by its first outcome; itself, where it is none of these failures."""
        runs = self._of.get(failure.first_outcome, [])
        index = bisect_right(self._runs_began.get(failure.first_outcome, []), failure.first_bad_ns) - 1
        if index < 0 or runs[index].last_ns < failure.first_bad_ns:
            return Run(failure.first_bad_ns, failure.last_bad_ns, failure.requests_lost)
        return runs[index]
