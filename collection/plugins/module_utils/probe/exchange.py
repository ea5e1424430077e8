# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The steps of one request on a connection, from its start to its one outcome: write, read, end.

This is the careful path that copes with everything; the loop's fast path only takes over whole, known answers.
"""

from __future__ import annotations

import errno
import os
import select
import ssl
from collections import deque
from typing import Any

from . import outcome
from .connection import CONNECTING, HANDSHAKING, IDLE, READING, SENDING, WAITING, Connection
from .diagnosis import Diagnosis, may_be_sent_again
from .lane import Lane
from .opening import Opening
from .options import Options
from .recorder import Recorder
from .redirect import STATUSES as REDIRECTS
from .redirect import redirected
from .request import Request
from .resolver import Resolver
from .response import AnswerReader, Head, MalformedAnswer
from .target import TargetError

RECEIVE = 65_536
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT
#: A kept connection that was idle for less is used without a look: the loop has just heard of all that ended.
_LOOK_AFTER_NS = 1_000_000


class Exchange:
    """Runs the requests of a worker's connections. Times in ns from the start of the probe (`base_ns`)."""

    def __init__(
        self, options: Options, recorder: Recorder, resolver: Resolver, context: ssl.SSLContext | None, base_ns: int
    ) -> None:
        self.options = options
        self.recorder = recorder
        self.base_ns = base_ns
        self.opening = Opening(options, resolver, context, base_ns, ready=self._established, failed=self.fail)
        self._diagnosis = Diagnosis(self.opening)
        self.epoll, self.by_fd, self.now = self.opening.epoll, self.opening.by_fd, self.opening.now
        #: Users whose request ended: the loop decides what they do next (never from inside a step: no recursion).
        self.free_users: deque[tuple[Any, int]] = deque()
        #: Connections on which requests of this turn of the loop wait to be written together: HTTP/2 has such.
        self.gathered: list[Any] = []
        #: Of each lane; this worker's part of `max_in_flight`.
        self.cap = options.max_in_flight
        self._timeout_ns = int(options.timeout_s * 1e9)

    def launch(self, lane: Lane, due: int, now: int, user: Any = None) -> None:
        """Begin the lane's next request."""
        index, payload = lane.choose()
        cap = self.cap
        if cap and lane.in_flight >= cap:
            self.recorder.not_sent(lane, index, due, now, f"max_in_flight {cap} reached")
            if user is not None:
                self.free_users.append((user, now))
            return
        request = Request(lane.targets[index], index, payload, due, now)
        request.heads, request.user = lane.heads[index], user
        tracker = request.tracker = lane.trackers[index]
        request.number = tracker.begin(due)
        if self.recorder.attempts is not None:
            request.turn = lane.number
        lane.in_flight += 1
        self._send(lane, request, now)

    def _send(self, lane: Lane, request: Request, now: int) -> None:
        """Put the request on a connection: one that is kept, or a new one."""
        target = request.target
        pool = lane.idle[target.origin] if lane.keep else None
        connection = (self._kept(lane, pool, now) if pool else None) or target.connection(lane, target)
        connection.request = request
        if connection.sock is None:
            self.opening.begin(connection)
        else:
            self._write(connection)

    def step(self, connection: Connection, arrived: int) -> None:
        """The socket is ready for what the connection waits for. What can be read had come at `arrived`."""
        state = connection.state
        if state in (READING, WAITING):
            self._readable(connection, arrived)
        elif state in (CONNECTING, HANDSHAKING):
            self.opening.step(connection)
        elif state == SENDING:
            if not self._readable(connection, arrived) and connection.state == SENDING:
                self._write_rest(connection)
        elif not connection.heard():
            lane = connection.lane
            lane.idle_closed += 1
            lane.idle[connection.target.origin].remove(connection)
            self.opening.drop(connection)

    def write_gathered(self) -> None:
        """Write what was gathered in this turn of the loop."""
        self.gathered.clear()  # a connection of single requests writes each at once

    def received(self, connection: Connection, data: bytes, now: int) -> bool:
        """Take a piece of the answer (b"": the peer closed); True when the request ended."""
        request = connection.request
        reader = request.reader
        if reader is None:
            request.reader = reader = self._reader(connection)
        if not data:
            if reader.closed():
                self._answered(connection, reader, now)
            else:
                where = (
                    "inside the body" if reader.head else "inside the headers" if reader.begun else "before an answer"
                )
                self.fail(connection, now, outcome.CLOSED_EARLY if reader.begun else outcome.RESET, f"closed {where}")
            return True
        request.wire_bytes += len(data)
        try:
            whole = reader.feed(data)
        except MalformedAnswer as error:
            self.fail(connection, now, error.outcome, str(error))
            return True
        if whole:
            self._answered(connection, reader, now)
            return True
        if connection.state != SENDING:
            connection.state = READING
        elif reader.head is not None and reader.head.status >= 400:
            # The server refuses what is still being sent: stop, and read why (RFC 9112 9.5).
            connection.state = READING
            self.epoll.modify(connection.fd, _IN)
        return False

    def release(self, connection: Connection, keep: bool, now: int) -> None:
        """The request ended well: keep or close its connection, and free its user."""
        lane, user = connection.lane, connection.request.user
        lane.in_flight -= 1
        if keep:
            connection.state = IDLE
            connection.idle_since = now
            connection.request.reader = None
            lane.idle[connection.target.origin].append(connection)
        else:
            self.opening.drop(connection)
        if user is not None:
            self.free_users.append((user, now))

    def fail(self, connection: Connection, now: int, name: str, error: str) -> None:
        """The request ended without a whole answer; so does its connection."""
        request = connection.request
        if request.diagnosed:
            self._diagnosis.ended(connection, answered=False)
            return
        lane, user = connection.lane, request.user
        self.recorder.failed(connection, now, name, error)
        lane.in_flight -= 1
        self.opening.drop(connection)
        if lane.keep:
            self._diagnosis.failed(connection, name, now)
        if user is not None:
            self.free_users.append((user, now))

    def unsent(self, connection: Connection, rest: bytes, error: OSError | None) -> None:
        """The fast path could not write the whole request: go on step by step."""
        connection.state = SENDING
        connection.request.unwritten = rest
        if error is None:
            self.epoll.modify(connection.fd, _IN | _OUT)
        else:
            self._unwritten(connection, error)

    def expire(self, now: int) -> None:
        """End the requests whose time limit struck."""
        limit = now - self._timeout_ns
        for connection in [c for c in self.by_fd.values() if c.state != IDLE and c.request.start < limit]:
            if connection.state == IDLE:  # it stood there once more, for another attempt to connect
                continue
            reader = connection.request.reader
            name = outcome.of_timeout(connection.connected, reader is not None and reader.head is not None)
            self.fail(connection, now, name, f"no end within {self.options.timeout_s:g} s")
        self.opening.expire(now)

    def abandon(self, now: int) -> None:
        """Stop at once (the second signal): what is in flight is booked as the client's own doing."""
        open_ones = list(dict.fromkeys(c for c in self.by_fd.values() if c.state != IDLE))
        for connection in open_ones + self.opening.take_unnamed():
            self.fail(connection, now, outcome.NOT_SENT, "stopped while in flight")

    def _kept(self, lane: Lane, pool: list[Connection], now: int) -> Connection | None:
        """The kept connection that was used last, if the server has not closed it, nor said that it will have."""
        while pool:
            connection = pool.pop()
            idle_ns = now - connection.idle_since
            if idle_ns < _LOOK_AFTER_NS or (idle_ns < connection.keep_ns and connection.still_open()):
                return connection
            lane.idle_closed += 1
            self.opening.drop(connection)
        return None

    def _established(self, connection: Connection) -> None:
        connection.connected_at = self.now()
        if connection.request.diagnosed and not may_be_sent_again(connection.request):
            self._diagnosis.ended(connection, answered=True)
        elif connection.request.payload:
            self._write(connection)
        else:
            self._listen(connection)

    def _reader(self, connection: Connection) -> AnswerReader:
        read = self.recorder.keep_body and connection.lane.counted
        return connection.reader(self.options.expectation if read else None)

    def _listen(self, connection: Connection) -> None:
        """Nothing is asked: that the connection stands is the answer, or what the server says by itself."""
        connection.requests += 1
        connection.state = READING
        request, now = connection.request, self.now()
        request.reader = reader = self._reader(connection)
        if reader.feed(b""):
            self._answered(connection, reader, now)

    def _write(self, connection: Connection) -> None:
        connection.requests += 1
        connection.request.unwritten = connection.request.payload
        connection.state = SENDING
        self._write_rest(connection)

    def _write_rest(self, connection: Connection) -> None:
        request = connection.request
        waited = request.unwritten is not request.payload
        try:
            written = connection.send(request.unwritten)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            written = 0
        except OSError as error:
            self._unwritten(connection, error)
            return
        request.unwritten = request.unwritten[written:]
        if request.unwritten:
            self.epoll.modify(connection.fd, _IN | _OUT)
            return
        if waited:
            self.epoll.modify(connection.fd, _IN)
        lane = connection.lane
        fast = (
            self.recorder.fast
            and lane.counted
            and not request.diagnosed
            and request.hops == 0
            and (connection.requests > 1 or not lane.keep)
        )
        connection.state = WAITING if fast else READING

    def _unwritten(self, connection: Connection, error: OSError) -> None:
        """The request could not be written. The server may have said why before it closed: an answer, a TLS alert."""
        while True:
            try:
                data = connection.recv(RECEIVE)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as told:
                error = error if connection.tls is None else told
                break
            if not data:
                reader = connection.request.reader
                if reader is None or not reader.begun:
                    break
            if self.received(connection, data, self.now()):
                return
        self.broken(connection, error)

    def came(self, connection: Connection, data: bytes, now: int) -> None:
        """What the fast path read, where it is not a known answer in one piece."""
        if connection.tls is None:
            self.received(connection, data, now)
        elif not data and connection.was_reset():
            self.broken(connection, ConnectionResetError(errno.ECONNRESET, ""))
        elif not self.received(connection, data, now):
            self._readable(connection, now)

    def _readable(self, connection: Connection, arrived: int) -> bool:
        """Take what had come at `arrived`; True when that ended the request."""
        while True:
            try:
                data = connection.recv(RECEIVE)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            except OSError as error:
                self.broken(connection, error)
                return True
            if not data and connection.tls is not None and connection.was_reset():
                self.broken(connection, ConnectionResetError(errno.ECONNRESET, ""))
                return True
            # Without TLS epoll says when there is more; TLS may hold decrypted bytes that epoll knows nothing of.
            if self.received(connection, data, arrived):
                return True
            if connection.tls is None:
                return False

    def _answered(self, connection: Connection, reader: AnswerReader, now: int) -> None:
        head, lane, request = reader.answer_head, connection.lane, connection.request
        if request.diagnosed:
            self._diagnosis.ended(connection, answered=True)
            return
        verdict = reader.verdict
        location = head.headers.get(b"location") if head.status in REDIRECTS else None
        if location is not None and lane.counted and self.options.follow_redirects:
            if request.hops < self.options.follow_redirects:
                self._redirect(connection, head, location, now)
                return
            verdict = outcome.WRONG_STATUS, f"status {head.status}: redirected again after {request.hops} redirects"
        self.recorder.answered(connection, reader, now, verdict)
        if connection.requests > 1:
            lane.last_kept_good = now
        keep = lane.keep and head.keep_alive and not (reader.surplus or request.hops or request.unwritten)
        if keep and connection.requests == 1:
            connection.keep_ns = head.keeps_ns
        self.release(connection, keep, now)

    def _redirect(self, connection: Connection, head: Head, location: bytes, now: int) -> None:
        """Go on with the same request of the plan at another address, on a new connection."""
        request = connection.request
        try:
            target = redirected(request.target, request.payload, head.status, location)
        except TargetError as error:
            self.fail(connection, now, outcome.MALFORMED, str(error))
            return
        request.target, request.payload, request.reader = target, target.on_new[0], None
        request.hops += 1
        self.opening.drop(connection)
        follow = Connection(connection.lane, target)
        follow.request = request
        self.opening.begin(follow)

    def broken(self, connection: Connection, error: OSError) -> None:
        """The socket of a request that was begun reported an error: classify it by the phase it was in."""
        # An SSLError's number is not one of the system's.
        text = os.strerror(error.errno) if error.errno and not isinstance(error, ssl.SSLError) else str(error)
        reader = connection.request.reader
        begun = reader is not None and reader.begun
        phase = "writing" if connection.state == SENDING else "reading"
        self.fail(connection, self.now(), outcome.of_exchange_error(error, begun), f"{phase}: {text}")
