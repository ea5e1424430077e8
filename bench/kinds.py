# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What each client says about known misbehaviour, and about a server that refuses for half a second."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from typing import Any

from cores import on_core
from load import Load, measure
from servers import Misbehaving
from setting import Setting
from table import number, table, verdict

#: kind -> (how often, what the probe record calls it); docs/probe-result.md
PLAN = {
    "ok": (1800, "ok"),
    "status-500": (50, "wrong_status"),
    "reset-before": (40, "reset"),
    "reset-in-headers": (20, "reset_in_answer"),
    "reset-in-body": (20, "reset_in_answer"),
    "short-body": (50, "closed_early"),
    "garbage": (20, "malformed"),
}
NAMES = ("ours", "oha", "hey", "k6", "siege")
CONNECTIONS = 10
RATE, SECONDS, REFUSE_AT_S, REFUSE_S = 1_000, 4, 1.5, 0.5


def run(setting: Setting) -> dict[str, Any]:
    """`clients`: client -> what it said and what the server read; `refusal`: ours beside the true window."""
    total = sum(count for count, _ in PLAN.values())
    clients = {}
    for name in NAMES:
        with _server(setting, {kind: count for kind, (count, _) in PLAN.items()}) as server:
            # Each in its default mode. On kept connections ours asks a new one what a failure means: those requests
            # would take their share of the plan's kinds, too.
            load = Load(server.url + "/", connections=CONNECTIONS, requests=total, new=name == "ours")
            said = asdict(measure(setting.client(name), load, setting.client_core))
            said.pop("extra")
            clients[name] = {**said, "served": sum(server.counts().values())}
    return {"clients": clients, "refusal": _refusal(setting)}


def _server(setting: Setting, plan: dict[str, int]) -> Misbehaving:
    with on_core(setting.server_core):
        return Misbehaving(plan)


def _refusal(setting: Setting) -> dict[str, Any]:
    with _server(setting, {}) as server:
        begin = _Begin(server)
        begin.start()
        load = Load(server.url + "/", SECONDS, rate=RATE, new=True)
        said = measure(setting.client("ours"), load, setting.client_core)
        begin.join()
        window = server.refuse_end()
    record: dict[str, Any] = dict(said.extra)
    started = record["started_unix_ns"] / 1e9
    return {
        "true_start_s": window.closing - started,
        "true_end_s": window.opened - started,
        "interval_s": 1 / RATE,
        "found": [found for found in record["outages"]["list"] if found["kind"] == "outage" and not found["isolated"]],
        "due": record["totals"]["due"],
        "completed": record["totals"]["completed"],
        "failed": record["totals"]["failed"],
        "not_sent": record["totals"]["not_sent"],
    }


class _Begin(threading.Thread):
    """Starts the refusal while the client runs."""

    def __init__(self, server: Misbehaving) -> None:
        super().__init__()
        self._server = server

    def run(self) -> None:
        time.sleep(REFUSE_AT_S)
        self._server.refuse_begin(REFUSE_S)


def render(results: dict[str, Any]) -> list[str]:
    """Two tables: by kind, and the refusal."""
    expected: dict[str, int] = {}
    for count, outcome in PLAN.values():
        expected[outcome] = expected.get(outcome, 0) + count
    good = expected.pop("ok")
    total = good + sum(expected.values())
    rows = [["**true**", f"{total:,}", number(good, 0), _kinds(expected), f"{total:,}"]]
    for name, said in results["clients"].items():
        rows.append(
            [
                name,
                number(said["requests"], 0),
                number(said["good"], 0),
                _kinds(said["bad"]),
                number(said["served"], 0),
            ]
        )
    ours = results["clients"]["ours"]
    exact = ours["bad"] == expected and ours["good"] == good and ours["served"] == total
    refusal = results["refusal"]
    lines = [
        *table(["client", "requests", "good", "bad, in its own words", "requests that the server read"], rows),
        "",
        f"- ours exact by kind, nothing retried silently: {verdict(exact)}",
        "",
        "A server that refuses for half a second, at 1,000 requests/s, a new connection for each:",
        "",
    ]
    return lines + _refusal_table(refusal)


def _refusal_table(refusal: dict[str, Any]) -> list[str]:
    true = [refusal["true_start_s"], refusal["true_end_s"]]
    rows = [["**true**", number(true[0], 4), number(true[1], 4), number(true[1] - true[0], 4), ""]]
    for found in refusal["found"]:
        length = f"{found['length_s']:.4f} ± {found['resolution_s']:.4f}"
        rows.append(
            ["ours", number(found["first_bad_s"], 4), number(found["end_s"], 4), length, _kinds(found["outcomes"])]
        )
    near = [
        abs(found["first_bad_s"] - true[0]) <= refusal["interval_s"] + 1e-9
        and abs(found["end_s"] - true[1]) <= refusal["interval_s"] + 1e-9
        for found in refusal["found"]
    ]
    accounted = refusal["completed"] + refusal["failed"] + refusal["not_sent"]
    return [
        *table(["", "start s", "end s", "length s", "outcomes"], rows),
        "",
        f"- one outage, its start and end within one request interval (1 ms): {verdict(near == [True])}",
        f"- due {refusal['due']:,} = completed {refusal['completed']:,} + failed {refusal['failed']:,} "
        f"+ not sent {refusal['not_sent']:,}: {verdict(accounted == refusal['due'])}",
    ]


def _kinds(bad: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind[:50]}" for kind, count in sorted(bad.items())) or "none"
