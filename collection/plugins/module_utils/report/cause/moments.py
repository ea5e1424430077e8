# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What happened about a time, found without looking at all that happened: thousands of pods, thousands of failures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from .finding import NS_PER_S

T = TypeVar("T")
SHELF_NS = 10 * NS_PER_S
MOST_SHELVES = 60  # what lasts longer is looked at every time


class Moments(Generic[T]):
    """Things with a beginning and an end, on shelves of ten seconds. end None: to the end of all time."""

    def __init__(self, things: Iterable[tuple[int, int | None, T]]) -> None:
        self._shelves: dict[int, list[int]] = {}
        self._long: list[int] = []
        self._things: list[tuple[int, int | None, T]] = list(things)
        for index, (start, end, _unused) in enumerate(self._things):
            if end is None or (end - start) // SHELF_NS > MOST_SHELVES:
                self._long.append(index)
            else:
                for shelf in range(start // SHELF_NS, end // SHELF_NS + 1):
                    self._shelves.setdefault(shelf, []).append(index)

    def touching(self, from_ns: int, to_ns: int) -> list[T]:
        """Those that were going on at some moment of a span, in the order in which they were given."""
        first, last = from_ns // SHELF_NS, to_ns // SHELF_NS
        if last - first > len(self._shelves):
            found = list(range(len(self._things)))
        else:
            near = {index for shelf in range(first, last + 1) for index in self._shelves.get(shelf, ())}
            found = sorted(near.union(self._long))
        return [
            thing
            for start, end, thing in (self._things[index] for index in found)
            if start <= to_ns and (end is None or end >= from_ns)
        ]
