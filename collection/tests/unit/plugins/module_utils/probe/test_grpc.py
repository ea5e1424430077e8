# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Calls and health checks of gRPC against a scripted server: the trailers decide, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.grpc import call_headers
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.h2_server import (
    Asked,
    Peer,
    each,
    h2_serving,
    head,
    trailers,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import counts, probe

HEAD = head(content_type="application/grpc")
SERVING = b"\0\0\0\0\2\x08\1"
METHOD = "/shop.Prices/Get"
Answer = Callable[[Peer, Asked], object]


def call(answer: Answer, path: str = METHOD, **options: Any) -> dict[str, Any]:
    options.setdefault("connection", "reuse")
    with h2_serving(each(answer)) as seen:
        return probe(url=[f"grpc://127.0.0.1:{seen.port}{path}"], users=2, requests=12, **options)


def told(status: int, body: bytes = SERVING, **more: str) -> Answer:
    """The status in trailers behind the body."""
    return lambda peer, asked: peer.answer(asked.stream, HEAD, body, trailers(grpc_status=str(status), **more))


def told_at_once(status: int, **more: str) -> Answer:
    """The status in the head, and nothing else."""
    block = head(content_type="application/grpc", grpc_status=str(status), **more)
    return lambda peer, asked: peer.headers(asked.stream, block)


CASES: dict[str, tuple[Answer, str, str]] = {
    "0": (told(0), "ok", ""),
    "14": (told(14, grpc_message="no pods%21"), "wrong_status", "grpc status 14 UNAVAILABLE: no pods!"),
    "14 without a message": (told(14, b""), "wrong_status", "grpc status 14 UNAVAILABLE"),
    "5": (told(5, b""), "wrong_status", "grpc status 5 NOT_FOUND"),
    "99": (told(99, b""), "wrong_status", "grpc status 99 unknown"),
    "trailers alone": (told_at_once(12), "wrong_status", "grpc status 12 UNIMPLEMENTED"),
    "trailers alone, 0": (told_at_once(0), "malformed", "grpc status 0 without a message"),
    "no trailers": (lambda p, a: p.answer(a.stream, HEAD, SERVING), "malformed", "an answer without grpc-status"),
    "trailers without a status": (
        lambda p, a: p.answer(a.stream, HEAD, SERVING, trailers(x="y")), "malformed", "an answer without grpc-status"
    ),
    "no number": (
        lambda p, a: p.answer(a.stream, HEAD, SERVING, trailers(grpc_status="ok")), "malformed", "grpc-status b'ok'"
    ),
    "a front's 503": (lambda p, a: p.answer(a.stream, head(503)), "wrong_status", "status 503, and no grpc-status"),
    "a message cut": (told(0, SERVING[:-1]), "malformed", "a message of 2 bytes in a body of 6"),
    "compressed": (told(0, b"\1" + SERVING[1:]), "malformed", "a compressed message, which was not asked for"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("lane", ["new", "reuse"])
def test_the_status_of_a_call_is_its_outcome(name: str, lane: str) -> None:
    answer, outcome, text = CASES[name]
    record = call(answer, connection=lane)
    assert counts(record) == {outcome: 12}
    if outcome != "ok":
        assert record["totals"]["outcomes"][outcome]["example"] == text


@pytest.mark.parametrize(
    ("said", "outcome", "text"),
    [
        (SERVING, "ok", ""),
        (b"\0\0\0\0\2\x08\2", "wrong_body", "health NOT_SERVING, expected SERVING"),
        (b"\0\0\0\0\0", "wrong_body", "health UNKNOWN, expected SERVING"),
        (b"\0\0\0\0\3abc", "wrong_body", "health b'abc', expected SERVING"),
    ],
)
def test_without_a_method_it_is_the_health_check(said: bytes, outcome: str, text: str) -> None:
    record = call(told(0, said), path="")
    assert counts(record) == {outcome: 12}
    if text:
        assert record["totals"]["outcomes"][outcome]["example"] == text


def test_a_health_that_turns_is_seen_although_both_answers_have_the_same_length() -> None:
    def answer(peer: Peer, asked: Asked) -> None:
        told(0, SERVING if asked.stream % 4 == 1 else SERVING[:-1] + b"\2")(peer, asked)

    assert counts(call(answer, path="/")) == {"ok": 6, "wrong_body": 6}


def test_a_call_is_as_grpc_has_it() -> None:
    calls: list[Asked] = []

    def answer(peer: Peer, asked: Asked) -> None:
        calls.append(asked)
        told(0)(peer, asked)

    call(answer, body_base64="CJYB", timeout="2s")
    assert calls[0].body == b"\0\0\0\0\3\x08\x96\x01"
    assert calls[0].headers == {
        ":method": "POST", ":scheme": "http", ":authority": calls[0].headers[":authority"], ":path": METHOD,
        "user-agent": "availability-lab-probe", "te": "trailers", "content-type": "application/grpc",
        "grpc-timeout": "2000000u",
    }  # fmt: skip
    calls.clear()
    call(answer, path="")
    assert calls[0].headers[":path"] == "/grpc.health.v1.Health/Check"
    assert calls[0].body == b"\0\0\0\0\0"


def test_expectations_look_at_the_message() -> None:
    assert counts(call(told(0, b"\0\0\0\0\4blue"), expect_regex="^.{5}blue$")) == {"ok": 12}
    assert counts(call(told(0, b"\0\0\0\0\4blue"), expect_body="green")) == {"wrong_body": 12}


@pytest.mark.parametrize(("timeout_s", "text"), [(0.25, "250000u"), (99.0, "99000000u"), (100.0, "100000m")])
def test_the_server_is_told_how_long_it_has_in_eight_digits(timeout_s: float, text: str) -> None:
    assert ("grpc-timeout", text) in call_headers(timeout_s)
