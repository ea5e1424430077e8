# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Lines of a record in order of their time, and those of a span."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """What was written down at a time."""

    @property
    def t_ns(self) -> int: ...


Line = TypeVar("Line", bound=Timed)


class InTime(Generic[Line]):
    """The times are kept beside the lines, for `bisect` takes no key before Python 3.10."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._times = [line.t_ns for line in lines]

    def between(self, from_ns: int, to_ns: int) -> Sequence[Line]:
        """Those of a span, both ends included."""
        return self._lines[bisect_left(self._times, from_ns) : bisect_right(self._times, to_ns)]
