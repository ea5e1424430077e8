# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How the client of etcd's gateway deals with certificates, members that are gone and answers that are no answers."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.history.entry import HistoryError
from ansible_collections.availability.lab.plugins.module_utils.history.etcd import EtcdHistory
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.history.gateway import certificates, running


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    return certificates(tmp_path_factory.mktemp("pki"))


def closed_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def test_over_tls_with_the_clients_certificate(pki: tuple) -> None:
    context, files = pki
    with running(context) as gateway:
        store = EtcdHistory([gateway.url], **files)
        store.store("rolling", "a", "größer\n")
        assert store.find("rolling", "a") == "größer\n"
        assert list(store.read()) == [("etcd:/availability-lab/history/rolling/a", "größer\n")]
        assert list(gateway.keys) == [b"/availability-lab/history/rolling/a"]


def test_without_the_right_certificates(pki: tuple) -> None:
    context, files = pki
    with running(context) as gateway:
        with pytest.raises(HistoryError, match="no member answered: https://"):
            EtcdHistory([gateway.url], files["ca_cert"], None, None).find("rolling", "a")
        with pytest.raises(HistoryError, match="certificate verify failed"):
            EtcdHistory([gateway.url], None, files["client_cert"], files["client_key"]).find("rolling", "a")
        assert gateway.keys == {}


def test_the_next_member_is_asked_when_one_is_gone() -> None:
    with running() as gateway, running() as leaderless:
        leaderless.fault = (503, '{"error": "etcdserver: no leader", "code": 14}')
        store = EtcdHistory([f"http://{closed_port()}", leaderless.url, gateway.url], None, None, None)
        store.store("rolling", "a", "x")
        assert store.find("rolling", "a") == "x"
        gateway.fault = leaderless.fault
        with pytest.raises(HistoryError, match=r"(?s)refused; .*no leader; .*no leader"):
            store.find("rolling", "a")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ((400, '{"message": "etcdserver: request is too large"}'), "answered 400: etcdserver: request is too large"),
        ((404, "404 page not found"), "answered 404: 404 page not found"),
        ((200, "<html>"), "is not etcd's JSON gateway"),
    ],
)
def test_answers_that_are_none(fault: tuple[int, str], words: str) -> None:
    with running() as gateway:
        gateway.fault = fault
        with pytest.raises(HistoryError, match=words):
            EtcdHistory([gateway.url], None, None, None).find("rolling", "a")


@pytest.mark.parametrize("url", ["127.0.0.1:2379", "https://etcd", "ftp://etcd:1", "https://etcd:x"])
def test_what_is_no_endpoint(url: str) -> None:
    with pytest.raises(HistoryError, match=r"endpoints: .* expected a URL with its port"):
        EtcdHistory([url], None, None, None)


def test_certificates_that_cannot_be_read(tmp_path: Path, pki: tuple) -> None:
    files = pki[1]
    with pytest.raises(HistoryError, match=r"ca_cert: .*none\.pem cannot be used"):
        EtcdHistory(["https://127.0.0.1:1"], str(tmp_path / "none.pem"), None, None)
    with pytest.raises(HistoryError, match=r"client_cert: .*none\.pem with"):
        EtcdHistory(["https://127.0.0.1:1"], files["ca_cert"], str(tmp_path / "none.pem"), files["client_key"])
