# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The exchange of a plan that speaks HTTP/2: finds each request a connection with room, and books what became of it.

A lane of new connections has one for each request. One that keeps them puts as many requests on a connection as the
server takes, and opens another when it is full, leaves, or says nothing. The control target is asked by HTTP/1.1.
"""

from __future__ import annotations

import errno
import os
import select
import ssl
from contextlib import suppress
from typing import Any, Callable

from .. import grpc, outcome
from ..connection import READS, Connection
from ..diagnosis import may_be_sent_again
from ..exchange import RECEIVE, Exchange
from ..lane import Lane
from ..options import Options
from ..recorder import Recorder
from ..request import Request
from ..resolver import Resolver
from ..target import GRPC, HEALTH, Origin, Target
from . import frames
from .frames import ProtocolError
from .hpack import Memory
from .link import Link
from .stream import Stream

_IN, _OUT = select.EPOLLIN, select.EPOLLOUT
_NO_H2 = "the server does not offer h2"
#: Of the requests of a turn, the first waits for so many others at most before they are written.
_TOGETHER = 16
#: A connection that carried nothing for less is used without a look, as the exchange of single requests does.
_LOOK_AFTER_NS = 1_000_000

Why = Callable[[Stream], tuple[str, str]]


class Multiplexed(Exchange):
    """A link that stands has no request of its own: its state is IDLE, its streams have theirs.

    Times in ns from the start of the probe.
    """

    def __init__(
        self, options: Options, recorder: Recorder, resolver: Resolver, context: ssl.SSLContext | None, base_ns: int
    ) -> None:
        super().__init__(options, recorder, resolver, context, base_ns)
        self._diagnosis.connect = self._link
        self._closed = options.model == "closed"
        self._stall_ns = int(options.stall_after_s * 1e9)
        #: How many requests at once a connection to this origin was last said to take.
        self._limits: dict[Origin, int] = {}
        self._memory: Memory = {}

    def _send(self, lane: Lane, request: Request, now: int) -> None:
        """Put the request on a connection, beside others or alone."""
        if not lane.counted:
            super()._send(lane, request, now)
            return
        request.unwritten = request.payload
        self._place(Stream(lane, request, self.recorder.keep_body or request.target.protocol in GRPC), now)

    def step(self, connection: Connection, arrived: int) -> None:
        """The socket is ready for what the connection waits for."""
        if not isinstance(connection, Link):
            super().step(connection, arrived)
        elif not connection.connected_at:
            self.opening.step(connection)
        else:
            self._readable_link(connection)
            self._gather(connection)

    def write_gathered(self) -> None:
        """Write what was gathered in this turn of the loop, one `send` for each connection."""
        gathered = self.gathered
        while gathered:
            link = gathered.pop()
            link.gathered = False
            if link.sock is not None:
                self._flush(link)

    def fail(self, connection: Connection, now: int, name: str, error: str) -> None:
        """The connection could not be opened, or the request of one without streams ended without a whole answer."""
        if not isinstance(connection, Link):
            super().fail(connection, now, name, error)
            return
        if "no application protocol" in error:  # OpenSSL's name of the alert
            error = f"TLS: {_NO_H2} ({error.removeprefix('TLS: ')})"
        if connection.request.diagnosed:
            self._diagnosis.ended(connection, answered=False)
        else:
            self._gone(connection, now, lambda _stream: (name, error))

    def expire(self, now: int) -> None:
        """End the requests whose time limit struck."""
        limit = now - self._timeout_ns
        for link in self._all_links():
            if link.connected_at and link.sock is None:
                continue  # closed since
            if link.request.diagnosed:
                if link.request.start < limit:
                    self.fail(link, now, outcome.TIMEOUT_HEADERS, "")
            elif link.doubted and not (link.streams or link.waiting) and link.heard_at < limit - self._timeout_ns:
                self._drop(link)
            else:
                self._expire_on(link, limit, now)
        super().expire(now)

    def abandon(self, now: int) -> None:
        """Stop at once (the second signal): what is in flight is booked as the client's own doing."""
        for link in self._all_links():
            self.fail(link, now, outcome.NOT_SENT, "stopped while in flight")
        super().abandon(now)

    def _expire_on(self, link: Link, limit: int, now: int) -> None:
        """End the link's requests that were begun before `limit`."""
        late = [one for one in link.streams.values() if one.request.start < limit]
        unsent = [one for one in link.waiting if one.request.start < limit]
        if not late and not unsent:
            return
        for stream in late:
            link.cancel(stream)
        link.waiting = [one for one in link.waiting if one not in unsent]
        for stream in late + unsent:
            name = outcome.of_timeout(link.connected_at > 0, stream.head is not None)
            self._failed(stream, now, name, f"no end within {self.options.timeout_s:g} s", link)
        if link.connected_at:
            if not self._is_done(link, now):
                if link.heard_at < limit and not link.doubted:
                    link.doubt()
                self._flush(link)
        elif link.waiting:
            link.request = link.waiting[0].request  # its time is the one of the attempt
        else:
            self._drop(link)

    def _all_links(self) -> list[Link]:
        return [one for one in dict.fromkeys(self.by_fd.values()) if isinstance(one, Link)]

    def _place(self, stream: Stream, now: int) -> None:
        """Put the request on a connection: one that is there, or a new one."""
        lane, request = stream.lane, stream.request
        origin = request.target.origin
        link = self._with_room(lane, origin, now) if lane.keep else None
        if link is None:
            link = self._link(lane, request.target)
            link.request = request
            link.waiting.append(stream)
            if lane.keep:
                lane.idle[origin].append(link)
            self.opening.begin(link)
        elif link.settled:
            link.put(stream)
            link.fresh.append(stream)
            if len(link.fresh) < _TOGETHER:
                self._gather(link)
            else:
                self._flush(link)
        else:
            link.waiting.append(stream)

    def _gather(self, link: Link) -> None:
        """Have what is to be written on it written at the end of this turn of the loop."""
        if not link.gathered and (link.out or link.unsent):
            link.gathered = True
            self.gathered.append(link)

    def _link(self, lane: Lane, target: Target) -> Link:
        limit = self._limits.get(target.origin)
        return Link(lane, target, self._memory, self.now(), None if limit is None else max(limit, 1))

    def _with_room(self, lane: Lane, origin: Origin, now: int) -> Link | None:
        pool: Any = lane.idle[origin]
        for link in list(pool):
            if link.room(now) <= 0:
                continue
            if not link.settled or link.streams or now - link.idle_since < _LOOK_AFTER_NS or link.still_open():
                return link  # type: ignore[no-any-return]
            lane.idle_closed += 1
            self._drop(link)
        return None

    def _established(self, connection: Connection) -> None:
        if not isinstance(connection, Link):
            super()._established(connection)
            return
        link, now = connection, self.now()
        if link.tls is not None and link.sock.selected_alpn_protocol() != "h2":
            chosen = link.sock.selected_alpn_protocol() or "nothing"
            self.fail(link, now, outcome.TLS, f"TLS: {_NO_H2} (it chose {chosen})")
            return
        link.begin(now)
        if link.request.diagnosed:
            if not may_be_sent_again(link.request):
                self._diagnosis.ended(link, answered=True)
                return
            link.put(Stream(link.lane, link.request, keeps_body=False))
        elif link.waiting:
            link.put(link.waiting.pop(0))
        self._flush(link)

    def _flush(self, link: Link) -> None:
        """Write what is to be written, now or when the socket takes it."""
        if link.fresh:
            link.stamp(self.now(), self._closed)
        try:
            whole = link.flush()
        except OSError as error:
            # The server may have said why before it closed.
            self._readable_link(link)
            if link.sock is not None:
                self._broken(link, error, "writing")
            return
        wanted = _IN if whole else _IN | _OUT
        if wanted != link.watched:
            link.watched = wanted
            self.epoll.modify(link.fd, wanted)

    def _readable_link(self, link: Link) -> None:
        """Take what came, then what became of the connection."""
        data, end = self._read(link)
        now = self.now()
        if data:
            try:
                link.feed(data, now)
            except ProtocolError as error:
                self._protocol_broken(link, error, now)
                return
            self._after_reading(link, now)
        if end is None or link.sock is None:
            return
        if isinstance(end, OSError):
            self._broken(link, end, "reading")
        else:
            self._closed_by_peer(link, now)

    @staticmethod
    def _read(link: Link) -> tuple[bytes, OSError | bool | None]:
        """What came, and what is behind it: None: nothing yet, True: the peer closed, or the error.

        TLS tells of one record at a time, and a server may put each answer into one of its own: all are read, so that
        what follows from them goes out together.
        """
        pieces: list[bytes] = []
        try:
            for _unused in range(READS if link.tls is not None else 1):
                data = link.recv(RECEIVE)
                if not data:
                    reset = link.tls is not None and link.was_reset()
                    return b"".join(pieces), ConnectionResetError(errno.ECONNRESET, "") if reset else True
                pieces.append(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError as error:
            return b"".join(pieces), error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), None

    def _after_reading(self, link: Link, now: int) -> None:
        """Book what ended, send what waited for the server's first words, and part from it when it leaves."""
        self._book_ended(link, now)
        if link.sock is None:
            return
        waited = bool(link.waiting) and (link.settled or link.leaving)
        if waited:
            self._send_waiting(link, now)
        if link.settled:
            self._limits[link.target.origin] = link.limit
        if self._is_done(link, now):
            return
        if waited:
            self._flush(link)  # they waited long enough
        else:
            self._gather(link)

    def _send_waiting(self, link: Link, now: int) -> None:
        """What was held until the server's first words; what finds no room goes to another connection."""
        waiting, link.waiting = link.waiting, []
        room = 0 if link.leaving else max(0, link.limit - len(link.streams))
        for stream in waiting[:room]:
            link.put(stream)
        rest = waiting[room:]
        if link.limit > 0 or link.leaving:
            for stream in rest:
                self._place(stream, now)
        else:  # no requests at all: until it changes its mind
            link.waiting = rest

    def _book_ended(self, link: Link, now: int) -> None:
        ended, link.ended = link.ended, []
        for stream, name, error in ended:
            if name:
                self._failed(stream, now, name, error, link)
            else:
                self._answered_stream(stream, link, now)

    def _answered_stream(self, stream: Stream, link: Link, now: int) -> None:
        request, lane, recorder = stream.request, stream.lane, self.recorder
        if request.diagnosed:
            self._diagnosis.ended(link, answered=True)
            return
        known: Any = request.heads.get(stream.alike(request.wire_bytes, lane.keep)) if recorder.fast else None
        if (
            known is not None
            and now - request.due < self._stall_ns
            and request.due >= recorder.bucket_start
            and request.start >= recorder.pause_end
        ):
            known.latencies.append(now - request.due)
            request.tracker.ring[request.number & request.tracker.mask] = 1
            if not lane.single:
                known.request_bytes += len(request.payload)
            if stream.requests == 1:
                known.connect_times.append(stream.connected_at - request.start)
                if stream.tls is not None:
                    known.handshake_times.append(stream.connected_at - stream.tcp_at)
            if not self._closed:
                known.service_times.append(now - request.start)
        else:
            recorder.answered(stream, stream, now, self._verdict(stream))
        if stream.requests > 1:
            lane.last_kept_good = now
        self._released(request, lane, now)

    def _verdict(self, stream: Stream) -> tuple[str, str] | None:
        """What gRPC finds wrong with the answer, if it does."""
        protocol, head = stream.request.target.protocol, stream.answer_head
        if protocol not in GRPC:
            return None
        body = bytes(stream.body)
        found = grpc.verdict(head.status, head.headers, stream.trailers, body, stream.body_bytes)
        if found is None and protocol == HEALTH:
            found = grpc.health_verdict(body)
        return found

    def _failed(self, stream: Stream, now: int, name: str, error: str, link: Link) -> None:
        """The request ended without a whole answer; its connection may live on."""
        request, lane = stream.request, stream.lane
        if request.diagnosed:
            self._diagnosis.ended(link, answered=False)
            return
        self.recorder.failed(stream, now, name, error)
        self._released(request, lane, now)
        if lane.keep:
            self._diagnosis.failed(stream, name, now)

    def _released(self, request: Request, lane: Lane, now: int) -> None:
        lane.in_flight -= 1
        if request.user is not None:
            self.free_users.append((request.user, now))

    def _is_done(self, link: Link, now: int) -> bool:
        """Whether the connection was given up: nothing is on it, and nothing more will be."""
        if link.streams or link.waiting:
            return False
        if link.lane.keep and not link.leaving:
            link.idle_since = now
            return False
        link.lane.idle_closed += link.lane.keep and link.left_idle
        self._drop(link)
        return True

    def _closed_by_peer(self, link: Link, now: int) -> None:
        if not link.streams and not link.waiting:
            link.lane.idle_closed += 1
            self._drop(link)
            return
        behind = f", after {link.why_leaving}" if link.why_leaving else ""

        def why(stream: Stream) -> tuple[str, str]:
            if stream.head is not None:
                return outcome.CLOSED_EARLY, f"closed inside the body{behind}"
            return outcome.RESET, f"closed before an answer{behind}"

        self._gone(link, now, why)

    def _broken(self, link: Link, error: OSError, phase: str) -> None:
        # An SSLError's number is not one of the system's.
        text = os.strerror(error.errno) if error.errno and not isinstance(error, ssl.SSLError) else str(error)
        behind = f", after {link.why_leaving}" if link.why_leaving else ""
        if not link.streams and not link.waiting and not link.request.diagnosed:
            link.lane.idle_closed += 1
        self._gone(
            link, self.now(),
            lambda stream: (outcome.of_exchange_error(error, stream.head is not None), f"{phase}: {text}{behind}"),
        )  # fmt: skip

    def _protocol_broken(self, link: Link, error: ProtocolError, now: int) -> None:
        """Tell the server, and end all that is on the connection; what ended before stands."""
        self._book_ended(link, now)
        if link.sock is None:
            return
        link.out += frames.frame(frames.GOAWAY, 0, 0, frames.number(0) + frames.number(error.code))
        with suppress(OSError):  # it may be gone already
            link.flush()
        self._gone(link, now, lambda _stream: (outcome.MALFORMED, str(error)))

    def _gone(self, link: Link, now: int, why: Why) -> None:
        """The connection is no more, and so are all requests on it, each with its own outcome."""
        ended = [*link.streams.values(), *link.waiting]
        link.streams.clear()
        link.waiting.clear()
        self._drop(link)
        for stream in ended:
            self._failed(stream, now, *why(stream), link)

    def _drop(self, link: Link) -> None:
        pool = link.lane.idle[link.target.origin]
        if link in pool:
            pool.remove(link)
        self.opening.drop(link)
