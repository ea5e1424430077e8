# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Connections that are closed, and their numbers, which the next ones get."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe.opening import Opening


def connection(fd: int) -> Any:
    one = SimpleNamespace(fd=fd, rivals=(), closed=0)

    def close() -> None:
        one.closed += 1

    one.close = close
    return one


def test_what_is_dropped_twice_takes_nothing_from_who_has_its_number_by_now() -> None:
    options: Any = SimpleNamespace(timeout_s=1.0, address_order="first")
    nobody: Any = None
    opening = Opening(options, nobody, None, time.monotonic_ns(), ready=print, failed=print)
    first, second = connection(7), connection(7)
    opening.by_fd[7] = first
    opening.drop(first)
    assert opening.by_fd == {}
    opening.by_fd[7] = second
    opening.drop(first)
    assert opening.by_fd == {7: second}
    assert (first.closed, second.closed) == (2, 0)
    opening.close()
    assert second.closed == 1
