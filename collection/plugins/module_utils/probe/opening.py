# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""From a name to a connection that can carry a request: look up, try address after address, shake hands."""

from __future__ import annotations

import os
import select
import ssl
import time
from typing import Callable

from . import outcome
from .connection import CONNECTING, NEVER, Address, Attempt, Connection, came_of
from .handshakes import Handshakes
from .options import Options
from .resolver import Name, Resolver

#: After these the name's next address is tried (RFC 1123 2.3, RFC 8305); the others are this client's own.
_OF_ONE_ADDRESS = frozenset((outcome.REFUSED, outcome.UNREACHABLE, outcome.TIMEOUT_CONNECTING, outcome.RESET))
#: An address that has said nothing for so long gets a rival (RFC 8305 8, Connection Attempt Delay).
_RIVAL_AFTER_NS = 250_000_000


class Opening:
    """Opens connections for an exchange, all within the time limit of the request that each is for.

    `ready` is called with a connection that is set up; `failed` with one that cannot be, the time, outcome and why.
    Times in ns from the start of the probe (`base_ns`).
    """

    def __init__(
        self,
        options: Options,
        resolver: Resolver,
        context: ssl.SSLContext | None,
        base_ns: int,
        *,
        ready: Callable[[Connection], None],
        failed: Callable[[Connection, int, str, str], None],
    ) -> None:
        self.epoll = select.epoll()
        self.by_fd: dict[int, Connection] = {}
        #: The descriptor that tells when a name is known (-1: none was asked for).
        self.name_fd = -1
        self.handshakes = Handshakes()
        self._resolver, self._context, self._base_ns = resolver, context, base_ns
        self._ready, self._failed = ready, failed
        self._timeout_s = options.timeout_s
        self._timeout_ns = int(options.timeout_s * 1e9)
        #: How often each name was connected to, where its addresses are taken in turn.
        self._turns: dict[Name, int] | None = {} if options.address_order == "in_turn" else None
        self._unnamed: dict[Name, list[Connection]] = {}  # those that wait for a name

    def now(self) -> int:
        """ns since the start of the probe."""
        return time.monotonic_ns() - self._base_ns

    def begin(self, connection: Connection) -> None:
        """Open a connection to its target."""
        name = connection.target.address
        found = self._resolver.find(name)
        if found is None:
            fd = self._resolver.look_up(name)
            if self.name_fd < 0:
                self.name_fd = fd
                self.epoll.register(fd, select.EPOLLIN)
            self._unnamed.setdefault(name, []).append(connection)
        elif isinstance(found, str):
            self._failed(connection, self.now(), outcome.DNS, found)
        else:
            connection.addresses = found if self._turns is None else self._next_first(name, found, self._turns)
            self._attempt(connection)

    def step(self, connection: Connection) -> None:
        """The socket is ready for what the connection, which is not set up yet, waits for."""
        if connection.state != CONNECTING:
            self._handshake(connection)
            return
        if connection.rivals:
            self._settle(connection)
            return
        code = connection.connect_error()
        if code:
            self._unconnected(connection, OSError(code, ""))
        else:
            self.epoll.modify(connection.fd, select.EPOLLIN)
            self._connected(connection)

    def names_known(self) -> None:
        """A lookup ended: go on with the requests that waited for it."""
        self._resolver.heard()
        for name in [name for name in self._unnamed if self._resolver.find(name) is not None]:
            for connection in self._unnamed.pop(name):
                self.begin(connection)

    def expire(self, now: int) -> None:
        """Give the attempts that take long a rival, and end the lookups whose time is up."""
        for connection in [c for c in self.by_fd.values() if c.attempt_ends < now]:
            if connection.attempt_ends < now:  # one with rivals stands there once for each
                self._next_beside(connection)
        limit = now - self._timeout_ns
        for place, waiting in list(self._unnamed.items()):
            for connection in [c for c in waiting if c.request.start < limit]:
                waiting.remove(connection)
                why = f"lookup of {place[0]}: no end within {self._timeout_s:g} s"
                self._failed(connection, now, outcome.DNS, why)

    def take_unnamed(self) -> list[Connection]:
        """Those that wait for a name, and do so no longer."""
        waiting = [connection for connections in self._unnamed.values() for connection in connections]
        self._unnamed.clear()
        return waiting

    def drop(self, connection: Connection) -> None:
        """Close a connection in whatever state. What is closed already takes nothing from who has its number by now."""
        if self.by_fd.get(connection.fd) is connection:
            del self.by_fd[connection.fd]
        connection.close()
        if connection.rivals:
            self._drop_rivals(connection)

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self.by_fd.values()):
            self.drop(connection)
        self.epoll.close()

    def _next_first(self, name: Name, found: tuple[Address, ...], turns: dict[Name, int]) -> tuple[Address, ...]:
        """The addresses from the one on whose turn it is; the others remain for the case that it is gone."""
        turns[name] = turns.get(name, -1) + 1
        first = turns[name] % len(found)
        return found[first:] + found[:first]

    def _attempt(self, connection: Connection) -> None:
        """Connect to the next of the target's addresses."""
        address, *rest = connection.addresses
        connection.addresses = tuple(rest)
        connection.attempt_ends = NEVER
        if rest:
            now = self.now()
            part = (connection.request.start + self._timeout_ns - now) // (len(rest) + 1)
            connection.attempt_ends = now + min(part, _RIVAL_AFTER_NS)
        try:
            at_once = connection.open(address, self._context if connection.target.tls else None)
        except OSError as error:
            self._unconnected(connection, error)
            return
        self.by_fd[connection.fd] = connection
        self.epoll.register(connection.fd, select.EPOLLIN if at_once else select.EPOLLOUT)
        if at_once:
            self._connected(connection)

    def _next_beside(self, connection: Connection) -> None:
        """Try the next address, while those before it may still answer."""
        connection.park()
        self._attempt(connection)

    def _settle(self, connection: Connection) -> None:
        """One of several attempts has come to something: the first that stands is taken."""
        own: Attempt = (connection.sock, connection.where)
        for attempt in (*connection.rivals, own):
            code = came_of(attempt)
            if code == 0:
                if attempt is not own:
                    self._close_attempt(own)
                    connection.take(attempt)
                self.epoll.modify(connection.fd, select.EPOLLIN)
                self._connected(connection)
                return
            if code is not None and attempt is own:
                self._unconnected(connection, OSError(code, ""))
            elif code is not None:
                self._close_attempt(attempt)
                connection.rivals = tuple(rival for rival in connection.rivals if rival is not attempt)
                if connection.addresses:
                    self._next_beside(connection)
                    return

    def _unconnected(self, connection: Connection, error: OSError) -> None:
        """This address cannot be reached: try the next one, within the same time limit, or wait for those before it."""
        kind = outcome.of_connect_error(error)
        if kind in _OF_ONE_ADDRESS and (connection.addresses or connection.rivals):
            self._close_attempt((connection.sock, connection.where))
            if connection.addresses:
                self._attempt(connection)
            else:
                connection.take(connection.rivals[0])
            return
        why = os.strerror(error.errno) if error.errno else str(error)
        self._failed(connection, self.now(), kind, f"connecting to {connection.place()}: {why}")

    def _close_attempt(self, attempt: Attempt) -> None:
        sock = attempt[0]
        if sock is not None:  # there was none for this family
            self.by_fd.pop(sock.fileno(), None)
            sock.close()

    def _drop_rivals(self, connection: Connection) -> None:
        for attempt in connection.rivals:
            self._close_attempt(attempt)
        connection.rivals = ()

    def _connected(self, connection: Connection) -> None:
        connection.attempt_ends = NEVER
        if connection.rivals:
            self._drop_rivals(connection)
        if connection.tls is None:
            self._ready(connection)
            return
        connection.tcp_at = self.now()
        try:
            connection.begin_tls()
        except (OSError, ValueError) as error:
            self._failed(connection, self.now(), outcome.TLS, f"TLS: {error}")
            return
        self._handshake(connection)

    def _handshake(self, connection: Connection) -> None:
        try:
            connection.sock.do_handshake()
        except ssl.SSLWantReadError:
            self.epoll.modify(connection.fd, select.EPOLLIN)
        except ssl.SSLWantWriteError:
            self.epoll.modify(connection.fd, select.EPOLLOUT)
        except (OSError, ValueError) as error:  # whatever ends a handshake: alert, reset, close, plain text
            self._failed(connection, self.now(), outcome.TLS, f"TLS: {error}")
        else:
            self.epoll.modify(connection.fd, select.EPOLLIN)
            request = connection.request
            if connection.lane.counted and not request.hops:
                self.handshakes.add(request.target_index, connection.sock, request.due)
            self._ready(connection)
