# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`tcp://host:port`: to connect is the whole request, and a banner the answer, where one is expected.

A banner is the first line. It is good as soon as it meets the expectations; a whole line that does not, or none, fails.
"""

from __future__ import annotations

from .connection import Connection
from .expectation import Expectation
from .said import SaidReader

MAX_BANNER = 65_536


class BannerReader(SaidReader):
    """Waits for a banner where one is expected."""

    __slots__ = ("_expected",)

    def __init__(self, expected: Expectation | None) -> None:
        super().__init__()
        self._expected = expected

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; b"" is the moment when the connection stands."""
        if self._expected is None:
            return self.said("connected", keep=False)
        self._buffer += data
        found = bytes(self._buffer)
        met = self._expected.needs_body and not self._expected.wrong_body(found)  # to `identify` a whole line is due
        if found and (met or b"\n" in found or len(found) > MAX_BANNER):
            return self.said("banner", body=found, keep=False)
        return False

    def closed(self) -> bool:
        """The server said what it had to say, and left."""
        return self.begun and self.said("banner", body=bytes(self._buffer), keep=False)


class TcpConnection(Connection):
    """A connection that carries nothing."""

    __slots__ = ()

    def reader(self, expected: Expectation | None) -> SaidReader:
        """A banner is waited for where something of it is asked."""
        return BannerReader(expected)
