# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Undoes what the journal says. A kind of note is one small function here, the step that wrote it stands beside."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any, Callable

from ..cluster.api import ApiProblem, ClusterApi, ClusterError
from ..cluster.changes import Changes
from ..cluster.drain import set_schedulable
from . import objects
from .journal import Journal, JournalError, read_entry
from .nodes import engine_command, start_node
from .stage import Stage, StepError

Entry = Mapping[str, Any]
#: Notes of the first versions name a workload of the checkout: the role renders it.
OF_ANSIBLE = ("workload",)
#: What an interrupted experiment may take to put things back before nobody waits for it any more.
WAIT_S = 120.0


def _objects(stage: Stage, entry: Entry) -> None:
    stage.namespace = entry["namespace"]
    if entry["state"] == "present":
        objects.have_namespace(stage)
        objects.apply(stage, entry["manifests"])
    else:
        objects.remove(stage.changes, entry["namespace"], entry["manifests"])


def _patch(stage: Stage, entry: Entry) -> None:
    path = stage.changes.path(entry["api_version"], entry["kind"], entry["namespace"], entry["name"])
    if stage.changes.read(path) is not None:  # with its namespace it may be gone: then nothing is left to put back
        stage.changes.merge(path, entry["definition"])


def _uncordon(stage: Stage, entry: Entry) -> None:
    set_schedulable(stage.changes, entry["node"], True)


def _start_node(stage: Stage, entry: Entry) -> None:
    start_node(stage, entry["node"], entry["control_plane"])


def _command(_stage: Stage, entry: Entry) -> None:
    engine_command(entry["argv"], entry.get("timeout_s", 60))


KINDS: dict[str, Callable[[Stage, Entry], None]] = {
    "objects": _objects,
    "patch": _patch,
    "uncordon": _uncordon,
    "start-node": _start_node,
    "command": _command,
}


def undo_all(stage: Stage, journal: Journal) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """Undo the newest first; a note goes when it is done, one that cannot be stays for the next try.

    Returns (what was undone, what could not be, with the way on, and the notes that the role has to undo).
    """
    done, failed, left = [], [], []
    for path in journal.entries():
        try:
            entry = read_entry(path)
            if entry["undo"] in OF_ANSIBLE:
                left.append({"file": str(path), **entry})
                continue
            if entry["undo"] not in KINDS:
                raise JournalError(f"{path}: no such kind: {entry['undo']}")
            KINDS[entry["undo"]](stage, entry)
        except (
            ApiProblem, ClusterError, JournalError, StepError, OSError, KeyError, subprocess.SubprocessError,
        ) as error:  # fmt: skip
            way_on = "The next run tries again; delete that file to leave things as they are"
            failed.append(f"{path} could not be undone: {error}. {way_on}")
            continue
        path.unlink()
        done.append(path.name)
    return done, failed, left


def restore(
    journal: Journal, kubeconfig: str | None, context: str | None
) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """Undo what is left, after an experiment that still puts things back; as `undo_all`.

    Raises JournalError when one does not end in time, ClusterError when the kubeconfig cannot be used.
    """
    with journal.held(WAIT_S):
        stage = Stage("", journal)
        if kubeconfig is not None and journal.entries():
            stage.control = Changes(ClusterApi.from_kubeconfig(kubeconfig, context))
        return undo_all(stage, journal)
