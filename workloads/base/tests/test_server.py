"""The server as a process of its own, ended as Kubernetes ends it: SIGTERM, with clients in every state."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parents[1]
APP = """
import sys, time
from flask import Flask
from lab_workload import Identity, Lifecycle, add_health, serve
lifecycle = Lifecycle()
app = Flask("test")
add_health(app, lifecycle)

@app.get("/slow/<seconds>")
def slow(seconds):
    time.sleep(float(seconds))
    return "done"

@app.get("/")
def index():
    return "hi"

@app.get("/big")
def big():
    return b"x" * 5_000_000

app.wsgi_app = Identity(app.wsgi_app, lifecycle, "1")
serve(app, lifecycle, port=int(sys.argv[1]), host="127.0.0.1")
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Running:
    def __init__(self, tmp_path, **settings):
        self.port = free_port()
        self.last_words = tmp_path / "termination-log"
        self.last_words.touch()
        self.process = subprocess.Popen(
            [sys.executable, "-c", APP, str(self.port)],
            env={**os.environ, "PYTHONPATH": str(BASE), "TERMINATION_LOG": str(self.last_words), **settings},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert json.loads(self.process.stdout.readline())["event"] == "started"

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.connect()
        return connection

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        code = self.process.wait(timeout=15)
        words = self.last_words.read_text()
        return code, json.loads(words) if words else None


@pytest.fixture
def start(tmp_path):
    started = []

    def _start(**settings):
        started.append(Running(tmp_path, **settings))
        return started[-1]

    yield _start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()
        running.process.stdout.close()


def get(connection, path="/"):
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer, answer.read()


def test_idle_server_ends_at_once(start):
    server = start()
    server.terminate()
    began = time.monotonic()
    code, words = server.wait()
    assert code == 0
    assert time.monotonic() - began < 1.5
    assert words["requests"] == 0
    assert words["given_up"] == 0


def test_a_request_in_flight_is_finished_and_its_connection_closed(start):
    server = start()
    connection = server.connect()
    connection.request("GET", "/slow/1")
    time.sleep(0.3)
    server.terminate()
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"done")
    assert answer.headers["Connection"] == "close"
    assert 0.3 < float(answer.headers["X-Draining"]) < 1.0
    code, words = server.wait()
    assert (code, words["requests"], words["in_flight"]) == (0, 1, 0)


def test_a_kept_connection_gets_one_more_answer_that_says_close(start):
    server = start()
    connection = server.connect()
    answer, _ = get(connection)
    assert "Connection" not in answer.headers
    server.terminate()
    time.sleep(0.3)
    answer, body = get(connection)
    assert (answer.status, body) == (200, b"hi")
    assert answer.headers["Connection"] == "close"
    code, words = server.wait()
    assert code == 0
    assert words["requests_while_draining"] == 1
    assert words["last_request_at"] > words["sigterm_at"]


def test_new_connections_are_refused_while_draining(start):
    server = start()
    kept = server.connect()
    server.terminate()
    time.sleep(0.3)
    with pytest.raises(ConnectionRefusedError):
        server.connect()
    get(kept)
    server.wait()


def test_silent_connections_do_not_hold_the_process(start):
    server = start(DRAIN_S="0.5")
    silent = server.connect()
    server.terminate()
    began = time.monotonic()
    code, _ = server.wait()
    assert code == 0
    assert 0.3 < time.monotonic() - began < 2
    assert silent.sock.recv(1) == b""


def test_a_large_answer_to_a_slow_reader_is_sent_whole(start):
    server = start()
    connection = server.connect()
    connection.request("GET", "/big")
    time.sleep(0.3)
    server.terminate()
    time.sleep(0.3)
    assert len(connection.getresponse().read()) == 5_000_000
    assert server.wait()[0] == 0


def test_a_stuck_request_is_given_up_and_said(start):
    server = start(SHUTDOWN_TIMEOUT_S="0.5")
    connection = server.connect()
    connection.request("GET", "/slow/30")
    time.sleep(0.3)
    server.terminate()
    code, words = server.wait()
    assert code == 1
    assert words["given_up"] == 1


def test_without_graceful_shutdown_a_request_in_flight_is_lost(start):
    server = start(GRACEFUL_SHUTDOWN="off")
    connection = server.connect()
    connection.request("GET", "/slow/5")
    time.sleep(0.3)
    server.terminate()
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        connection.getresponse()
    code, words = server.wait()
    assert code == 128 + signal.SIGTERM
    assert words["requests"] == 1, "it was carried out, and its answer lost"


def test_nothing_is_lost_when_kept_connections_are_busy_at_the_end(start):
    """Clients that send without pause and follow Connection: close: every request is answered."""
    server = start()
    answered, lost = [], []

    def client():
        connection = server.connect()
        while True:
            try:
                answer, _ = get(connection)
            except (OSError, http.client.HTTPException) as error:
                lost.append(error)
                return
            answered.append(answer.status)
            if answer.headers["Connection"] == "close":
                return

    threads = [threading.Thread(target=client) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    server.terminate()
    for thread in threads:
        thread.join(timeout=10)
    code, words = server.wait()
    assert lost == []
    assert code == 0
    assert words["requests"] == len(answered)
    assert set(answered) == {200}


def test_a_wrong_setting_ends_the_start_with_its_name(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", APP, "1"],
        env={**os.environ, "PYTHONPATH": str(BASE), "WSGI_THREADS": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "WSGI_THREADS='many': expected a number from 1 to 256" in result.stderr
