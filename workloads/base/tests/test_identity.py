from __future__ import annotations

import pytest
from flask import Flask
from lab_workload import Identity, Lifecycle, add_health


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lifecycle(clock):
    return Lifecycle(clock)


@pytest.fixture
def slept():
    return []


@pytest.fixture
def client(lifecycle, slept, monkeypatch):
    monkeypatch.setenv("POD_NAME", "web-1")
    monkeypatch.setenv("NODE_NAME", "minikube-m02")
    monkeypatch.setenv("PRESTOP_S", "7")
    app = Flask("test")
    add_health(app, lifecycle, sleep=slept.append)

    @app.get("/boom")
    def boom():
        raise RuntimeError

    @app.get("/")
    def index():
        assert lifecycle.in_flight == 1
        return "hi"

    app.wsgi_app = Identity(app.wsgi_app, lifecycle, version="2.0")
    return app.test_client()


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/missing", 404), ("/boom", 500), ("/healthz", 200)])
def test_every_answer_names_version_pod_and_node(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["X-Version"] == "2.0"
    assert answer.headers["X-Pod"] == "web-1"
    assert answer.headers["X-Node"] == "minikube-m02"
    assert "X-Draining" not in answer.headers


def test_draining_answers_say_for_how_long(client, lifecycle, clock):
    lifecycle.terminate()
    clock.now += 1.25
    assert client.get("/").headers["X-Draining"] == "1.250"


def test_health_turns_when_draining_begins(client, lifecycle):
    assert client.get("/healthz").data == b"ok\n"
    lifecycle.begin_draining()
    assert client.get("/healthz").status_code == 503


def test_prestop_begins_to_drain_and_waits(client, lifecycle, slept):
    assert client.get("/prestop").status_code == 200
    assert lifecycle.draining
    assert lifecycle.sigterm_at is None
    assert slept == [7]


def test_sigterm_after_prestop_keeps_the_first_time(lifecycle, clock):
    lifecycle.begin_draining()
    clock.now += 5
    lifecycle.terminate()
    assert (lifecycle.draining_since, lifecycle.sigterm_at) == (100.0, 105.0)


def test_requests_are_counted_without_the_kubelets(client, lifecycle, clock):
    for path in ("/", "/missing", "/healthz"):
        client.get(path).close()
    lifecycle.terminate()
    clock.now += 1
    client.get("/boom").close()
    summary = lifecycle.summary()
    assert summary["requests"] == 3
    assert summary["requests_while_draining"] == 1
    assert summary["in_flight"] == 0
    assert summary["last_request_at"] == 101.0
