# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The misbehaving server itself, seen by a plain socket: a test bed that lies would prove nothing."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from pathlib import Path

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.certificates import (
    authority,
    issue,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.full_backlog import full_backlog
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.misbehaving_process import (
    Misbehaving,
)


def ask(port: int, path: str, wait_s: float = 1.0) -> tuple[bytes, str]:
    """All bytes that one GET brings, and how it ended: end, reset or timeout."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
        data = b""
        until = time.monotonic() + wait_s
        try:
            while time.monotonic() < until:
                piece = sock.recv(65536)
                if not piece:
                    return data, "end"
                data += piece
        except ConnectionResetError:
            return data, "reset"
        except TimeoutError:
            pass
        return data, "timeout"


@pytest.fixture(scope="module")
def server():
    with Misbehaving() as running:
        yield running


@pytest.mark.parametrize(
    ("kind", "contains", "ending"),
    [
        ("reset-before", b"", "reset"),
        ("reset-in-headers", b"Content-Le", "reset"),
        ("reset-after-headers", b"100\r\n\r\n", "reset"),
        ("reset-in-body", b"xxxxxxxxxx", "reset"),
        ("ok-then-reset", b"ok\n", "reset"),
        ("ok-then-close", b"ok\n", "end"),
        ("close-before", b"", "end"),
        ("close-in-headers", b"Content-Le", "end"),
        ("short-body", b"xxxxxxxxxx", "end"),
        ("short-chunked", b"3\r\nok\n", "end"),
        ("garbage", b"\x00\x01\x02", "end"),
        ("never-answer", b"", "timeout"),
        ("stall-in-headers", b"Content-Le", "timeout"),
        ("stall-in-body", b"xxxxxxxxxx", "timeout"),
        ("slow-body", b"zz", "timeout"),
        ("endless-headers", b"X-More", "timeout"),
    ],
)
def test_kind_does_what_it_says(server, kind, contains, ending):
    data, how = ask(server.port, f"/kind/{kind}", wait_s=0.3)
    assert contains in data
    assert (how, data == b"") == (ending, contains == b"")


@pytest.mark.parametrize("kind", ["ok", "ok-chunked", "ok-until-close", "ok-http10"])
def test_good_kinds_are_read_by_the_standard_client(server, kind):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2)
    client.request("GET", f"/kind/{kind}")
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (200, b"ok\n")
    client.close()


def test_plan_is_served_exactly():
    with Misbehaving({"ok": 3, "status-500": 2, "reset-before": 1}) as server:
        for _unused in range(8):
            ask(server.port, "/", wait_s=0.05)
        assert server.counts() == {"ok": 5, "status-500": 2, "reset-before": 1}
        assert server.accepted() == 8


def test_post_body_is_read_and_the_connection_kept(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2)
    for _unused in range(3):
        client.request("POST", "/", body=b"x" * 100_000)
        assert client.getresponse().read() == b"ok\n"
    client.close()


def test_refusal_window_is_as_long_as_asked_and_resets_what_is_open(server):
    kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2)
    kept.request("GET", "/")
    kept.getresponse().read()
    server.refuse_begin(0.5)
    refused, answered = 0, 0
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=0.1).close()
            answered += 1
        except (ConnectionRefusedError, ConnectionResetError):  # reset: it was in the queue at the closing
            refused += 1
        except TimeoutError:  # it met the closing itself: the kernel dropped it, and sends it again only after a second
            pass
        time.sleep(0.01)
    window = server.refuse_end()
    assert window.opened - window.closing >= 0.5
    assert window.closing <= window.closed <= window.opening <= window.opened
    assert refused >= 20
    assert answered >= 20
    with pytest.raises(ConnectionResetError):
        kept.sock.recv(1)


def test_tls_fronts(tmp_path: Path):
    ca = authority(tmp_path, "ca")
    good = issue(tmp_path, ca, "good")
    context = ssl.create_default_context(cafile=str(ca.cert))
    with Misbehaving(front="tls", cert=good.cert, key=good.key) as server:
        client = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=2, context=context)
        client.request("GET", "/")
        assert client.getresponse().read() == b"ok\n"
        client.close()
        assert server.counts() == {"tls": 1, "ok": 1}
    for front, error in [
        ("tls-plaintext", ssl.SSLError),
        ("tls-reset", ConnectionResetError),
        ("tls-close", (ssl.SSLError, ConnectionResetError)),
        ("tls-never", TimeoutError),
    ]:
        with Misbehaving(front=front) as server:
            raw = socket.create_connection(("127.0.0.1", server.port), timeout=0.3)
            with pytest.raises(error):
                context.wrap_socket(raw, server_hostname="127.0.0.1")
            raw.close()
            assert server.counts() == {front: 1}


@pytest.mark.parametrize(("names", "days", "reason"), [("DNS:other", 2, "mismatch"), ("IP:127.0.0.1", -1, "expired")])
def test_bad_certificates_are_bad(tmp_path: Path, names, days, reason):
    ca = authority(tmp_path, "ca")
    bad = issue(tmp_path, ca, "bad", names, days)
    context = ssl.create_default_context(cafile=str(ca.cert))
    with Misbehaving(front="tls", cert=bad.cert, key=bad.key) as server:
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=1)
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            context.wrap_socket(raw, server_hostname="127.0.0.1")
        raw.close()


def test_full_backlog_leaves_connecting_hanging():
    with full_backlog() as port, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), timeout=0.3)


def test_unknown_kind_is_told():
    with pytest.raises(RuntimeError, match="unknown kinds"):
        Misbehaving({"nonsense": 1})
