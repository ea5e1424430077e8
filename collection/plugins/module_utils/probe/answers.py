# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The fast path: a known answer that arrives in one piece is booked, and its user's next request sent, without a call.

At 100,000 requests a second there are 10 µs for each, most of them spent in the kernel. All else goes to the exchange.
"""

from __future__ import annotations

import ssl
import time
from typing import Any

from . import outcome
from .connection import WAITING, Connection
from .exchange import RECEIVE, Exchange
from .lane import Lane
from .standstill import Standstill


class Answers:
    """Takes what came on the connections. Times in ns from the start of the probe.

    going_on: the users of `lane` go on with their next request at once, up to `quota` of them; the loop turns it off
    when the time is up.
    """

    def __init__(self, exchange: Exchange, lane: Lane, standstill: Standstill, quota: int, going_on: bool) -> None:
        self._exchange = exchange
        self._recorder = exchange.recorder
        self._standstill = standstill
        self._closed = exchange.options.model == "closed"
        self._stall_ns = int(exchange.options.stall_after_s * 1e9)
        self._tracker = lane.trackers[0]
        self._quota = quota
        self._payload = lane.choose()[1] if going_on else b""
        self.going_on = going_on

    def take(self, events: list[tuple[int, int]], arrived: int) -> int:  # noqa: PLR0912, PLR0915 - see the top
        """Book the answers; returns the time after them.

        Whatever is readable now has come by `arrived`: of many that come at once, as after a stall, those read last are
        not later for it. Users that go on at once need the time of each, as it starts their next request.
        """
        exchange, going_on, stall_ns = self._exchange, self.going_on, self._stall_ns
        by_fd, base, clock = exchange.by_fd, exchange.base_ns, time.monotonic_ns
        bucket_start = self._recorder.bucket_start
        tracker, quota, payload = self._tracker, self._quota, self._payload
        ring, starts, mask = tracker.ring, tracker.starts, tracker.mask
        length = len(payload)
        now = arrived
        known: Any
        for fd, _unused in events:
            connection = by_fd.get(fd)
            if connection is None:
                if fd == exchange.opening.name_fd:
                    exchange.opening.names_known()
                continue
            asked = connection.request
            if arrived < asked.start and not going_on:
                continue  # taken for another request since: the next poll tells of it again
            if connection.state != WAITING:
                exchange.step(connection, clock() - base if going_on else arrived)
                if going_on:
                    now = clock() - base  # a user that it freed is not to wait for a time that is past
                continue
            try:
                data = connection.recv(RECEIVE)
            except (BlockingIOError, ssl.SSLWantReadError):
                continue
            except OSError as error:
                exchange.broken(connection, error)
                continue
            if going_on:
                now = clock() - base
            known = asked.heads.get(data[: data.find(b"\r\n\r\n")])
            if known is None or known.total != len(data):
                exchange.came(connection, data, now)
                continue
            due = asked.due
            latency = now - due
            if not going_on:
                if latency < stall_ns and due >= bucket_start:
                    self._book(known, connection, now)
                    owner = asked.tracker
                    owner.ring[asked.number & owner.mask] = 1
                    known.latencies.append(latency)
                else:
                    self._unusual(known, connection, due, latency, now)
                exchange.release(connection, connection.lane.keep, now)
                continue
            if latency < stall_ns and due >= bucket_start:
                ring[asked.number & mask] = 1
                known.latencies.append(latency)
            else:
                self._unusual(known, connection, due, latency, now)
            number = tracker.next
            if number >= quota:
                exchange.release(connection, connection.lane.keep, now)
                continue
            if number >= tracker.limit:
                tracker.make_room()
                ring, starts, mask = tracker.ring, tracker.starts, tracker.mask
            tracker.next = number + 1
            slot = number & mask
            ring[slot] = 0
            starts[slot] = now
            asked.number = number
            asked.due = asked.start = now
            try:
                written = connection.send(payload)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                written = 0
            except OSError as error:
                exchange.unsent(connection, payload, error)
                continue
            if written < length:
                exchange.unsent(connection, payload[written:], None)
        return now if going_on else clock() - base

    def _book(self, known: Any, connection: Connection, now: int) -> None:
        """What is booked beside the latency where connections are new or the next request is not due at once."""
        owner, request = connection.lane, connection.request
        if not owner.single:
            known.request_bytes += len(request.payload)
        if connection.requests == 1:
            known.connect_times.append(connection.connected_at - request.start)
            if connection.tls is not None:
                known.handshake_times.append(connection.connected_at - connection.tcp_at)
        else:
            owner.last_kept_good = now
        if not self._closed and request.due >= self._recorder.bucket_start:
            known.service_times.append(now - request.start)  # a closed model's requests are due when they start

    def _unusual(self, known: Any, connection: Connection, due: int, latency: int, now: int) -> None:
        """A known answer that belongs to an older bucket, or came so late that it is part of a stall."""
        recorder = self._recorder
        self._standstill.ended(now)
        request = connection.request
        if request.start < recorder.pause_end:
            request.wire_bytes = known.total
            recorder.failed(connection, now, outcome.CLIENT_LATE, "")
            return
        if not self.going_on:
            self._book(known, connection, now)
        # From its start: what was sent late is no stall of the service.
        stalled = recorder.took(request.start, now) >= self._stall_ns
        request.tracker.end(request.number, outcome.STALLED_CODE if stalled else outcome.OK_CODE, now)
        if due >= recorder.bucket_start:
            known.latencies.append(latency)
        else:
            recorder.late(known, due, latency, now - request.start)
