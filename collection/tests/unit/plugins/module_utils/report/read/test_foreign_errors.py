# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What errors of Go, Java, Python and Rust clients mean, by texts that their tools have written."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.read.foreign_errors import (
    outcome_of,
    outcome_of_status,
)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('Get "http://h:1/": dial tcp 0.0.0.0:0->127.0.0.1:1: connect: connection refused', "refused"),
        ('Get "http://dns.tls/": EOF', "reset"),
        (
            'Get "http://h/": context deadline exceeded (Client.Timeout exceeded)',
            "timeout_headers",
        ),
        ('Get "http://h/": dial tcp 10.0.0.1:80: i/o timeout', "timeout_connecting"),
        ("dial tcp: lookup web on 10.96.0.10:53: no such host", "dns"),
        ('Get "http://h/": read tcp 127.0.0.1:4->127.0.0.1:1: read: connection reset by peer', "reset"),
        ("unexpected EOF", "closed_early"),
        ('Get "https://h/": tls: failed to verify certificate: x509: certificate signed by unknown authority', "tls"),
        ('Get "http://h/": dial tcp 127.0.0.1:1: connect: cannot assign requested address', "ports_exhausted"),
        ("socket: too many open files", "descriptors_exhausted"),
        ("connect: no route to host", "unreachable"),
        ("java.net.UnknownHostException: web", "dns"),
        ("org.apache.http.NoHttpResponseException: web:80 failed to respond", "reset"),
        ("javax.net.ssl.SSLHandshakeException: PKIX path building failed", "tls"),
        ("java.net.SocketException: Connection reset", "reset"),
        ("ConnectionRefusedError(111, 'Connection refused')", "refused"),
        ("RemoteDisconnected('Remote end closed connection without response')", "reset"),
        ("connection closed before message completed", "reset"),
        ("error reading a body from connection", "closed_early"),
        ("Connection refused (os error 111)", "refused"),
        ("", "malformed"),
        ("something new", "malformed"),
    ],
)
def test_texts(text, outcome):
    assert outcome_of(text) == outcome


def test_statuses():
    assert [outcome_of_status(status) for status in (200, 204, 302, 399)] == ["ok"] * 4
    assert [outcome_of_status(status) for status in (100, 199, 400, 404, 503)] == ["wrong_status"] * 5
    assert outcome_of_status(0) == "malformed"
