# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What each client says about a stall that is known: nginx stopped for 2 s in a run of 10 s at 1,000 requests/s.

True: 10,000 requests are due. Those due in the stall wait up to 2 s, evenly, so a tenth of all waits 1 s or longer
(p90) and a hundredth 1.9 s or longer (p99).
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
TRUE_P90_MS, TRUE_P99_MS = 1_000.0, 1_900.0
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
    """True values first, then what each said."""
    rows = [["**true**", "10,000", number(TRUE_P90_MS, 0), number(TRUE_P99_MS, 0), "0", "one stall of 2 s"]]
    for name, said in results.items():
        bad = sum(said["bad"].values())
        rows.append(
            [
                name,
                number(said["requests"], 0),
                number(said["p90_ms"], 0),
                number(said["p99_ms"], 0),
                ", ".join(f"{count} {kind}" for kind, count in said["bad"].items()) if bad else "0",
                "; ".join(f"{f['kind']} of {f['length_s']:.3f} s" for f in said.get("found", [])) or "-",
            ]
        )
    ours = results["ours"]
    reached = all(
        abs(ours[key] / true - 1) <= TOLERANCE for key, true in (("p90_ms", TRUE_P90_MS), ("p99_ms", TRUE_P99_MS))
    )
    right = reached and ours["requests"] == RATE * SECONDS and not sum(ours["bad"].values())
    return [
        *table(["client", "requests", "p90 ms", "p99 ms", "failed or dropped", "outages found"], rows),
        "",
        f"- ours within 1 %, with all 10,000 accounted for: {verdict(right)}",
    ]
