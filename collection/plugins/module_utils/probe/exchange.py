# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The steps of one request, from its start to its one outcome: connect, shake hands, write, read, end.

This is the careful path that copes with everything; the loop's fast path only takes over whole, known answers.
"""

from __future__ import annotations

import errno
import os
import select
import ssl
import time
from collections import deque
from typing import Any

from . import outcome
from .connection import CONNECTING, HANDSHAKING, IDLE, NEVER, READING, SENDING, WAITING, Address, Connection
from .lane import Lane
from .options import Options
from .recorder import Recorder
from .redirect import STATUSES as REDIRECTS
from .redirect import redirected
from .resolver import Name, Resolver
from .response import AnswerReader, Head, MalformedAnswer
from .target import TargetError

RECEIVE = 65_536
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT
#: A kept connection that fails like this is diagnosed with a new one.
_CONNECTION_FAULTS = frozenset(
    (
        outcome.RESET,
        outcome.RESET_IN_ANSWER,
        outcome.CLOSED_EARLY,
        outcome.TIMEOUT_HEADERS,
        outcome.TIMEOUT_BODY,
        outcome.UNREACHABLE,
    )
)
_CONNECT_FAULTS = frozenset(
    (outcome.REFUSED, outcome.UNREACHABLE, outcome.TIMEOUT_CONNECTING, outcome.TLS, outcome.DNS)
)
#: After these the name's next address is tried (RFC 1123 2.3, RFC 8305); the others are this client's own.
_OF_ONE_ADDRESS = frozenset((outcome.REFUSED, outcome.UNREACHABLE, outcome.TIMEOUT_CONNECTING, outcome.RESET))
#: A kept connection that was idle for less is used without a look: the loop has just heard of all that ended.
_LOOK_AFTER_NS = 1_000_000
_REPEATABLE = ("GET", "HEAD", "OPTIONS")


class Exchange:
    """Runs the requests of a worker's connections. Times in ns from the start of the probe (`base_ns`)."""

    def __init__(
        self, options: Options, recorder: Recorder, resolver: Resolver, context: ssl.SSLContext | None, base_ns: int
    ) -> None:
        self.options = options
        self.recorder = recorder
        self.resolver = resolver
        self.context = context
        self.base_ns = base_ns
        self.epoll = select.epoll()
        self.by_fd: dict[int, Connection] = {}
        #: Users whose request ended: the loop decides what they do next (never from inside a step: no recursion).
        self.free_users: deque[tuple[Any, int]] = deque()
        #: Of each lane; this worker's part of `max_in_flight`.
        self.cap = options.max_in_flight
        self._timeout_ns = int(options.timeout_s * 1e9)
        #: How often each name was connected to, where its addresses are taken in turn.
        self._turns: dict[Name, int] | None = {} if options.address_order == "in_turn" else None
        #: Requests that wait for a name, and the descriptor that tells when one is known (-1: none).
        self._unnamed: dict[Name, list[Connection]] = {}
        self.name_fd = -1

    def now(self) -> int:
        """ns since the start of the probe."""
        return time.monotonic_ns() - self.base_ns

    def launch(self, lane: Lane, due: int, now: int, user: Any = None) -> None:
        """Begin the lane's next request."""
        index, request = lane.choose()
        cap = self.cap
        if cap and lane.in_flight >= cap:
            self.recorder.not_sent(lane, index, due, now, f"max_in_flight {cap} reached")
            if user is not None:
                self.free_users.append((user, now))
            return
        target = lane.targets[index]
        pool = lane.idle[target.origin] if lane.keep else None
        connection = (self._kept(lane, pool, now) if pool else None) or Connection(lane, target, index)
        connection.target, connection.target_index = target, index
        connection.heads = lane.heads[index]
        connection.request = request
        connection.due, connection.start, connection.user = due, now, user
        tracker = connection.tracker = lane.trackers[index]
        connection.number = tracker.begin(due)
        if self.recorder.attempts is not None:
            connection.turn = lane.number
        connection.wire_bytes = 0
        connection.hops = 0
        lane.in_flight += 1
        if connection.sock is None:
            self._connect(connection)
        else:
            self._write(connection)

    def step(self, connection: Connection) -> None:
        """The socket is ready for what the connection waits for."""
        state = connection.state
        if state in (READING, WAITING):
            self._readable(connection)
        elif state == CONNECTING:
            code = connection.connect_error()
            if code:
                self._unconnected(connection, OSError(code, ""))
            else:
                self.epoll.modify(connection.fd, _IN)
                self._connected(connection)
        elif state == HANDSHAKING:
            self._handshake(connection)
        elif state == SENDING:
            if not self._readable(connection) and connection.state == SENDING:
                self._write_rest(connection)
        else:  # between requests: the server closed it, or said something unasked
            lane = connection.lane
            lane.idle_closed += 1
            lane.idle[connection.target.origin].remove(connection)
            self._drop(connection)

    def received(self, connection: Connection, data: bytes, now: int) -> bool:
        """Take a piece of the answer (b"": the peer closed); True when the request ended."""
        reader = connection.reader
        if reader is None:
            connection.reader = reader = AnswerReader(
                connection.target.method, self.recorder.keep_body and connection.lane.counted
            )
        if not data:
            if reader.closed():
                self._answered(connection, reader, now)
            else:
                where = (
                    "inside the body" if reader.head else "inside the headers" if reader.begun else "before an answer"
                )
                self.fail(connection, now, outcome.CLOSED_EARLY if reader.begun else outcome.RESET, f"closed {where}")
            return True
        connection.wire_bytes += len(data)
        try:
            whole = reader.feed(data)
        except MalformedAnswer as error:
            self.fail(connection, now, outcome.MALFORMED, str(error))
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
        lane, user = connection.lane, connection.user
        lane.in_flight -= 1
        connection.user = None
        if keep:
            connection.state = IDLE
            connection.start = NEVER
            connection.idle_since = now
            connection.reader = None
            lane.idle[connection.target.origin].append(connection)
        else:
            self._drop(connection)
        if user is not None:
            self.free_users.append((user, now))

    def fail(self, connection: Connection, now: int, name: str, error: str) -> None:
        """The request ended without a whole answer; so does its connection."""
        if connection.diagnosed:
            self._diagnosis(connection, answered=False)
            return
        lane, user, start = connection.lane, connection.user, connection.start
        self.recorder.failed(connection, now, name, error, connection.wire_bytes)
        kept = connection.requests > 1
        lane.in_flight -= 1
        self._drop(connection)
        if lane.keep and kept and name in _CONNECTION_FAULTS:
            self._diagnose(connection, name, now)
        elif lane.keep and not kept and name in _CONNECT_FAULTS:
            lane.diagnoses["new_fails" if lane.last_kept_good >= start else "outage"] += 1
        if user is not None:
            self.free_users.append((user, now))

    def unsent(self, connection: Connection, rest: bytes, error: OSError | None) -> None:
        """The fast path could not write the whole request: go on step by step."""
        connection.state = SENDING
        connection.out = rest
        if error is None:
            self.epoll.modify(connection.fd, _IN | _OUT)
        else:
            self._unwritten(connection, error)

    def expire(self, now: int) -> None:
        """End the requests whose time limit struck."""
        limit = now - self._timeout_ns
        for connection in [c for c in self.by_fd.values() if c.start < limit]:
            reader = connection.reader
            name = outcome.of_timeout(connection.connected, reader is not None and reader.head is not None)
            self.fail(connection, now, name, f"no end within {self.options.timeout_s:g} s")
        for connection in [c for c in self.by_fd.values() if c.attempt_ends < now]:
            self._unconnected(connection, OSError(errno.ETIMEDOUT, ""))
        for place, waiting in list(self._unnamed.items()):
            for connection in [c for c in waiting if c.start < limit]:
                waiting.remove(connection)
                self.fail(
                    connection, now, outcome.DNS, f"lookup of {place[0]}: no end within {self.options.timeout_s:g} s"
                )

    def abandon(self, now: int) -> None:
        """Stop at once (the second signal): what is in flight is booked as the client's own doing."""
        for connection in [c for c in self.by_fd.values() if c.state != IDLE]:
            self.fail(connection, now, outcome.NOT_SENT, "stopped while in flight")
        for waiting in self._unnamed.values():
            for connection in waiting:
                self.fail(connection, now, outcome.NOT_SENT, "stopped while in flight")
            waiting.clear()

    def names_known(self) -> None:
        """A lookup ended: go on with the requests that waited for it."""
        self.resolver.heard()
        for name in [name for name in self._unnamed if self.resolver.find(name) is not None]:
            for connection in self._unnamed.pop(name):
                self._connect(connection)

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self.by_fd.values()):
            self._drop(connection)
        self.epoll.close()

    def _kept(self, lane: Lane, pool: list[Connection], now: int) -> Connection | None:
        """The kept connection that was used last, if the server has not closed it, nor said that it will have."""
        while pool:
            connection = pool.pop()
            idle_ns = now - connection.idle_since
            if idle_ns < _LOOK_AFTER_NS or (idle_ns < connection.keep_ns and connection.still_open()):
                return connection
            lane.idle_closed += 1
            self._drop(connection)
        return None

    def _connect(self, connection: Connection) -> None:
        name = connection.target.address
        found = self.resolver.find(name)
        if found is None:
            fd = self.resolver.look_up(name)
            if self.name_fd < 0:
                self.name_fd = fd
                self.epoll.register(fd, _IN)
            self._unnamed.setdefault(name, []).append(connection)
        elif isinstance(found, str):
            self.fail(connection, self.now(), outcome.DNS, found)
        else:
            connection.addresses = found if self._turns is None else self._next_first(name, found, self._turns)
            self._attempt(connection)

    def _next_first(self, name: Name, found: tuple[Address, ...], turns: dict[Name, int]) -> tuple[Address, ...]:
        """The addresses from the one on whose turn it is; the others remain for the case that it is gone."""
        turns[name] = turns.get(name, -1) + 1
        first = turns[name] % len(found)
        return found[first:] + found[:first]

    def _attempt(self, connection: Connection) -> None:
        """Connect to the next of the target's addresses; each gets an equal part of the time that is left."""
        address, *rest = connection.addresses
        connection.addresses = tuple(rest)
        connection.attempt_ends = NEVER
        if rest:
            now = self.now()
            connection.attempt_ends = now + (connection.start + self._timeout_ns - now) // (len(rest) + 1)
        try:
            ready = connection.open(address, self.context if connection.target.tls else None)
        except OSError as error:
            self._unconnected(connection, error)
            return
        self.by_fd[connection.fd] = connection
        self.epoll.register(connection.fd, _IN if ready else _OUT)
        if ready:
            self._connected(connection)

    def _unconnected(self, connection: Connection, error: OSError) -> None:
        """This address cannot be reached: try the next one, within the same time limit."""
        if not connection.addresses or outcome.of_connect_error(error) not in _OF_ONE_ADDRESS:
            self.broken(connection, error)
            return
        start = connection.start
        self._drop(connection)
        connection.start = start
        self._attempt(connection)

    def _connected(self, connection: Connection) -> None:
        connection.attempt_ends = NEVER
        if connection.tls is None:
            self._established(connection)
            return
        try:
            connection.begin_tls()
        except (OSError, ValueError) as error:
            self.fail(connection, self.now(), outcome.TLS, f"TLS: {error}")
            return
        self._handshake(connection)

    def _handshake(self, connection: Connection) -> None:
        try:
            connection.sock.do_handshake()
        except ssl.SSLWantReadError:
            self.epoll.modify(connection.fd, _IN)
        except ssl.SSLWantWriteError:
            self.epoll.modify(connection.fd, _OUT)
        except (OSError, ValueError) as error:  # whatever ends a handshake: alert, reset, close, plain text
            self.fail(connection, self.now(), outcome.TLS, f"TLS: {error}")
        else:
            self.epoll.modify(connection.fd, _IN)
            self._established(connection)

    def _established(self, connection: Connection) -> None:
        connection.connected_at = self.now()
        if connection.diagnosed and connection.target.method not in _REPEATABLE:
            self._diagnosis(connection, answered=True)  # sending it twice could do harm
        else:
            self._write(connection)

    def _write(self, connection: Connection) -> None:
        connection.requests += 1
        connection.reader = None
        connection.out = connection.request
        connection.state = SENDING
        self._write_rest(connection)

    def _write_rest(self, connection: Connection) -> None:
        waited = connection.out is not connection.request
        try:
            written = connection.send(connection.out)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            written = 0
        except OSError as error:
            self._unwritten(connection, error)
            return
        connection.out = connection.out[written:]
        if connection.out:
            self.epoll.modify(connection.fd, _IN | _OUT)
            return
        if waited:
            self.epoll.modify(connection.fd, _IN)
        lane = connection.lane
        fast = (
            self.recorder.fast
            and lane.counted
            and connection.tls is None
            and not connection.diagnosed
            and connection.hops == 0
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
                reader = connection.reader
                if reader is None or not reader.begun:
                    break
            if self.received(connection, data, self.now()):
                return
        self.broken(connection, error)

    def _readable(self, connection: Connection) -> bool:
        """Take what came; True when that ended the request."""
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
            if self.received(connection, data, self.now()):
                return True
            if connection.tls is None:
                return False

    def _answered(self, connection: Connection, reader: AnswerReader, now: int) -> None:
        head, lane = reader.answer_head, connection.lane
        if connection.diagnosed:
            self._diagnosis(connection, answered=True)
            return
        verdict = None
        location = head.headers.get(b"location") if head.status in REDIRECTS else None
        if location is not None and lane.counted and self.options.follow_redirects:
            if connection.hops < self.options.follow_redirects:
                self._redirect(connection, head, location, now)
                return
            verdict = outcome.WRONG_STATUS, f"status {head.status}: redirected again after {connection.hops} redirects"
        self.recorder.answered(connection, reader, now, connection.wire_bytes, verdict)
        if connection.requests > 1:
            lane.last_kept_good = now
        keep = lane.keep and head.keep_alive and not (reader.surplus or connection.hops or connection.out)
        if keep and connection.requests == 1:
            connection.keep_ns = head.keeps_ns
        self.release(connection, keep, now)

    def _redirect(self, connection: Connection, head: Head, location: bytes, now: int) -> None:
        """Go on with the same request of the plan at another address, on a new connection."""
        try:
            target = redirected(connection.target, connection.request, head.status, location)
        except TargetError as error:
            self.fail(connection, now, outcome.MALFORMED, str(error))
            return
        follow = Connection(connection.lane, target, connection.target_index)
        for name in ("due", "start", "user", "tracker", "number", "turn", "wire_bytes"):
            setattr(follow, name, getattr(connection, name))
        follow.hops = connection.hops + 1
        follow.request = target.on_new[0]
        self._drop(connection)
        self._connect(follow)

    def broken(self, connection: Connection, error: OSError) -> None:
        """The socket reported an error: classify it by the phase the request was in."""
        # An SSLError's number is not one of the system's.
        text = os.strerror(error.errno) if error.errno and not isinstance(error, ssl.SSLError) else str(error)
        if connection.connected:
            begun = connection.reader is not None and connection.reader.begun
            phase = "writing" if connection.state == SENDING else "reading"
            self.fail(connection, self.now(), outcome.of_exchange_error(error, begun), f"{phase}: {text}")
        else:
            self.fail(
                connection, self.now(), outcome.of_connect_error(error), f"connecting to {connection.place()}: {text}"
            )

    def _drop(self, connection: Connection) -> None:
        self.by_fd.pop(connection.fd, None)
        connection.close()

    def _diagnose(self, failed: Connection, name: str, now: int) -> None:
        """A kept connection failed: does a new one work? Failures meanwhile share the answer."""
        lane = failed.lane
        lane.undiagnosed.append(name)
        if lane.diagnosing is not None:
            return
        fresh = Connection(lane, failed.target, failed.target_index)
        fresh.diagnosed = name
        fresh.request = failed.request
        fresh.due = fresh.start = now
        lane.diagnosing = fresh
        self._connect(fresh)

    def _diagnosis(self, connection: Connection, answered: bool) -> None:
        lane = connection.lane
        for name in lane.undiagnosed:
            stalled = name in (outcome.TIMEOUT_HEADERS, outcome.TIMEOUT_BODY)
            lane.diagnoses["outage" if not answered else "stalled" if stalled else "reset"] += 1
        lane.undiagnosed.clear()
        lane.diagnosing = None
        self._drop(connection)
