# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the record says of TLS: handshakes apart, versions, certificates and their days, resumed sessions."""

from __future__ import annotations

import datetime
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import OptionError
from ansible_collections.availability.lab.plugins.module_utils.probe.certificate import not_after
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.summary import summary_text
from ansible_collections.availability.lab.plugins.module_utils.probe.together import Group
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.certificates import (
    Identity,
    authority,
    issue,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import raw_server
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import counts, probe
from hypothesis import given
from hypothesis import strategies as st

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def context_of(identity: Identity, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A server's, which speaks this version alone if one is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


@contextmanager
def https(*contexts: ssl.SSLContext, each: int = 1 << 30, answer: bytes = ANSWER) -> Iterator[int]:
    """Each context serves so many connections, the last one all others."""
    accepted = iter(range(1 << 30))

    def serve(plain: socket.socket) -> None:
        context = contexts[min(next(accepted) // each, len(contexts) - 1)]
        with context.wrap_socket(plain, server_side=True) as sock:
            while sock.recv(65536):
                sock.sendall(answer)

    with raw_server(serve) as port:
        yield port


def run(port: int, **options: Any) -> dict[str, Any]:
    return probe(**{"url": [f"https://127.0.0.1:{port}/"], "requests": 10, "users": 1, "verify": False, **options})


def of_target(record: dict[str, Any]) -> list[dict[str, Any]]:
    (target,) = record["targets"].values()
    tls: list[dict[str, Any]] = target["tls"]
    return tls


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    folder = tmp_path_factory.mktemp("pki")
    return issue(folder, authority(folder, "ca"), "server", days=30)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(("connection", "opened", "resumed"), [("new", 10, 0), ("resumed", 10, 9), ("reuse", 1, 0)])
@pytest.mark.parametrize("expect", [{}, {"expect_body": "ok"}])  # the fast path, and the careful one
def test_handshakes_are_counted(
    identity: Identity, version: str, connection: str, *, opened: int, resumed: int, expect: dict[str, str]
) -> None:
    spoken = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
    with https(context_of(identity, spoken)) as port:
        record = run(port, connection=connection, **expect)
    assert counts(record) == {"ok": 10}
    (told,) = of_target(record)
    assert (told["version"], told["connections"], told["resumed"]) == (f"TLSv{version}", opened, resumed)
    assert told["days_left"] == pytest.approx(30, abs=0.1)
    totals = record["totals"]
    assert totals["handshake_time"]["count"] == totals["connect_time"]["count"] == opened
    assert 0 < totals["handshake_time"]["sum_ns"] < totals["connect_time"]["sum_ns"]
    assert record["lanes"][connection]["policy"] == connection
    assert f"sessions resumed {resumed}\n" in summary_text(record)


def test_redis_over_tls(identity: Identity) -> None:
    with https(context_of(identity), answer=b"+PONG\r\n") as port:
        record = run(port, url=[f"rediss://127.0.0.1:{port}"], connection="reuse")
    assert counts(record) == {"ok": 10}
    assert of_target(record)[0]["connections"] == record["totals"]["handshake_time"]["count"] == 1


def test_without_tls_nothing_is_said_of_it() -> None:
    with serving() as server:
        record = probe(url=[server.url], requests=3, rate=50)
    assert "handshake_time" not in record["totals"]
    assert "tls" not in record["targets"][server.url]
    assert "TLS" not in summary_text(record)


def test_a_version_that_is_too_old_fails_as_tls(identity: Identity) -> None:
    with https(context_of(identity, ssl.TLSVersion.TLSv1_2)) as port:
        assert counts(run(port, tls_min_version="1.3")) == {"tls": 10}
        assert counts(run(port, tls_min_version="1.2")) == {"ok": 10}


def test_a_renewed_certificate_is_told_apart(tmp_path: Path) -> None:
    ca = authority(tmp_path, "ca")
    old, new = (context_of(issue(tmp_path, ca, name, days=days)) for name, days in (("old", 5), ("new", 90)))
    with https(old, new, each=4) as port:
        record = run(port)
    first, second = of_target(record)
    assert (first["connections"], second["connections"]) == (4, 6)
    assert first["days_left"] == pytest.approx(5, abs=0.1)
    assert second["days_left"] == pytest.approx(90, abs=0.1)
    assert first["last_s"] <= second["first_s"]
    assert "certificate of" not in summary_text(record), "the one in use has time"


@pytest.mark.parametrize(("days", "said"), [(5, "expires in 5.0 days"), (-1, "expired 1.0 days ago"), (15, "")])
def test_the_summary_names_a_certificate_with_little_time(tmp_path: Path, days: int, said: str) -> None:
    made = issue(tmp_path, authority(tmp_path, "ca"), "server", days=days)
    with https(context_of(made)) as port:
        text = summary_text(run(port))
    assert ("certificate of" in text) == bool(said)
    assert said in text
    assert "TLS handshake  p50" in text


def test_records_of_several_probers_add(identity: Identity) -> None:
    with https(context_of(identity)) as port:
        (target,) = run(port, connection="resumed")["targets"].values()
    group = Group()
    group.add(target, 1_000_000)
    group.add({**target, "tls": [{**target["tls"][0], "first_s": 7.0, "last_s": 8.0}]}, 2_000_000)
    (told,) = group.tls_record(1_000_000)["tls"]
    assert (told["connections"], told["resumed"]) == (20, 18)
    assert (told["first_s"], told["last_s"]) == (target["tls"][0]["first_s"], 9.0)
    assert set(told) == set(target["tls"][0])
    assert group.figures.handshake_time.count == 20


def test_a_killed_probe_leaves_its_handshakes(identity: Identity) -> None:
    from ansible_collections.availability.lab.plugins.module_utils.probe.handshakes import Handshakes  # noqa: PLC0415

    told = Handshakes()
    told.merge([[0, "TLSv1.3", "x", "ab", 86_400, 2, 1, 10, 20]])
    told.merge(Handshakes().take())
    told.merge([[0, "TLSv1.3", "x", "ab", 86_400, 1, 0, 5, 15], [1, "TLSv1.3", "x", "ab", None, 1, 0, 5, 15]])
    again = Handshakes()
    again.merge(told.to_list())
    (entry,) = again.to_record(0, 0.0)
    assert (entry["connections"], entry["resumed"], entry["days_left"]) == (3, 1, 1.0)
    assert again.to_record(1, 0.0)[0]["not_after"] is None


@pytest.mark.parametrize("days", [-1, 1, 365, 365 * 30, 365 * 100])  # 2050 and later are written in another way
def test_the_end_of_a_certificate(tmp_path: Path, days: int) -> None:
    made = issue(tmp_path, authority(tmp_path, "ca"), "one", days=days)
    command = ["openssl", "x509", "-in", str(made.cert), "-noout", "-enddate"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    expected = datetime.datetime.strptime(text.strip(), "notAfter=%b %d %H:%M:%S %Y GMT")
    der = ssl.PEM_cert_to_DER_cert(made.cert.read_text())
    assert not_after(der) == int(expected.replace(tzinfo=datetime.timezone.utc).timestamp())
    assert all(not_after(der[:size]) is None for size in range(0, len(der) - 1, 7))


@given(st.binary(max_size=300))
def test_what_is_no_certificate_has_no_end(der: bytes) -> None:
    assert not_after(der) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tls_min_version": "1.1"}, "tls_min_version: '1.1' is unknown, expected one of 1.2, 1.3"),
        ({"connection": "resumed", "url": ["http://a/"]}, "connection: http:// has no TLS session to resume"),
        ({"connection": "resumed", "url": ["wss://a/"]}, "connection: wss:// has no TLS session to resume"),
    ],
)
def test_bad_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse({"url": ["https://127.0.0.1/"], "rate": 5, "duration": "1s", **options})
    assert str(caught.value).startswith(said)
