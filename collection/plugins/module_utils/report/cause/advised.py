# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The patches that a report of an experiment's records will advise, for somebody who wants to try them before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...cluster.record import read_record
from ..read.attempts import read_attempts
from .explain import explain

Json = dict[str, Any]
MOST_PATCHES = 20  # those of the costliest causes come first


def advised_patches(record: str, service: str) -> list[tuple[str, Json]]:
    """(target, patch) of what the records with this stem advise, each once; none where nothing was lost."""
    found: dict[str, tuple[str, Json]] = {}
    for change in _changes(record, service):
        if change["patch"] and change["target"]:
            key = json.dumps([change["target"], change["patch"]], sort_keys=True)
            found.setdefault(key, (change["target"], change["patch"]))
    return list(found.values())[:MOST_PATCHES]


def _changes(record: str, service: str) -> Iterator[Json]:
    """Of the sums first, then of single failures. None where the records cannot be read."""
    attempts = Path(f"{record}.attempts.jsonl")
    try:
        probe = json.loads(Path(f"{record}.probe.json").read_text(encoding="utf-8"))
        if not probe["totals"]["failed"]:
            return
        log = read_attempts(attempts) if attempts.exists() else ()
        explained = explain(probe, read_record(f"{record}.cluster.jsonl"), log, service or None)
    except Exception:  # the report meets it, too, and says it; what was measured is not lost for advice
        return
    for cause in [*explained["causes"], *(failure["cause"] for failure in explained["failures"])]:
        yield cause["change"]
