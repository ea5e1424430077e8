# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""From a name to a connection that can carry a request: look up, try address after address, shake hands."""

from __future__ import annotations

import errno
import os
import select
import ssl
import time
from typing import Callable

from . import outcome
from .connection import CONNECTING, NEVER, Address, Connection
from .options import Options
from .resolver import Name, Resolver

#: After these the name's next address is tried (RFC 1123 2.3, RFC 8305); the others are this client's own.
_OF_ONE_ADDRESS = frozenset((outcome.REFUSED, outcome.UNREACHABLE, outcome.TIMEOUT_CONNECTING, outcome.RESET))


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
        """End the attempts and the lookups whose time is up."""
        for connection in [c for c in self.by_fd.values() if c.attempt_ends < now]:
            self._unconnected(connection, OSError(errno.ETIMEDOUT, ""))
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
        """Close a connection in whatever state."""
        self.by_fd.pop(connection.fd, None)
        connection.close()

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
        """Connect to the next of the target's addresses; each gets an equal part of the time that is left."""
        address, *rest = connection.addresses
        connection.addresses = tuple(rest)
        connection.attempt_ends = NEVER
        if rest:
            now = self.now()
            connection.attempt_ends = now + (connection.request.start + self._timeout_ns - now) // (len(rest) + 1)
        try:
            at_once = connection.open(address, self._context if connection.target.tls else None)
        except OSError as error:
            self._unconnected(connection, error)
            return
        self.by_fd[connection.fd] = connection
        self.epoll.register(connection.fd, select.EPOLLIN if at_once else select.EPOLLOUT)
        if at_once:
            self._connected(connection)

    def _unconnected(self, connection: Connection, error: OSError) -> None:
        """This address cannot be reached: try the next one, within the same time limit."""
        kind = outcome.of_connect_error(error)
        if connection.addresses and kind in _OF_ONE_ADDRESS:
            self.drop(connection)
            self._attempt(connection)
            return
        why = os.strerror(error.errno) if error.errno else str(error)
        self._failed(connection, self.now(), kind, f"connecting to {connection.place()}: {why}")

    def _connected(self, connection: Connection) -> None:
        connection.attempt_ends = NEVER
        if connection.tls is None:
            self._ready(connection)
            return
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
            self._ready(connection)
