# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What each client says about a stall that is known: nginx stopped for 2 s in a run of 10 s at 1,000 requests/s.

Ideal: 10,000 requests are due. Those due in a stall of S seconds wait up to S, evenly, so a tenth of all waits S - 1 s
or longer (p90) and a hundredth S - 0.1 s or longer (p99), if all that wait are answered at once. S is asked for as 2 s
and measured: on a busy machine the server is woken a little late.

True for ours: nginx takes its time for the requests of a client that sent them all. Each of ours has its number in
its address, nginx writes down when it answered which, and when each was due is known from the rate.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from math import ceil
from typing import Any

from clients import Ours
from load import Load, measure
from nginx import Nginx
from setting import Setting
from table import number, table, verdict

NAMES = ("ours", "vegeta", "oha", "oha --latency-correction", "k6", "hey", "wrk")
RATE, SECONDS, STALL_AT_S, STALL_S = 1_000, 10, 4.0, 2.0
#: That many ms below the stall's length lie p90 and p99: a tenth and a hundredth of the 10 s of the run.
BELOW_STALL_MS = {"p90_ms": 1_000.0, "p99_ms": 100.0}
SHARES = {"p90_ms": 0.90, "p99_ms": 0.99}
TOLERANCE = 0.01


def run(setting: Setting) -> dict[str, Any]:
    """client -> what it said; ours with its outages and stalls, too."""
    results: dict[str, Any] = {}
    for name in NAMES:
        with Nginx(setting.programs["nginx"], setting.server_core, logged=True) as server:
            # wrk has no rate: it goes as fast as it can
            load = Load(server.url, SECONDS, rate=None if name == "wrk" else RATE)
            client = setting.client(name)
            if name == "ours":
                load, client = replace(load, url=f"{server.url}?n={{value}}"), _numbering(setting)
            stall = _Stall(server)
            stall.start()
            said = measure(client, load, setting.client_core)
            stall.join()
            answered = server.answered()
        results[name] = asdict(said)
        record = results[name].pop("extra")
        results[name]["stall_s"] = stall.lasted_s
        if name == "ours":
            results[name]["answered"] = len(answered)
            results[name]["true"] = true_ms(answered, record["started_unix_ns"] / 1e9)
            results[name]["found"] = [
                {key: found[key] for key in ("kind", "length_s", "requests_slow", "requests_lost", "resolution_s")}
                for found in record["outages"]["list"]
            ]
    return results


def _numbering(setting: Setting) -> Ours:
    """Ours, which fills the number of each request into its address; from 1 on, as nginx takes 0 for none."""
    config = setting.files / "numbers.json"
    config.write_text(json.dumps({"values": [str(number) for number in range(1, RATE * SECONDS + 1)]}))
    return Ours(setting.files, ("--config", str(config)))


def true_ms(answered: Mapping[int, float], started_s: float) -> dict[str, float]:
    """Percentiles in ms of the time from when request n was due, n - 1 ms after `started_s`, to when it was answered.

    {} without answers.
    """
    if not answered:
        return {}
    waits = sorted(at_s - started_s - (number - 1) / RATE for number, at_s in answered.items())
    return {key: waits[ceil(share * len(waits)) - 1] * 1e3 for key, share in SHARES.items()}


class _Stall(threading.Thread):
    """Stops the server STALL_AT_S after the first connection could be there, for STALL_S."""

    def __init__(self, server: Nginx) -> None:
        super().__init__()
        self._server = server
        self.lasted_s = 0.0

    def run(self) -> None:
        time.sleep(STALL_AT_S)
        start = self._server.pause()
        time.sleep(STALL_S)
        self.lasted_s = self._server.resume() - start


def render(results: dict[str, Any]) -> list[str]:
    """What each said beside what was true in its own run."""
    rows = [
        [
            name,
            number(said["stall_s"], 3),
            number(said["requests"], 0),
            *(_held_against(said, key) for key in BELOW_STALL_MS),
            ", ".join(f"{count} {kind}" for kind, count in said["bad"].items()) if sum(said["bad"].values()) else "0",
            "; ".join(f"{f['kind']} of {f['length_s']:.3f} s" for f in said.get("found", [])) or "-",
        ]
        for name, said in results.items()
    ]
    ours = results["ours"]
    true = ours.get("true") or {}  # a page may still show what was measured without
    right = (
        len(true) == len(SHARES)
        and all(abs(ours[key] / true[key] - 1) <= TOLERANCE for key in SHARES)
        and ours["requests"] == ours["answered"] == RATE * SECONDS
        and not sum(ours["bad"].values())
    )
    heads = [
        "client",
        "stall s",
        "requests (10,000)",
        "p90 ms (ideal)",
        "p99 ms (ideal)",
        "failed or dropped",
        "outages found",
    ]
    return [
        *table(heads, rows),
        "",
        f"- ours within 1 % of what is true, with all 10,000 accounted for: {verdict(right)}",
    ]


def _held_against(said: dict[str, Any], key: str) -> str:
    """What a client said; in brackets what was true, where the server wrote it down, and the ideal."""
    ideal = number(said["stall_s"] * 1e3 - BELOW_STALL_MS[key], 0)
    true = f"true {number(said['true'][key], 0)}; " if said.get("true") else ""
    return f"{number(said[key], 0)} ({true}{ideal})"
