# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An address where connecting hangs: a listener that never accepts and whose queue is already full."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_backlog() -> Iterator[int]:
    """Yield a port of 127.0.0.1 whose connection attempts are dropped by the kernel without an answer."""
    listener = socket.socket()
    fillers: list[socket.socket] = []
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        # A backlog of n holds n + 1 connections; one more shows that it is full.
        for _unused in range(8):
            filler = socket.socket()
            fillers.append(filler)
            filler.settimeout(0.2)
            try:
                filler.connect(("127.0.0.1", port))
            except TimeoutError:
                break
        else:
            raise RuntimeError("8 connections fitted into a backlog of 0: this kernel cannot show a hanging connect")
        yield port
    finally:
        for sock in [*fillers, listener]:
            sock.close()
