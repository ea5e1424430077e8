# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Helpers of the end-to-end tests: run a plan, check what must hold of every record."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.supervisor import Supervisor

COLLECTION = Path(__file__).resolve().parents[5]
SCHEMA = json.loads((COLLECTION.parent / "docs" / "probe-result.schema.json").read_text())


def accounted(record: dict[str, Any]) -> None:
    """The schema holds, and in every group each request that was due has exactly one outcome."""
    jsonschema.validate(record, SCHEMA)
    groups = [record["totals"], *record["lanes"].values(), *record["targets"].values()]
    groups += [group for values in record["identities"].values() for group in values.values()]
    for group in groups + ([record["control"]] if record["control"] else []):
        assert group["due"] == group["completed"] + group["failed"] + group["not_sent"]
        assert group["due"] == sum(entry["count"] for entry in group["outcomes"].values())
        assert group["latency"]["count"] == group["completed"]
        assert group["service_time"]["count"] == group["completed"]
        assert group["failure_time"]["count"] == group["failed"]
    rows = record["timeline"]["rows"]
    for name, entry in record["totals"]["outcomes"].items():
        assert sum(row["outcomes"].get(name, 0) for row in rows) == entry["count"]
    assert sum(sum(row.get("latency", [])[1::2]) for row in rows) == record["totals"]["completed"]
    for values in record["identities"].values():
        assert sum(group["due"] for group in values.values()) == record["totals"]["due"]
    assert sum(group["due"] for group in record["lanes"].values()) == record["totals"]["due"]
    assert sum(group["due"] for group in record["targets"].values()) == record["totals"]["due"]
    assert record["outages"]["requests_lost"] == record["totals"]["failed"]


def probe(**options: Any) -> dict[str, Any]:
    """Run a plan and return its record, checked by `accounted`."""
    options.setdefault("objectives", [])
    # A busy machine must not make a test's verdict inconclusive.
    options.setdefault("max_lateness", "10s")
    options.setdefault("max_steal", 100.0)
    record = Supervisor(parse(options), ["test"]).run()
    accounted(record)
    for group in (record["totals"], *record["lanes"].values(), *record["targets"].values()):
        assert group["connect_time"]["count"] == group["connections_opened"]
    return record


def counts(record: dict[str, Any], group: str = "totals") -> dict[str, int]:
    """How often each outcome came."""
    return {name: entry["count"] for name, entry in record[group]["outcomes"].items()}


def children() -> set[int]:
    """This process's own children; the probe's workers are among them while it runs."""
    return {int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def stop_workers(before: set[int], stop_s: float, go_s: float) -> list[threading.Timer]:
    """Timers, begun, that stop the children who are not in `before` and let them go on, so many seconds from now."""

    def send(number: signal.Signals) -> None:
        for child in children() - before:
            os.kill(child, number)

    timers = [threading.Timer(stop_s, send, (signal.SIGSTOP,)), threading.Timer(go_s, send, (signal.SIGCONT,))]
    for timer in timers:
        timer.start()
    return timers
