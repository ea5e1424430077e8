# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Many answers at once: each is taken once, and has the time at which it was there, not that at which it was read."""

from __future__ import annotations

import select
import time
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe.backlog import Backlog
from ansible_collections.availability.lab.plugins.module_utils.probe.exchange import Exchange
from ansible_collections.availability.lab.plugins.module_utils.probe.lane import Lane
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.recorder import Recorder
from ansible_collections.availability.lab.plugins.module_utils.probe.resolver import Resolver
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving

MS = 1_000_000
IN = select.EPOLLIN


class Scripted:
    """The part of an exchange, and of a load model, that a backlog knows: a clock, and who is readable."""

    def __init__(self) -> None:
        self.at = 0
        self.readable: list[int] = []
        self.epoll: Any = self

    def now(self) -> int:
        return self.at

    def poll(self, _timeout: float, _most: int) -> list[tuple[int, int]]:
        return [(fd, IN) for fd in self.readable]

    def wait(self, _wake: int, _now: int) -> list[tuple[int, int]]:
        return self.poll(0, 0)


def test_those_that_come_while_others_are_taken_have_their_own_time() -> None:
    scripted: Any = Scripted()
    backlog = Backlog(scripted)
    scripted.readable = list(range(300))
    arrived: dict[int, int] = {}
    waits = 0
    while scripted.readable:
        events, at, waited = backlog.next(scripted, 0, 0)
        waits += waited
        for fd, _unused in events:
            assert fd not in arrived, "taken twice"
            arrived[fd] = at
            scripted.readable.remove(fd)
            scripted.at += MS // 10  # so long it takes to read an answer
        if len(arrived) == 128:
            scripted.readable += range(300, 400)
    assert sorted(arrived) == list(range(400))
    assert {arrived[fd] for fd in range(300)} == {0}
    assert {arrived[fd] for fd in range(300, 400)} == {12_800_000}
    assert waits == 1, "it waits only where nothing is left to take"


def test_what_one_turn_can_take_is_no_backlog() -> None:
    scripted: Any = Scripted()
    scripted.readable = [1, 2, 3]
    scripted.at = 5
    assert Backlog(scripted).next(scripted, 0, 0) == ([(1, IN), (2, IN), (3, IN)], 5, True)


def test_a_first_answer_on_a_connection_counts_until_it_was_there() -> None:
    """Those are read step by step, which takes its time."""
    with serving() as served:
        options = parse({"url": [f"{served.url}/"], "rate": 1, "requests": 1, "connection": "reuse"})
        recorder = Recorder(options, None)
        base_ns = time.monotonic_ns()
        exchange = Exchange(options, recorder, Resolver([options.targets[0].address], "any"), None, base_ns)
        lane = Lane("reuse", "reuse", options.targets)
        exchange.launch(lane, exchange.now(), exchange.now())
        arrived, until = 0, time.monotonic() + 5
        while lane.in_flight and time.monotonic() < until:
            for fd, _unused in exchange.epoll.poll(0.05):
                arrived = exchange.now()
                time.sleep(0.1)
                exchange.step(exchange.by_fd[fd], arrived)
        exchange.opening.close()
    (figures,) = recorder.tally.cells.values()
    assert figures.latency.count == 1
    assert (figures.latency.max or 0) <= arrived, "not the 100 ms later at which it was read"
