# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Host names to addresses, looked up again every second beside the event loop, which never waits for it."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterable

from .connection import Address

AGAIN_S = 1.0
_FAMILIES = {"any": socket.AF_UNSPEC, "4": socket.AF_INET, "6": socket.AF_INET6}


class Resolver:
    """The latest answer for each (host, port): an address, or the error's text (outcome `dns`)."""

    def __init__(self, names: Iterable[tuple[str, int]], ip_version: str) -> None:
        self._family = _FAMILIES[ip_version]
        self._known: dict[tuple[str, int], Address | str] = {}
        self._changing: list[tuple[str, int]] = []
        self._stop = threading.Event()
        for name in names:
            self.add(name)

    def add(self, name: tuple[str, int]) -> None:
        """Look a name up now (a redirect's host, or at the start)."""
        if name in self._known:
            return
        self._known[name] = self._lookup(name)
        try:
            ipaddress.ip_address(name[0].partition("%")[0])
        except ValueError:
            self._changing.append(name)

    def find(self, name: tuple[str, int]) -> Address | str:
        """The address to connect to, or why there is none."""
        return self._known[name]

    def start(self) -> None:
        """Keep the names fresh in a thread, when there are any (an address never changes)."""
        if self._changing:
            threading.Thread(target=self._refresh, daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def _refresh(self) -> None:
        while not self._stop.wait(AGAIN_S):
            for name in list(self._changing):
                self._known[name] = self._lookup(name)

    def _lookup(self, name: tuple[str, int]) -> Address | str:
        try:
            found = socket.getaddrinfo(name[0], name[1], self._family, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            return f"lookup of {name[0]}: {error}"
        return found[0][0], found[0][4]
