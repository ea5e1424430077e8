from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host import sources
from ansible_collections.availability.lab.plugins.module_utils.host.sources import (
    Look,
    NoSourceError,
    look_around,
    resolve,
)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers HEAD /<code> with that code."""

    def do_HEAD(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.end_headers()

    def log_message(self, *_unused: object) -> None:
        """Quiet."""


@pytest.fixture
def base() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def fake(tmp_path: Path):
    """Writes a stand-in for a client: a program that runs the given shell lines."""

    def write(name: str, lines: str) -> str:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
        return str(program)

    return write


def failures(looks: list[Look], source: str) -> list[str | None]:
    return [look.failure for look in looks if look.source == source]


@pytest.mark.parametrize("code", ["200", "401", "404"])
def test_an_upstream_that_answers_wins(base: str, code: str, fake) -> None:
    looks = look_around([f"{base}/{code}"], fake("python", "exit 0"), None, 2)
    assert failures(looks, "upstream") == [None]
    assert resolve(looks) == "upstream"


@pytest.mark.parametrize("code", ["403", "502"])
def test_a_proxy_that_refuses_is_no_upstream(base: str, code: str, fake) -> None:
    looks = look_around([f"{base}/200", f"{base}/{code}"], fake("python", "exit 0"), None, 2)
    assert failures(looks, "upstream") == [None, f"HTTP {code}"]
    assert resolve(looks) == "packages"


def test_the_go_proxy_is_the_one_that_go_names(base: str, fake) -> None:
    go = fake("go", f"echo '{base}/200,direct'")
    looks = look_around(["ftp://127.0.0.1"], fake("python", "exit 0"), go, 2)
    assert failures(looks, "packages") == [None, None]
    assert failures(looks, "upstream") == ["not an http or https address"]


@pytest.mark.parametrize(
    ("go_lines", "failure"),
    [
        ("echo off", "GOPROXY names no proxy"),
        ("echo broken >&2; exit 1", "broken"),
        ("exit 3", "exit code 3"),
        ("exec sleep 5", "no answer within 0.3 s"),
    ],
)
def test_neither_source_says_all_that_was_tried(
    fake, go_lines: str, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_CLIENT_START_S", 0.0)
    looks = look_around(["http://127.0.0.1:1"], fake("python", "exit 0"), fake("go", go_lines), 0.3)
    with pytest.raises(NoSourceError, match="go module proxy") as error:
        resolve(looks)
    assert failure in str(error.value)
    assert "http://127.0.0.1:1: " in str(error.value)


def test_a_missing_client_is_a_failed_look(tmp_path: Path) -> None:
    looks = look_around(["http://127.0.0.1:1"], str(tmp_path / "none"), None, 1)
    assert all(look.failure for look in looks)


def test_a_slow_client_is_not_a_slow_network(fake) -> None:
    looks = look_around(["http://127.0.0.1:1"], fake("python", "sleep 1"), None, 0.1)
    assert failures(looks, "packages") == [None]


def test_a_source_without_looks_is_not_reached() -> None:
    with pytest.raises(NoSourceError):
        resolve([])
