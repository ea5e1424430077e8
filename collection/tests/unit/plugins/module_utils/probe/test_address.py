# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Addresses as people type them: every form that curl takes, or one clear error."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.address import (
    Address,
    AddressError,
    connect_address,
    parse_address,
    quoted,
)


@pytest.mark.parametrize(
    ("text", "host", "port", "authority", "path"),
    [
        ("http://a", "a", 80, "a", "/"),
        ("a:8080/x", "a", 8080, "a:8080", "/x"),
        ("HTTPS://A.Example/x?y#z", "a.example", 443, "a.example", "/x?y"),
        ("http://a:80/", "a", 80, "a", "/"),
        ("http://a:/", "a", 80, "a", "/"),
        ("http://a?x=1", "a", 80, "a", "/?x=1"),
        (" http://a/b c ", "a", 80, "a", "/b c"),
        ("https://a.example./", "a.example.", 443, "a.example.", "/"),
        ("http://b\u00fccher.example:81/", "xn--bcher-kva.example", 81, "xn--bcher-kva.example:81", "/"),
        ("http://stra\u00dfe.example/", "xn--strae-oqa.example", 80, "xn--strae-oqa.example", "/"),  # IDNA 2008
        (
            "http://fa\u00df\u3002b\u00fccher.example/",
            "xn--fa-hia.xn--bcher-kva.example",
            80,
            "xn--fa-hia.xn--bcher-kva.example",
            "/",
        ),
        ("http://\u043f\u0440\u0438\u043c\u0435\u0440.test/", "xn--e1afmkfd.test", 80, "xn--e1afmkfd.test", "/"),
        ("http://ex%61mple.test/", "example.test", 80, "example.test", "/"),
        ("http://[::1]/", "::1", 80, "[::1]", "/"),
        ("http://[fe80::1%25eth0]:81/", "fe80::1%eth0", 81, "[fe80::1]:81", "/"),
        ("http://[fe80::1%eth0]/", "fe80::1%eth0", 80, "[fe80::1]", "/"),
        ("http://under_score.svc:80/", "under_score.svc", 80, "under_score.svc", "/"),
    ],
)
def test_forms(text: str, host: str, port: int, authority: str, path: str) -> None:
    tls = text.lower().startswith("https")
    server_name = host.partition("%")[0].removesuffix(".")
    assert parse_address(text) == Address(tls, host, port, authority, server_name, path, "https" if tls else "http", "")


@pytest.mark.parametrize(
    ("text", "credentials"),
    [
        ("http://load:s3cret-pw@a/", "Basic bG9hZDpzM2NyZXQtcHc="),
        ("http://user@a/", "Basic dXNlcjo="),
        ("http://a%40b:c%3Ad@a/", "Basic YUBiOmM6ZA=="),
        ("http://a@b:c@a/", "Basic YUBiOmM="),
    ],
)
def test_user_information_becomes_basic_credentials(text: str, credentials: str) -> None:
    assert parse_address(text).credentials == credentials


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://a/", "expected http://"),
        ("http://", "no host"),
        ("http://u@:80/", "no host"),
        ("http://a:0/", "no port"),
        ("http://a:65536/", "no port"),
        ("http://a:80:90/", "no port"),
        ("http://a:\u0668\u0660/", "no port"),
        ("http://[::1/", "Invalid IPv6|brackets"),
        ("http://[zz]/", "address"),
        ("http://a b/", "no host name"),
        ("http://a..b/", "no host name"),
        ("http://a\n/", "control character"),
        ("http://" + "x" * 64 + ".test/", "no host name"),
    ],
)
def test_what_is_no_address_says_why(text: str, said: str) -> None:
    with pytest.raises(AddressError, match=said):
        parse_address(text)


def test_connect_to() -> None:
    assert connect_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert connect_address("[fe80::1%eth0]:80") == ("fe80::1%eth0", 80)
    assert connect_address("::1:80") == ("::1", 80)
    for text in ("127.0.0.1", "127.0.0.1:0", ":80"):
        with pytest.raises(AddressError):
            connect_address(text)


def test_paths_are_quoted_once() -> None:
    assert quoted("/a b/\u00e4?x=%20|") == "/a%20b/%C3%A4?x=%20%7C"
