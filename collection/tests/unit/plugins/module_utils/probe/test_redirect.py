# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a redirect asks for: method, body, headers and address of the next request."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.redirect import redirected
from ansible_collections.availability.lab.plugins.module_utils.probe.target import Target, TargetError, parse_target


def asked(status: int, location: bytes, method: str = "GET", body: str | None = None) -> tuple[Target, bytes]:
    headers = {"Authorization": "Bearer x", "Cookie": "c=1", "X-Own": "1", "Content-Type": "text/plain"}
    entry = {"url": "http://a.test:81/from/x?y", "method": method, "body": body, "headers": headers}
    target = parse_target("url", entry, {})
    moved = redirected(target, target.on_kept[0], status, location)
    return moved, moved.on_new[0]


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (308, "DELETE", "DELETE"),
    ],
)
def test_method_and_body(status: int, method: str, becomes: str) -> None:
    body = "n=1" if method in ("POST", "PUT") else None
    moved, wire = asked(status, b"/to", method, body)
    assert wire.startswith(f"{becomes} /to HTTP/1.1\r\n".encode())
    assert moved.method == becomes
    kept = body is not None and becomes == method
    assert wire.endswith(b"\r\n\r\nn=1") is kept
    assert (b"Content-Length: 3\r\n" in wire) is kept
    assert (b"Content-Type" in wire) is (becomes == method)
    assert b"X-Own: 1\r\n" in wire
    assert wire.count(b"Connection:") == 1


def test_credentials_stay_at_their_origin() -> None:
    for location in (b"/to", b"http://a.test:81/to", b"//a.test:81/to"):
        moved, wire = asked(302, location)
        assert (b"Bearer x" in wire, b"c=1" in wire, wire.count(b"Host: a.test:81\r\n")) == (True, True, 1)
        assert moved.address == ("a.test", 81)
    for location in (b"http://b.test/to", b"http://a.test/to", b"https://a.test:81/to"):
        moved, wire = asked(302, location)
        assert (b"Bearer x" in wire, b"c=1" in wire, b"X-Own: 1" in wire) == (False, False, True)
        assert wire.count(b"Host:") == 1
    assert (moved.tls, moved.server_name) == (True, "a.test")


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/\u00e4".encode(), b"/%C3%A4"),
        ("/\u00e4".encode("latin-1"), b"/%E4"),
        (b"/%C3%A4 b", b"/%C3%A4%20b"),
        (b"/{value}", b"/%7Bvalue%7D"),
        (b"to?x#part", b"/from/to?x"),
        (b"?z", b"/from/x?z"),
        ("http://b\u00fccher.test/".encode(), b"/"),
    ],
)
def test_a_location_in_any_encoding(location: bytes, path: bytes) -> None:
    moved, wire = asked(302, location)
    assert wire.split(b" ")[1] == path
    if b"test" in location:
        assert moved.address == ("xn--bcher-kva.test", 80)


@pytest.mark.parametrize("location", [b"ftp://a/", b"http://a:99999/", b"http://[/"])
def test_a_location_that_is_none(location: bytes) -> None:
    with pytest.raises(TargetError, match="Location"):
        asked(302, location)
