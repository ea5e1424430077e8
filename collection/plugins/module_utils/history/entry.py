# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One run in the history: a summary of its result, small enough for a key of etcd (docs/history.md)."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any

from ..report.figures.figures import outage_sum
from ..report.read.probe_record import NOT_SENT
from ..report.read.record_file import parse_record
from ..report.read.result_record import check_fields, check_known

Json = dict[str, Any]
KIND = "history"
SCHEMA_VERSION = 1
BLOCK_S = 5  # longer than the race of one dying pod: its failures stay in one block
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TOP = {"scenario": str, "run": str, "profile": str, "started_unix_ns": int, "verdict": str, "variants": list}
_VARIANT = {"name": str, "attempts": int, "failed": int, "blocks": dict}
_KNOWN = ("availability_percent", "p50_ms", "p99_ms", "longest_outage_s")


class HistoryError(ValueError):
    """The history cannot be used, or not for this; the text says what was expected."""


def entry_of(result: Json, profile: str) -> Json:
    """The summary of a result record. profile: how large the run was; only runs of one profile compare.

    Raises HistoryError: the scenario's name cannot be part of a key.
    """
    name = result["scenario"]
    if not NAME.fullmatch(name):
        raise HistoryError(f"scenario is {name!r}, expected letters, digits, dots, underscores and hyphens")
    return {
        "record": KIND,
        "schema_version": SCHEMA_VERSION,
        "scenario": name,
        "run": run_name(result["started_unix_ns"]),
        "profile": profile,
        "started_unix_ns": result["started_unix_ns"],
        "ended_unix_ns": result["ended_unix_ns"],
        "verdict": result["verdict"],
        "variants": [_variant(variant) for variant in result["variants"]],
    }


def run_name(started_unix_ns: int) -> str:
    """A run is known by its start, UTC to the microsecond: names sort by time, and no second run has the same."""
    moment = datetime.fromtimestamp(started_unix_ns // 10**9, timezone.utc)
    return f"{moment:%Y-%m-%dT%H%M%S}.{started_unix_ns % 10**9 // 1000:06d}Z"


def to_text(entry: Json) -> str:
    """The entry as it is stored: one line, the same for the same entry."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"


def parse_entry(where: str, text: str) -> Json:
    """An entry as it was stored. where: its file or key, as errors name it.

    Raises RecordError naming where and the line: empty, truncated, foreign, newer, or without a field.
    """
    entry = parse_record(where, text, KIND, SCHEMA_VERSION)
    check_fields(where, text, entry, _TOP, "an entry of the history")
    for variant in entry["variants"]:
        check_fields(where, text, variant, _VARIANT, "a variant of the history")
        check_known(where, variant, _KNOWN, "a variant of the history")
    return entry


def _variant(variant: Json) -> Json:
    figure = variant["figures"]
    planned = figure["availability"]["planned"]
    return {
        "name": variant["name"],
        "attempts": figure["attempts"],
        "failed": figure["failed"],
        "not_sent": figure["not_sent"],
        "availability_percent": planned["percent"],
        "lower_percent": planned["lower_percent"],
        "p50_ms": _short(figure["latency_ms"]["p50"]),
        "p99_ms": _short(figure["latency_ms"]["p99"]),
        "longest_outage_s": outage_sum(figure, "longest_s"),
        "total_outage_s": outage_sum(figure, "total_s"),
        "blocks": _blocks(variant["over_time"]),
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _blocks(over_time: Json) -> Json:
    """How many blocks of time had requests, and in how many one failed: failures cluster, so blocks are what counts."""
    length_s = max(BLOCK_S, over_time["step_s"])
    observed, failing = set(), set()
    for position, at_s in enumerate(over_time["t_s"]):
        block = int(at_s // length_s)
        observed.add(block)
        counts = (row[position] for name, row in over_time["outcomes"].items() if name not in ("ok", *NOT_SENT))
        if any(counts):
            failing.add(block)
    return {"length_s": length_s, "observed": len(observed), "failing": len(failing)}
