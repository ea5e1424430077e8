# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the books of a worker hold in memory does not grow with the requests."""

from __future__ import annotations

import time

from ansible_collections.availability.lab.plugins.module_utils.probe.exchange import Exchange
from ansible_collections.availability.lab.plugins.module_utils.probe.lane import Lane
from ansible_collections.availability.lab.plugins.module_utils.probe.loop import Loop
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.recorder import Recorder
from ansible_collections.availability.lab.plugins.module_utils.probe.resolver import Resolver
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving


def test_first_answers_on_new_kept_connections_are_remembered_once() -> None:
    """The server's answers look the same, and each connection serves one request: every answer is a first one."""
    with serving(lambda _path, _method: (200, {"Keep-Alive": "timeout=0"}, b"ok")) as server:
        options = parse({"url": [server.url + "/"], "rate": 200, "requests": 100, "connection": "reuse"})
        recorder = Recorder(options, None)
        resolver = Resolver([target.address for target in options.targets], "any")
        exchange = Exchange(options, recorder, resolver, None, time.monotonic_ns())
        lane = Lane("reuse", "reuse", options.targets)
        told: list[object] = []
        Loop(exchange, [lane], None, (0, 1)).run(told.append, lambda: None)
    assert told
    assert lane.idle_closed > 20
    assert len(recorder._known) == len(lane.heads[0]) == 1
