# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""docs/bench.md from the results of the parts."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import endurance
import kinds
import many_probers
import messages
import open_loop
import peers
import speed
import truth
import week
from clients import PYTHON
from setting import Setting


@dataclass(frozen=True)
class Part:
    """One part of the benchmark: how it is measured, and how its results are told."""

    title: str
    about: str
    run: Callable[[Setting], dict[str, Any]]
    render: Callable[[dict[str, Any]], list[str]]


PARTS = {
    "kept": Part(
        "Kept connections, as fast as it goes",
        "50 connections, nginx on the other core, every client with its usual recording on; ours with all of it.",
        speed.kept,
        speed.render,
    ),
    "new": Part(
        "A new connection for each request",
        "50 workers. Clients without a goal are there for comparison.",
        speed.new,
        speed.render,
    ),
    "tls": Part(
        "TLS on kept connections",
        "50 connections, kept; hey and wrk never check a certificate, ours and oha are told not to.",
        speed.tls,
        speed.render,
    ),
    "tls-new": Part(
        "TLS on new connections",
        "50 workers, a connection and a whole handshake for each request (P-256).",
        speed.tls_new,
        speed.render,
    ),
    "http2": Part(
        "HTTP/2",
        "50 requests at once on one connection, under TLS by ALPN (k6: one for each of 50 users).",
        speed.http2,
        speed.render,
    ),
    "open": Part(
        "A constant rate: how punctual are the arrivals?",
        "Lateness of the arrivals against the even schedule, stamped by the server's kernel. The schedule is laid so "
        "that 1 % of the arrivals come before their place, the same for every client; the first half second is not "
        "counted.",
        open_loop.run,
        open_loop.render,
    ),
    "truth": Part(
        "Truth: a stall of 2 s",
        "nginx stopped (SIGSTOP) for 2 s in a run of 10 s at 1,000 requests/s; wrk has no rate and goes as fast as "
        "it can, and hey limits each of its 50 workers to 20 a second. Ideal: all that wait are answered the moment "
        "nginx goes on. True: when nginx answered each of our requests, by its own log; it takes its time for a "
        "client that sent all of them.",
        truth.run,
        truth.render,
    ),
    "kinds": Part(
        "Truth of kinds: known misbehaviour",
        "2,000 requests from 10 workers to the misbehaving server of the tests, each client in its default mode (ours: "
        "a new connection for each request; the others: kept ones).",
        kinds.run,
        kinds.render,
    ),
    "messages": Part(
        "Truth of answers: unusual and whole, or broken",
        "20 requests from 2 workers for each answer (wrk: 1 s), each client in its default mode; the server closes "
        "after each. Bold is wrong.",
        messages.run,
        messages.render,
    ),
    "endurance": Part(
        "Ten million requests",
        "50 kept connections, one process.",
        endurance.run,
        endurance.render,
    ),
    "week": Part(
        "A week, simulated",
        "100 requests a second for seven days as the supervisor sees them, with a reset every minute and a brown-out "
        "every ten; sockets are left out, and the clock.",
        week.run,
        week.render,
    ),
    "probers": Part(
        "A hundred probers as one",
        "`probe merge` of a hundred records of an hour at 100 requests a second, simulated, on one core.",
        many_probers.run,
        many_probers.render,
    ),
}


def _machine() -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    version = subprocess.run([PYTHON, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, {version} for the engine"


def _versions() -> str:
    built = [f"{name} {version}" for name, (_, version) in peers.GO_MODULES.items()]
    return ", ".join([*built, f"oha {peers.OHA}", f"k6 {peers.K6}", "wrk, siege, h2load and nginx from Debian"])


def write(target: Path, results: dict[str, Any]) -> None:
    """Write the page; `results` maps a part to its `results` and to what was set (`seconds`, `rounds`, `at`)."""
    lines = [
        "# The load engine against its peers",
        "",
        "Written by `make bench`. One client on one core, the server on another, clients in alternating rounds;",
        "figures are medians of the rounds. A ratio is taken within one run on one machine; the bare numbers change",
        "from one machine to another.",
        "",
        f"- machine: {_machine()}",
        f"- peers: {_versions()}",
    ]
    for name, part in PARTS.items():
        if name not in results:
            continue
        made = results[name]
        lines += ["", f"## {part.title}", "", part.about]
        lines += [f"Measured {made['at']}, {made['seconds']:g} s a run, {made['rounds']} round(s).", ""]
        lines += part.render(made["results"])
    target.write_text("\n".join(lines).rstrip() + "\n")
