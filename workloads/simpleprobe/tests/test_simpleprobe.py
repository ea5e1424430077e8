from __future__ import annotations

import re

import pytest
from lab_workload import Lifecycle
from simpleprobe import create_app


@pytest.fixture
def lifecycle():
    return Lifecycle()


@pytest.fixture
def client(lifecycle):
    return create_app("2.0", lifecycle).test_client()


def test_the_page_shows_the_version_in_a_line_of_its_own(client):
    page = client.get("/").get_data(as_text=True)
    assert re.search(r"^<p>Version: v2\.0</p>$", page, re.MULTILINE)


def test_the_stats_count_requests(client):
    for _ in range(3):
        client.get("/").close()
    stats = client.get("/stats").get_json()
    assert stats["requests"] == 4
    assert stats["in_flight"] == 1
    assert stats["version"] == "2.0"
    assert stats["draining"] is False


def test_prestop_makes_it_unready(client, monkeypatch):
    monkeypatch.setenv("PRESTOP_S", "0")
    client = create_app("2.0", Lifecycle()).test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/prestop").status_code == 200
    assert client.get("/healthz").status_code == 503
