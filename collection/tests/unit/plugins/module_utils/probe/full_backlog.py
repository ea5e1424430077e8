# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An address where connecting hangs: a listener that does not accept and whose queue is already full."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import read_head


@contextmanager
def full_backlog(open_after_s: float | None = None) -> Iterator[int]:
    """Yield a port of 127.0.0.1 whose connection attempts are dropped by the kernel without an answer.

    For good, or until `open_after_s`: from then on each connection is accepted and its request answered with 204.
    """
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
        if open_after_s is not None:
            threading.Thread(target=_accept, args=(listener, open_after_s), daemon=True).start()
        yield port
    finally:
        for sock in [*fillers, listener]:
            sock.close()


def _accept(listener: socket.socket, after_s: float) -> None:
    def answer(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            read_head(sock)
            sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    time.sleep(after_s)
    with suppress(OSError):  # closed at the end
        while True:
            sock, _unused = listener.accept()
            threading.Thread(target=answer, args=(sock,), daemon=True).start()
