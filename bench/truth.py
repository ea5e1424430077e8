# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What each client says about a stall that is known: nginx stopped for 2 s in a run of 10 s at 1,000 requests/s.

True: 10,000 requests are due. Those due in a stall of S seconds wait up to S, evenly, so a tenth of all waits S - 1 s
or longer (p90) and a hundredth S - 0.1 s or longer (p99). S is asked for as 2 s and measured: on a busy machine the
server is woken a little late.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from typing import Any

from load import Load, measure
from nginx import Nginx
from setting import Setting
from table import number, table, verdict

NAMES = ("ours", "vegeta", "oha", "oha --latency-correction", "k6", "hey", "wrk")
RATE, SECONDS, STALL_AT_S, STALL_S = 1_000, 10, 4.0, 2.0
#: That many ms below the stall's length lie p90 and p99: a tenth and a hundredth of the 10 s of the run.
BELOW_STALL_MS = {"p90_ms": 1_000.0, "p99_ms": 100.0}
TOLERANCE = 0.01


def run(setting: Setting) -> dict[str, Any]:
    """client -> what it said; ours with its outages and stalls, too."""
    results: dict[str, Any] = {}
    for name in NAMES:
        with Nginx(setting.programs["nginx"], setting.server_core) as server:
            stall = _Stall(server)
            stall.start()
            # wrk has no rate: it goes as fast as it can
            rate = None if name == "wrk" else RATE
            said = measure(setting.client(name), Load(server.url, SECONDS, rate=rate), setting.client_core)
            stall.join()
        results[name] = asdict(said)
        record = results[name].pop("extra")
        results[name]["stall_s"] = stall.lasted_s
        if name == "ours":
            results[name]["found"] = [
                {key: found[key] for key in ("kind", "length_s", "requests_slow", "requests_lost", "resolution_s")}
                for found in record["outages"]["list"]
            ]
    return results


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
            *(f"{number(said[key], 0)} ({number(_true_ms(said, key), 0)})" for key in BELOW_STALL_MS),
            ", ".join(f"{count} {kind}" for kind, count in said["bad"].items()) if sum(said["bad"].values()) else "0",
            "; ".join(f"{f['kind']} of {f['length_s']:.3f} s" for f in said.get("found", [])) or "-",
        ]
        for name, said in results.items()
    ]
    ours = results["ours"]
    reached = all(abs(ours[key] / _true_ms(ours, key) - 1) <= TOLERANCE for key in BELOW_STALL_MS)
    right = reached and ours["requests"] == RATE * SECONDS and not sum(ours["bad"].values())
    heads = [
        "client",
        "stall s",
        "requests (10,000)",
        "p90 ms (true)",
        "p99 ms (true)",
        "failed or dropped",
        "outages found",
    ]
    return [*table(heads, rows), "", f"- ours within 1 %, with all 10,000 accounted for: {verdict(right)}"]


def _true_ms(said: dict[str, Any], key: str) -> float:
    return float(said["stall_s"] * 1e3 - BELOW_STALL_MS[key])
