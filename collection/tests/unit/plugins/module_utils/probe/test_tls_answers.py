# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Known answers take the fast path under TLS too, where a record is not a segment and a reset looks like an end."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.certificates import authority
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import raw_server
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import counts, probe

HEAD, BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", b"hello world"
Answer = Callable[[ssl.SSLSocket, int], bool]


@contextlib.contextmanager
def serving(folder: Path, answer: Answer) -> Iterator[int]:
    """answer(connection, number of its request): whether the connection goes on."""
    identity = authority(folder, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)

    def serve(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as connection:
            number = 0
            while connection.recv(65536):
                number += 1
                if not answer(connection, number):
                    return

    with raw_server(serve) as port:
        yield port


def whole(connection: ssl.SSLSocket, number: int) -> bool:
    connection.sendall(HEAD + BODY)
    return True


def in_two_records(connection: ssl.SSLSocket, number: int) -> bool:
    """Both may lie decrypted in the client's library, of which its poll knows nothing."""
    connection.sendall(HEAD)
    connection.sendall(BODY)
    return True


def changing(connection: ssl.SSLSocket, number: int) -> bool:
    """Every third answer is another one, in pieces."""
    if number % 3:
        return whole(connection, number)
    connection.sendall(HEAD[:-4] + b"\r\nX-Other: %d\r\n\r\n" % number)
    connection.sendall(BODY[:5])
    connection.sendall(BODY[5:])
    return True


@pytest.mark.parametrize("answer", [whole, in_two_records, changing])
@pytest.mark.parametrize("load", [{"rate": 100}, {"users": 2}])
def test_every_answer_is_one(tmp_path: Path, answer: Answer, load: dict[str, int]) -> None:
    with serving(tmp_path, answer) as port:
        record = probe(url=[f"https://127.0.0.1:{port}/"], requests=60, connection="reuse", verify=False, **load)
    assert counts(record) == {"ok": 60}


def test_a_connection_that_is_cut_after_known_answers_is_a_failure(tmp_path: Path) -> None:
    def cut(connection: ssl.SSLSocket, number: int) -> bool:
        if number < 5:
            return whole(connection, number)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()  # a reset instead of TLS' own farewell
        return False

    with serving(tmp_path, cut) as port:
        record = probe(url=[f"https://127.0.0.1:{port}/"], users=1, requests=10, connection="reuse", verify=False)
    assert counts(record) == {"ok": 8, "reset": 2}
