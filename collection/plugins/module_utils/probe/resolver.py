# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Host names to addresses, looked up again every second beside the event loop, which never waits for it."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Iterable
from itertools import zip_longest
from typing import Union

from .connection import Address

AGAIN_S = 1.0
#: Names beyond this many, as redirects can bring, are looked up once and not kept fresh.
FRESH_LIMIT = 100
_FAMILIES = {"any": socket.AF_UNSPEC, "4": socket.AF_INET, "6": socket.AF_INET6}

Name = tuple[str, int]
#: All addresses of a name, IPv6 and IPv4 by turns (RFC 8305 4), each in the system's order (RFC 6724), or the error's
#: text (outcome `dns`).
Found = Union[tuple[Address, ...], str]


class Resolver:
    """The latest answer for each (host, port)."""

    def __init__(self, names: Iterable[Name], ip_version: str) -> None:
        self._family = _FAMILIES[ip_version]
        self._known: dict[Name, Found] = {}
        self._changing: list[Name] = []
        self._pending: set[Name] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._waker: tuple[int, int] | None = None
        for name in names:
            if name not in self._known:
                self._keep(name, self._lookup(name))

    def find(self, name: Name) -> Found | None:
        """The addresses to connect to, or why there are none; None: ask with `look_up`."""
        return self._known.get(name)

    def look_up(self, name: Name) -> int:
        """Look a new name up (a redirect's host) in a thread; the descriptor returned is readable when it is known."""
        if self._waker is None:
            self._waker = os.pipe()
            for end in self._waker:
                os.set_blocking(end, False)
        if name not in self._pending:
            self._pending.add(name)
            threading.Thread(target=self._look_up, args=(name,), daemon=True).start()
        return self._waker[0]

    def heard(self) -> None:
        """Make the descriptor of `look_up` unreadable again."""
        if self._waker is not None:
            os.read(self._waker[0], 4096)

    def start(self) -> None:
        """Keep the names fresh in a thread, when there are any (an address never changes)."""
        if self._changing and self._thread is None:
            self._thread = threading.Thread(target=self._refresh, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def _keep(self, name: Name, found: Found) -> None:
        self._known[name] = found
        try:
            ipaddress.ip_address(name[0].partition("%")[0])
        except ValueError:
            if len(self._changing) < FRESH_LIMIT:
                self._changing.append(name)

    def _look_up(self, name: Name) -> None:
        self._keep(name, self._lookup(name))
        self._pending.discard(name)
        if self._waker is not None:
            os.write(self._waker[1], b"\0")
        self.start()

    def _refresh(self) -> None:
        while not self._stop.wait(AGAIN_S):
            for name in list(self._changing):
                self._known[name] = self._lookup(name)

    def _lookup(self, name: Name) -> Found:
        try:
            found = socket.getaddrinfo(name[0], name[1], self._family, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            return f"lookup of {name[0]}: {error}"
        return _by_turns(list(dict.fromkeys((entry[0], entry[4]) for entry in found)))


def _by_turns(addresses: list[Address]) -> tuple[Address, ...]:
    """The families by turns, from the one that the system prefers: a family that leads nowhere holds up one attempt."""
    families = dict.fromkeys(family for family, _where in addresses)
    by_family = [[address for address in addresses if address[0] == family] for family in families]
    return tuple(address for turn in zip_longest(*by_family) for address in turn if address is not None)
