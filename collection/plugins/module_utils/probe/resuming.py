# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""New connections that resume the TLS session of an earlier one (RFC 8446 2.2): no certificate, no signature."""

from __future__ import annotations

import ssl

from .connection import Connection


class ResumingConnection(Connection):
    """Offers its lane's latest session, and leaves its own for the next.

    With TLS 1.3 the server sends the ticket behind the handshake, so the session is taken when the connection ends.
    """

    __slots__ = ()

    def begin_tls(self) -> None:
        """Put TLS on the connected socket, with the session if there is one. Raises OSError."""
        super().begin_tls()
        session = self.lane.sessions.get(self.target.origin)
        if session is not None:
            self.sock.session = session

    def close(self) -> None:
        """Close the socket."""
        if self.connected and isinstance(self.sock, ssl.SSLSocket):
            session = self.sock.session
            if session is not None and session.has_ticket:
                self.lane.sessions[self.target.origin] = session
        super().close()
