# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The event loop of one worker: starts requests when they are due, takes answers when they come.

One thread, one epoll set. The fast path, a known answer that arrives in one piece, is written out inside `run`: at
100,000 requests a second there are 10 µs for each, most of them spent in the kernel.
"""

from __future__ import annotations

import resource
import select
import time
from collections.abc import Iterator
from typing import Any, Callable

from . import outcome
from .connection import NEVER, WAITING, Connection
from .exchange import RECEIVE, Exchange
from .lane import Lane
from .rows import BUCKET_NS
from .schedule import Stage, due_times
from .tally import Tally
from .users import Users

SECOND_NS = 1_000_000_000
TICK_NS = 20_000_000  # how exactly the time limit strikes
#: epoll counts whole milliseconds: shorter waits are made with select on the epoll descriptor, the last bit by polling.
SPIN_NS = 60_000
#: A loop that fell behind takes answers after at most this many starts.
BURST = 64
#: Answers taken in one go; the buffer for them is made anew each time.
EVENTS = 128
#: A loop that comes back later than this was stopped, or starved: the client's own pause. It ticks each 20 ms.
PAUSE_NS = 1_000_000_000
#: One that comes back this late is told; what was sent or judged late for it is not held against the service.
HICCUP_NS = 100_000_000
MANY_EVENTS = 4096


class Loop:
    """Runs one worker's share of the plan. `emit` gets a delta (JSON-able) every second and at the end."""

    def __init__(self, exchange: Exchange, lanes: list[Lane], control: Lane | None, share: tuple[int, int]) -> None:
        self.exchange = exchange
        self.options = exchange.options
        self.recorder = exchange.recorder
        self.lanes = lanes
        self.control = control
        self.share = share
        self._closed = self.options.model == "closed"
        self._stall_ns = int(self.options.stall_after_s * 1e9)
        self.stopping = False
        self.abandoned = False
        self._in_flight_max = 0
        self._descriptors_max = 0
        self._cpu_begun = time.process_time()
        self._expected = 0  # when the loop meant to come back, in ns

    def run(  # noqa: PLR0912, PLR0915 - one loop without calls: each costs as much as the work in it
        self, emit: Callable[[dict[str, Any]], None], pump: Callable[[], None]
    ) -> None:
        """Send the plan's requests and wait for their outcomes; `pump` moves written deltas on, each tick."""
        exchange, recorder, options = self.exchange, self.recorder, self.options
        epoll, by_fd, base = exchange.epoll, exchange.by_fd, exchange.base_ns
        poll, clock, waits = epoll.poll, time.monotonic_ns, [epoll.fileno()]
        all_lanes = self.lanes + ([self.control] if self.control else [])
        stall_ns = self._stall_ns
        closed = self._closed
        lane, *others = self.lanes
        tracker = lane.trackers[0]
        users = Users(options, self.share, lane) if closed else None
        # A kept connection goes on with its next request at once, inside the fast path.
        instant = users is not None and users.instant and lane.keep and lane.single
        request = lane.choose()[1] if instant else b""
        quota = users.quota if users else 0
        length = len(request)
        arrivals = iter(()) if closed else self._arrivals()
        controls = self._control_arrivals()
        next_due, next_control = next(arrivals, None), next(controls, None)
        end_ns = int(options.duration_s * 1e9) if options.duration_s is not None else NEVER
        # Arrivals can end before the time does; a number of requests ends the run by itself.
        cut = options.requests is not None
        next_tick, next_second = 0, SECOND_NS
        lateness: list[int] = []
        now = clock() - base
        if now < 0:
            time.sleep(-now / 1e9)
            now = clock() - base
        bucket_start = recorder.bucket_start
        bucket_end = bucket_start + BUCKET_NS
        backlog: list[tuple[int, int]] = []
        arrived = now
        free, next_user = exchange.free_users, 0 if users else NEVER
        known: Any
        while True:
            # 1. what is due
            if next_due is not None and next_due <= now and not self.stopping:
                for _unused in range(BURST):
                    now = clock() - base
                    if next_due > now:
                        break
                    lateness.append(now - next_due)
                    exchange.launch(lane, next_due, now)
                    for second in others:  # each lane's send has its own time: the one before it may have taken long
                        exchange.launch(second, next_due, clock() - base)
                    next_due = next(arrivals, None)
                    if next_due is None:
                        break
            if next_control is not None and next_control <= now and not self.stopping and self.control:
                exchange.launch(self.control, next_control, now)
                next_control = next(controls, None)
            if users is not None and (free or now >= next_user):
                users.start_due(exchange, now, self.stopping or now >= end_ns)
                next_user = users.next_start()
            # 2. books and limits
            if now >= bucket_end:
                recorder.flush(now)
                bucket_start = recorder.bucket_start
                bucket_end = bucket_start + BUCKET_NS
                if lateness:
                    recorder.lateness.add_many(lateness)
                    lateness.clear()
            if now >= next_tick:
                if self._woke(now):
                    next_due = self._skip(next_due, arrivals, now)
                next_tick = self._expected = now + TICK_NS
                exchange.expire(now)
                self._watch(all_lanes)
                pump()
                over = self.stopping or (now >= end_ns if closed else next_due is None and (cut or now >= end_ns))
                if self.abandoned:
                    exchange.abandon(now)
                if over:
                    next_control = None
                if (over or (users and users.over)) and not any(each.in_flight for each in all_lanes):
                    break
                if instant and (self.stopping or now >= end_ns):
                    instant = False
                if now >= next_second:
                    next_second = now - now % SECOND_NS + SECOND_NS
                    emit(self._delta(now, users))
            # 3. wait for an answer, or for the next start
            wake = next_tick
            if next_due is not None and next_due < wake and not self.stopping:
                wake = next_due
            if next_control is not None and next_control < wake:
                wake = next_control
            wake = min(wake, next_user)
            pause = wake - now
            if backlog:
                events, backlog = backlog[:EVENTS], backlog[EVENTS:]
            else:
                if closed and pause > SPIN_NS:
                    events = poll(pause / 1e9, EVENTS)
                elif closed:
                    events = poll(0, EVENTS)
                else:
                    # The clock moved on while requests were started above.
                    pause = wake - (clock() - base)
                    if pause > SPIN_NS:
                        select.select(waits, (), (), (pause - SPIN_NS) / 1e9)
                    events = poll(0, MANY_EVENTS)
                    events, backlog = events[:EVENTS], events[EVENTS:]
                arrived = clock() - base
                if self._woke(arrived):
                    next_due = self._skip(next_due, arrivals, arrived)
                    next_tick = arrived
            now = arrived
            # 4. answers. Whatever is readable now has come by now: of many that come at once, as after a stall, those
            # read last are not later for it. What becomes due meanwhile is sent between the slices of such a backlog.
            # Users that go on at once need the time of each, as it starts their next request.
            ring, starts, mask = tracker.ring, tracker.starts, tracker.mask
            for fd, _unused in events:
                connection = by_fd.get(fd)
                if connection is None or (arrived < connection.start < NEVER and not instant):
                    if fd == exchange.name_fd:
                        exchange.names_known()
                    continue  # taken for another request since: the next poll tells of it again
                if connection.state != WAITING:
                    exchange.step(connection)
                    continue
                try:
                    data = connection.recv(RECEIVE)
                except BlockingIOError:
                    continue
                except OSError as error:
                    exchange.broken(connection, error)
                    continue
                if instant:
                    now = clock() - base
                known = connection.heads.get(data[: data.find(b"\r\n\r\n")])
                if known is None or known.total != len(data):
                    exchange.received(connection, data, now)
                    continue
                due = connection.due
                latency = now - due
                if instant:
                    if latency < stall_ns and due >= bucket_start:
                        ring[connection.number & mask] = 1
                        known.latencies.append(latency)
                    else:
                        self._unusual(known, connection, due, latency, now)
                    number = tracker.next
                    if number < quota:
                        if number >= tracker.limit:
                            tracker.make_room()
                            ring, starts, mask = tracker.ring, tracker.starts, tracker.mask
                        tracker.next = number + 1
                        slot = number & mask
                        ring[slot] = 0
                        starts[slot] = now
                        connection.number = number
                        connection.due = connection.start = now
                        try:
                            written = connection.send(request)
                        except BlockingIOError:
                            written = 0
                        except OSError as error:
                            exchange.unsent(connection, request, error)
                            continue
                        if written < length:
                            exchange.unsent(connection, request[written:], None)
                        continue
                elif latency < stall_ns and due >= bucket_start:
                    owner = connection.tracker
                    owner.ring[connection.number & owner.mask] = 1
                    self._book(known, connection, now)
                    known.latencies.append(latency)
                else:
                    self._book(known, connection, now)
                    self._unusual(known, connection, due, latency, now)
                exchange.release(connection, connection.lane.keep, now)
            if not instant:
                now = clock() - base
        recorder.flush(now)
        if lateness:
            recorder.lateness.add_many(lateness)
        emit(self._delta(now, users, last=True))
        exchange.close()

    def _book(self, known: Any, connection: Connection, now: int) -> None:
        """What the fast path books where connections are new or the next request is not due at once."""
        owner, start = connection.lane, connection.start
        if not owner.single:
            known.request_bytes += len(connection.request)
        if connection.requests == 1:
            known.connect_times.append(connection.connected_at - start)
        else:
            owner.last_kept_good = now
        if not self._closed and connection.due >= self.recorder.bucket_start:
            known.service_times.append(now - start)  # a closed model's requests are due when they start

    def _unusual(self, known: Any, connection: Connection, due: int, latency: int, now: int) -> None:
        """A known answer that belongs to an older bucket, or came so late that it is part of a stall."""
        self._woke(now)
        if connection.start < self.recorder.pause_end:
            self.recorder.failed(connection, now, outcome.CLIENT_LATE, "", known.total)
            return
        # From its start: what was sent late is no stall of the service.
        stalled = self.recorder.took(connection.start, now) >= self._stall_ns
        code = outcome.STALLED_CODE if stalled else outcome.OK_CODE
        connection.tracker.end(connection.number, code, now)
        if due >= self.recorder.bucket_start:
            known.latencies.append(latency)
        else:
            self.recorder.late(known, due, latency, now - connection.start)

    def _woke(self, now: int) -> bool:
        """Whether the loop comes back from a pause: what became due in it is not sent as a burst, nor held against
        anybody. A shorter one is noted."""
        late, begun = now - self._expected, self._expected - TICK_NS
        if late <= HICCUP_NS:
            return False
        self._expected = now + TICK_NS
        if late <= PAUSE_NS:
            self.recorder.hiccup(begun, now)
            return False
        self.recorder.paused(begun, now)
        return True

    def _skip(self, next_due: int | None, arrivals: Iterator[int], now: int) -> int | None:
        """Leave out what is due by now; returns what is due next."""
        while next_due is not None and next_due <= now:
            for lane in self.lanes:
                index, _unused = lane.choose()
                self.recorder.not_sent(lane, index, next_due, now, "the probe itself stood still")
            next_due = next(arrivals, None)
        return next_due

    def _arrivals(self) -> Iterator[int]:
        """This worker's part of the open schedule: every n-th arrival."""
        index, workers = self.share
        options = self.options
        schedule = options.due_times()
        if workers == 1:
            return schedule
        return (due for number, due in enumerate(schedule) if number % workers == index)

    def _control_arrivals(self) -> Iterator[int]:
        if self.control is None or self.share[0] != 0:
            return iter(())
        rate = self.options.control_rate
        return due_times([Stage(1e6, rate, rate)])

    def _watch(self, lanes: list[Lane]) -> None:
        in_flight = sum(lane.in_flight for lane in lanes)
        self._in_flight_max = max(self._in_flight_max, in_flight)
        self._descriptors_max = max(self._descriptors_max, len(self.exchange.by_fd))

    def _delta(self, now: int, users: Users | None, last: bool = False) -> dict[str, Any]:
        """Everything counted since the last delta, and the state of things."""
        recorder = self.recorder
        recorder.flush(now)
        lanes = self.lanes + ([self.control] if self.control else [])
        tally, recorder.tally = recorder.tally, Tally()
        for lane in lanes:
            for index, times in lane.take_due():
                tally.due[(lane.name, index)] = times
        tracks = [
            [lane.name, index, tracker.told(now)] for lane in lanes for index, tracker in enumerate(lane.trackers)
        ]
        if recorder.attempts is not None:
            recorder.attempts.flush()
        pauses, recorder.pauses = recorder.pauses, []
        return {
            "worker": self.share[0],
            "at": now,
            "last": last,
            "tally": tally.to_delta(),
            "workers": self.share[1],
            "tracks": tracks,
            "lanes": {lane.name: [lane.idle_closed, lane.diagnoses] for lane in lanes},
            "lateness": recorder.lateness.to_list(),
            "pauses": pauses,
            "in_flight_max": self._in_flight_max,
            "descriptors_max": self._descriptors_max,
            "users": [users.least, users.most] if users else None,
            "cpu_s": time.process_time() - self._cpu_begun,
            "memory_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
