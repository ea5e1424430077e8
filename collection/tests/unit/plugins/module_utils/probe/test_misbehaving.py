# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The engine end to end against a server that misbehaves on purpose: expected = counted, nothing unaccounted for."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.certificates import (
    authority,
    issue,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.full_backlog import full_backlog
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.misbehaving_process import (
    Misbehaving,
)

ENGINE = Path(__file__).parents[5] / "plugins" / "module_utils"
LIMIT = "400ms"  # of a request, where the kind is one that never ends

#: kind of misbehaviour -> outcome
EXPECTED = {
    "ok": "ok",
    "ok-chunked": "ok",
    "ok-until-close": "ok",
    "ok-http10": "ok",
    "ok-after-hints": "ok",
    "ok-then-close": "ok",
    "ok-then-reset": "ok",
    "no-content": "ok",
    "not-modified": "ok",
    "redirect": "ok",  # 302 is in the default set of statuses, and is not followed unless asked
    "long-body": "ok",  # the answer is whole; what follows it makes the connection useless
    "status-500": "wrong_status",
    "status-503": "wrong_status",
    "reset-before": "reset",
    "close-before": "reset",
    "reset-in-headers": "reset_in_answer",
    "reset-after-headers": "reset_in_answer",
    "reset-in-body": "reset_in_answer",
    "close-in-headers": "closed_early",
    "short-body": "closed_early",
    "short-chunked": "closed_early",
    "garbage": "malformed",
    "garbage-status": "malformed",
    "garbage-length": "malformed",
    "two-lengths": "malformed",
    "garbage-chunk": "malformed",
    "endless-headers": "malformed",
    "never-answer": "timeout_headers",
    "stall-in-headers": "timeout_headers",
    "slow-headers": "timeout_headers",
    "stall-in-body": "timeout_body",
    "slow-body": "timeout_body",
    "endless-body": "timeout_body",
}
ENDLESS = [kind for kind, outcome in EXPECTED.items() if outcome.startswith("timeout")]


def probe(tmp_path: Path, *options: str, descriptors: int | None = None) -> dict[str, Any]:
    """Run the engine as the command that it is, and check that its books balance."""
    result = tmp_path / "record.json"
    command = [sys.executable, "-m", "probe", "--result", str(result), *options]

    def limit() -> None:
        if descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    done = subprocess.run(
        command, cwd=ENGINE, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limit
    )
    assert result.exists(), done.stdout + done.stderr
    record: dict[str, Any] = json.loads(result.read_text())
    balance(record)
    return record


def balance(record: dict[str, Any]) -> None:
    """0 requests unaccounted for, in every group of figures."""
    groups = [record["totals"], *record["lanes"].values(), *record["targets"].values()]
    for figures in groups:
        assert figures["due"] == figures["completed"] + figures["failed"] + figures["not_sent"]
        assert figures["due"] == sum(seen["count"] for seen in figures["outcomes"].values())
    assert sum(lane["due"] for lane in record["lanes"].values()) == record["totals"]["due"]
    assert sum(target["due"] for target in record["targets"].values()) == record["totals"]["due"]


def counted(record: dict[str, Any]) -> dict[str, int]:
    """outcome -> how many."""
    return {name: seen["count"] for name, seen in record["totals"]["outcomes"].items()}


@pytest.fixture(scope="module")
def server():
    with Misbehaving() as running:
        yield running


@pytest.mark.parametrize("kind", [kind for kind in EXPECTED if kind not in ENDLESS])
def test_each_kind_is_counted_exactly(server, tmp_path, kind):
    before = server.counts().get(kind, 0)
    record = probe(tmp_path, "--url", f"{server.url}/kind/{kind}", "--users", "4", "--requests", "20")
    assert counted(record) == {EXPECTED[kind]: 20}
    assert server.counts()[kind] - before == 20  # no silent retry


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_never_ends_is_ended_by_the_time_limit(server, tmp_path, kind):
    started = time.monotonic()
    record = probe(
        *(tmp_path, "--url", f"{server.url}/kind/{kind}", "--users", "8", "--requests", "8", "--timeout", LIMIT)
    )
    assert counted(record) == {EXPECTED[kind]: 8}
    assert time.monotonic() - started < 5
    times = record["totals"]["failure_time"]
    assert times["count"] == 8
    assert times["min_ns"] >= 400e6


def test_wrong_body_is_seen_when_a_body_is_expected(server, tmp_path):
    url = f"{server.url}/kind/wrong-body"
    load = ("--users", "2", "--requests", "10")
    assert counted(probe(tmp_path, "--url", url, *load)) == {"ok": 10}
    assert counted(probe(tmp_path, "--url", url, *load, "--expect-body", "ok")) == {"wrong_body": 10}


def test_a_mixture_is_counted_exactly_and_as_the_server_served_it(tmp_path):
    plan = {kind: 5 + number for number, kind in enumerate(EXPECTED) if kind not in ENDLESS} | {"never-answer": 4}
    expected: dict[str, int] = {}
    for kind, count in plan.items():
        expected[EXPECTED[kind]] = expected.get(EXPECTED[kind], 0) + count
    total = sum(plan.values())
    with Misbehaving(plan) as server:
        record = probe(*(tmp_path, "--url", server.url, "--users", "10", "--requests", str(total), "--timeout", "2s"))
        assert server.counts() == plan
    assert counted(record) == expected


def test_a_mixture_on_kept_connections_is_counted_exactly(server, tmp_path):
    kinds = ["ok", "reset-before", "ok-chunked", "short-body", "status-500", "garbage", "reset-in-body"]
    urls = [part for kind in kinds for part in ("--url", f"{server.url}/kind/{kind}")]
    record = probe(tmp_path, *urls, "--connection", "reuse", "--users", "5", "--requests", "140")
    assert counted(record) == {
        "ok": 40,
        "reset": 20,
        "closed_early": 20,
        "wrong_status": 20,
        "malformed": 20,
        "reset_in_answer": 20,
    }


@pytest.mark.parametrize(
    ("kind", "outcome", "said"),
    [
        ("reset-before", "reset", "reset"),
        ("close-before", "reset", "reset"),
        ("never-answer", "timeout_headers", "stalled"),
    ],
)
def test_a_failed_kept_connection_is_tried_anew_at_once(tmp_path, kind, outcome, said):
    with Misbehaving(["ok", kind]) as server:
        record = probe(
            *(tmp_path, "--url", server.url, "--connection", "reuse", "--users", "1"),
            *("--requests", "10", "--timeout", LIMIT),
        )
        # One more than planned: the new connection that tells what the failure means. It is in no figure.
        assert server.counts() == {"ok": 10, kind: 1}
    assert counted(record) == {"ok": 9, outcome: 1}
    assert record["lanes"]["reuse"]["kept_connection_failures"] == {
        "reset": 0,
        "stalled": 0,
        "outage": 0,
        "new_fails": 0,
        said: 1,
    }


@pytest.mark.parametrize("kind", ["ok-then-close", "ok-then-reset"])
def test_keep_alive_that_is_broken_costs_no_request_its_account(server, tmp_path, kind):
    record = probe(
        *(tmp_path, "--url", f"{server.url}/kind/{kind}", "--connection", "reuse", "--users", "2"),
        *("--requests", "100"),
    )
    outcomes = counted(record)
    # Whether the end of the connection or the next request is first is a race; both ends of it are told.
    assert set(outcomes) <= {"ok", "reset"}
    kept = sum(record["lanes"]["reuse"]["kept_connection_failures"].values())
    # On a busy machine a reset may overtake the first answer: that connection was never kept.
    overtaken = outcomes.get("reset", 0) - kept
    assert overtaken >= 0
    assert outcomes["ok"] >= 50 - overtaken


def test_refusal_is_one_outage_with_start_and_end_within_an_interval(tmp_path):
    rate = 200
    with Misbehaving() as server:
        begin = threading.Timer(1.2, server.refuse_begin, [0.5])
        begin.start()
        record = probe(tmp_path, "--url", server.url, "--rate", str(rate), "--duration", "3s")
        begin.join()
        window = server.refuse_end()
    assert record["totals"]["due"] == rate * 3
    assert record["outages"]["count"] == 1
    (outage,) = [found for found in record["outages"]["list"] if not found["isolated"]]
    started = record["started_unix_ns"] / 1e9
    # A request that is due reaches the server a little later, on a busy machine more so: the engine tells how much.
    near = 1 / rate + record["self_check"]["lateness"]["max_ns"] / 1e9 + 0.002
    # What waits for its answer when the server closes is reset: it began up to the longest wait earlier.
    waiting = record["totals"]["latency"]["max_ns"] / 1e9
    assert window.closing - near - waiting <= started + outage["first_bad_s"] <= window.closed + near
    assert window.opening - near <= started + outage["end_s"] <= window.opened + near
    assert set(counted(record)) <= {"ok", "refused", "reset"}
    assert outage["requests_lost"] == record["totals"]["failed"]
    assert outage["length_s"] == pytest.approx(record["totals"]["failed"] / rate, abs=0.001)


def test_refusal_on_both_lanes(tmp_path):
    rate = 100
    with Misbehaving() as server:
        begin = threading.Timer(1.0, server.refuse_begin, [0.5])
        begin.start()
        record = probe(tmp_path, "--url", server.url, "--rate", str(rate), "--duration", "2s", "--connection", "both")
        begin.join()
        window = server.refuse_end()
    assert record["totals"]["due"] == 4 * rate
    slack = 2 + rate * record["self_check"]["lateness"]["max_ns"] / 1e9
    for lane in record["lanes"].values():
        assert lane["due"] == 2 * rate
        assert (window.opening - window.closed) * rate - slack <= lane["failed"]
        assert lane["failed"] <= (window.opened - window.closing) * rate + slack
        assert lane["outages"]["count"] == 1
    assert record["lanes"]["reuse"]["kept_connection_failures"]["outage"] >= 1


def test_nobody_listens(tmp_path):
    with socket.socket() as holder:  # bound and not listening: refused, and nobody else's
        holder.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{holder.getsockname()[1]}/"
        assert counted(probe(tmp_path, "--url", url, "--users", "2", "--requests", "10")) == {"refused": 10}


def test_connecting_hangs(tmp_path):
    with full_backlog() as port:
        url = f"http://127.0.0.1:{port}/"
        record = probe(tmp_path, "--url", url, "--users", "3", "--requests", "6", "--timeout", LIMIT)
    assert counted(record) == {"timeout_connecting": 6}


def test_accepted_and_never_answered(tmp_path):
    with Misbehaving(front="mute") as server:
        record = probe(tmp_path, "--url", server.url, "--users", "3", "--requests", "6", "--timeout", LIMIT)
        assert server.counts() == {"mute": 6}
    assert counted(record) == {"timeout_headers": 6}


def test_name_that_does_not_exist(tmp_path):
    record = probe(tmp_path, "--url", "http://no-such-host.invalid/", "--users", "2", "--requests", "4")
    assert counted(record) == {"dns": 4}


@pytest.mark.parametrize(
    ("front", "outcome"),
    [
        ("tls-plaintext", "tls"),
        ("tls-reset", "tls"),
        ("tls-close", "tls"),
        ("tls-never", "timeout_connecting"),
    ],
)
def test_handshakes_that_fail(tmp_path, front, outcome):
    with Misbehaving(front=front) as server:
        record = probe(
            *(tmp_path, "--url", server.url, "--users", "2", "--requests", "6"),
            *("--timeout", LIMIT, "--no-verify"),
        )
        assert server.counts() == {front: 6}
    assert counted(record) == {outcome: 6}


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    ca = authority(folder, "ca")
    return {
        "ca": ca,
        "good": issue(folder, ca, "good"),
        "expired": issue(folder, ca, "expired", days=-1),
        "other-name": issue(folder, ca, "other-name", "DNS:other"),
        "client": issue(folder, ca, "client", "DNS:client"),
        "own": authority(folder, "own"),
    }


@pytest.mark.parametrize(
    ("identity", "options", "outcome"),
    [
        ("good", ["--ca-file", "CA"], "ok"),
        ("good", [], "tls"),  # an authority that nobody was told of
        ("own", ["--ca-file", "CA"], "tls"),
        ("expired", ["--ca-file", "CA"], "tls"),
        ("other-name", ["--ca-file", "CA"], "tls"),
        ("other-name", ["--ca-file", "CA", "--server-name", "other"], "ok"),
        ("expired", ["--no-verify"], "ok"),
    ],
)
def test_certificates(tmp_path, pki, identity, options, outcome):
    told = [str(pki["ca"].cert) if option == "CA" else option for option in options]
    with Misbehaving(front="tls", cert=pki[identity].cert, key=pki[identity].key) as server:
        for connection in ("new", "reuse"):
            load = ("--users", "2", "--requests", "6", "--connection", connection)
            record = probe(tmp_path, "--url", server.url, *load, *told)
            assert counted(record) == {outcome: 6}
        assert server.counts().get("ok", 0) == (12 if outcome == "ok" else 0)


@pytest.mark.parametrize(("with_certificate", "outcome"), [(True, "ok"), (False, "tls")])
def test_client_certificate(tmp_path, pki, with_certificate, outcome):
    own = ["--client-cert", str(pki["client"].cert), "--client-key", str(pki["client"].key)]
    with Misbehaving(front="tls", cert=pki["good"].cert, key=pki["good"].key, client_ca=pki["ca"].cert) as server:
        record = probe(
            *(tmp_path, "--url", server.url, "--users", "2", "--requests", "6", "--ca-file", str(pki["ca"].cert)),
            *(own if with_certificate else []),
        )
    assert counted(record) == {outcome: 6}


@pytest.mark.parametrize("kind", ["short-body", "reset-in-body", "garbage", "stall-in-body", "status-500"])
def test_misbehaviour_under_tls(tmp_path, pki, kind):
    with Misbehaving(front="tls", cert=pki["good"].cert, key=pki["good"].key) as server:
        record = probe(
            *(tmp_path, "--url", f"{server.url}/kind/{kind}", "--users", "2", "--requests", "6"),
            *("--timeout", LIMIT, "--ca-file", str(pki["ca"].cert)),
        )
        assert server.counts()[kind] == 6
    assert counted(record) == {EXPECTED[kind]: 6}


def test_a_cap_in_flight_leaves_requests_unsent_and_the_verdict_inconclusive(server, tmp_path):
    record = probe(
        *(tmp_path, "--url", f"{server.url}/kind/never-answer", "--rate", "50", "--duration", "1s"),
        *("--max-in-flight", "5", "--timeout", "3s"),
    )
    assert counted(record) == {"timeout_headers": 5, "not_sent": 45}
    assert record["verdict"] == "inconclusive"
    assert record["totals"]["availability"]["planned"]["of"] == 50


def test_own_descriptors_run_out(server, tmp_path):
    record = probe(
        *(tmp_path, "--url", f"{server.url}/kind/never-answer", "--rate", "100", "--duration", "1s"),
        *("--timeout", "2s"),
        descriptors=40,
    )
    outcomes = counted(record)
    assert set(outcomes) == {"timeout_headers", "descriptors_exhausted"}
    assert outcomes["descriptors_exhausted"] >= 60
    assert record["totals"]["not_sent"] == outcomes["descriptors_exhausted"]
    assert record["verdict"] == "inconclusive"


def test_two_processes_count_as_one(tmp_path):
    plan = {"ok": 150, "status-500": 30, "reset-before": 20}
    with Misbehaving(plan) as server:
        record = probe(*(tmp_path, "--url", server.url, "--users", "4", "--requests", "200", "--processes", "2"))
        assert server.counts() == plan
    assert counted(record) == {"ok": 150, "wrong_status": 30, "reset": 20}
