# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A name server on 127.0.0.1 whose every packet the test writes itself."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count

#: query, its number from 0 -> the packets that go back
Script = Callable[[bytes, int], list[bytes]]


@contextmanager
def name_server(script: Script) -> Iterator[int]:
    """Yields the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            for number in count():
                query, peer = sock.recvfrom(4096)
                if not query:  # the end of the test
                    return
                for packet in script(query, number):
                    with suppress(OSError):  # the client is gone
                        sock.sendto(packet, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            sock.sendto(b"", sock.getsockname())
            thread.join()


def answer(
    query: bytes, *records: tuple[int, bytes], rcode: int = 0, flags: int = 0, number: int | None = None
) -> bytes:
    """An answer to the query with records of (type, data), under its own transaction unless another number is given."""
    told = struct.unpack_from("!H", query)[0] if number is None else number
    head = struct.pack("!HHHHHH", told, 0x8180 | flags | rcode, 1, len(records), 0, 0)
    body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 5, len(data)) + data for kind, data in records)
    return head + query[12:] + body
