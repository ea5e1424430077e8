# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Requests that differ in their number alone, made when they are sent: a plan may have millions of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, overload


class Numbered(Sequence[bytes]):
    """`count` requests, of which `make` makes the n-th."""

    def __init__(self, count: int, make: Callable[[int], bytes]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[bytes]: ...
    def __getitem__(self, number: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(number, slice):
            return [self._make(one) for one in range(*number.indices(self._count))]
        return self._make(number)
