# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the report will advise, tried while the objects still stand: each patch is sent to the API as a dry run.

A dry run shows that the API and its admission take a patch, not that the pods then start, nor that it helps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..cluster.api import ApiProblem, ApiRefused, ApiRejected, ClusterError
from ..cluster.record import read_record
from ..report.cause.explain import explain
from ..report.read.attempts import read_attempts
from .stage import Stage

Json = dict[str, Any]
MOST_PATCHES = 20  # those of the costliest causes come first
API_VERSION = "apps/v1"  # patches are for Deployments, StatefulSets and DaemonSets alone


def tried_patches(stage: Stage, record: str, service: str) -> list[Json]:
    """[{target, patch, taken, said}] of what the records with this stem advise; empty where nothing was lost.

    taken: None where nobody could try it; said: why, or what the API answered to one that it does not take.
    """
    return [
        {"target": target, "patch": patch, **_tried(stage, target, patch)}
        for target, patch in _advised(record, service)
    ]


def _advised(record: str, service: str) -> list[tuple[str, Json]]:
    """(target, patch), each once."""
    found: dict[str, tuple[str, Json]] = {}
    for change in _changes(record, service):
        if change["patch"] and change["target"]:
            found.setdefault(
                json.dumps([change["target"], change["patch"]], sort_keys=True), (change["target"], change["patch"])
            )
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


def _tried(stage: Stage, target: str, patch: Json) -> Json:
    kind, _slash, name = target.partition("/")
    try:
        stage.changes.dry_run(stage.changes.path(API_VERSION, kind, stage.namespace, name), patch)
    except ApiRejected as error:
        # A webhook that cannot be asked in a dry run says nothing of the patch.
        return {"taken": None if "support dry run" in str(error) else False, "said": str(error)}
    except ApiRefused as error:
        # An admission that denies answers 403, too, but not that somebody "cannot patch resource".
        denied = error.status == 403 and "cannot patch resource" not in str(error)
        return {"taken": False if denied else None, "said": str(error)}
    except (ApiProblem, ClusterError) as error:
        return {"taken": None, "said": str(error)}
    return {"taken": True, "said": ""}
