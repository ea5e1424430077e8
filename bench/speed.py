# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How many requests a second one core makes: connections kept, and a new one for each request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from figures import middle
from load import Load
from nginx import Nginx
from setting import Setting
from table import number, ratio, table

#: peer -> the least ratio of our rate to its rate that issue 4 asks for
KEPT = {"wrk": 0.9, "oha": 1.0, "hey": 2.0, "vegeta": 2.0, "k6": 4.0, "siege": 10.0}
NEW = {"hey": 1.0, "vegeta": 1.0}
#: Shown beside those that have a goal.
NEW_BESIDE = ("wrk", "oha", "k6")
TLS = {"wrk": 0.9}
TLS_BESIDE = ("oha", "hey")
TLS_NEW = {"vegeta": 1.0, "oha": 1.0}
TLS_NEW_BESIDE = ("wrk",)
HTTP2_BESIDE = ("h2load", "oha", "k6")


def _run(
    setting: Setting,
    goals: Mapping[str, float],
    beside: Sequence[str] = (),
    *,
    new: bool = False,
    tls: bool = False,
    http2: bool = False,
) -> dict[str, Any]:
    names = ["ours", *goals, *beside]
    with Nginx(setting.programs["nginx"], setting.server_core, tls, http2) as server:
        measured = setting.alternate(names, Load(server.url, seconds=setting.seconds, new=new, http2=http2))
    return {
        name: {
            "rate": middle(run.rate for run in runs),
            "rates": [run.rate for run in runs],
            "cpu_us": middle(run.cpu_us for run in runs),
            "peak_mib": max(run.peak_mib for run in runs),
            "p50_ms": middle(run.p50_ms for run in runs),
            "p99_ms": middle(run.p99_ms for run in runs),
            "failed": sum(sum(run.bad.values()) for run in runs),
            "goal": goals.get(name),
        }
        for name, runs in measured.items()
    }


def kept(setting: Setting) -> dict[str, Any]:
    """50 connections, kept."""
    return _run(setting, KEPT)


def new(setting: Setting) -> dict[str, Any]:
    """50 workers, each request on a connection of its own."""
    return _run(setting, NEW, NEW_BESIDE, new=True)


def tls(setting: Setting) -> dict[str, Any]:
    """50 kept connections under TLS; nobody checks the certificate."""
    return _run(setting, TLS, TLS_BESIDE, tls=True)


def tls_new(setting: Setting) -> dict[str, Any]:
    """50 workers, each request on a connection of its own, with a whole handshake."""
    return _run(setting, TLS_NEW, TLS_NEW_BESIDE, new=True, tls=True)


def http2(setting: Setting) -> dict[str, Any]:
    """50 requests at once on one connection, by ALPN."""
    return _run(setting, {}, HTTP2_BESIDE, tls=True, http2=True)


def render(results: dict[str, Any]) -> list[str]:
    """The table of one of the two."""
    ours = results["ours"]["rate"]
    rows = [
        [
            name,
            number(row["rate"], 0),
            f"{number(min(row['rates']), 0)} to {number(max(row['rates']), 0)}",
            "" if name == "ours" or not row["rate"] else ratio(ours / row["rate"], row["goal"]),
            number(row["cpu_us"], 1),
            number(row["peak_mib"], 0),
            number(row["p50_ms"], 2),
            number(row["p99_ms"], 2),
            str(row["failed"]),
        ]
        for name, row in results.items()
    ]
    heads = ["client", "requests/s", "all rounds", "ours / it (goal)", "CPU µs a request", "peak MiB"]
    return table([*heads, "p50 ms", "p99 ms", "failed"], rows)
