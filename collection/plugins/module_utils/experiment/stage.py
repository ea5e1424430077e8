# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where steps act: the API, the plan, the journal, and the stamps of each change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable

from ..cluster.changes import Changes
from ..cluster.object_ready import troubles, why_not_ready
from .journal import Journal

POLL_S = 0.25


class Interrupted(Exception):
    """The experiment was told to end; what was begun is put back."""


class StepError(RuntimeError):
    """A step could not be done; the text says why."""


@dataclass
class Change:
    """One call that changes something: stamped as it is sent, and when it was answered."""

    what: str
    called_unix_ns: int
    answered_unix_ns: int = 0
    #: False where the answer tells that the object was so already.
    real: bool = True

    def to_record(self) -> dict[str, Any]:
        return {"what": self.what, "called_unix_ns": self.called_unix_ns, "answered_unix_ns": self.answered_unix_ns}


@dataclass
class Stage:
    """What a step gets. `changes` is None where the experiment is about no cluster."""

    namespace: str
    journal: Journal
    control: Changes | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    #: Called with the stage, index and file of a step that Ansible does; returns when it was done. Raises StepError.
    hand_over: Callable[[Stage, int, str], None] | None = None
    done: list[Change] = field(default_factory=list)

    @property
    def changes(self) -> Changes:
        """The cluster. Raises StepError where there is none."""
        if self.control is None:
            raise StepError("the step changes a cluster, and the plan has none (cluster is missing)")
        return self.control

    @contextmanager
    def change(self, what: str) -> Iterator[Change]:
        """Stamps the call inside: just before it is sent, and just after its answer. One that fails made no change."""
        made = Change(what, time.time_ns())
        yield made
        made.answered_unix_ns = time.time_ns()
        if made.real:
            self.done.append(made)

    def pause(self, seconds: float) -> None:
        """Let time pass. Raises Interrupted when told to end meanwhile."""
        if self.stop.wait(seconds):
            raise Interrupted

    def wait_until(self, what: str, why_not: Callable[[], str], timeout_s: float) -> None:
        """Return when `why_not` says "". Raises StepError with its last words after `timeout_s`, Interrupted."""
        deadline = time.monotonic() + timeout_s
        while True:
            reason = why_not()
            if not reason:
                return
            if time.monotonic() > deadline:
                raise StepError(f"{what} is not ready after {timeout_s:g} s: {reason}")
            self.pause(POLL_S)

    def wait_ready(self, api_version: str, kind: str, name: str, timeout_s: float) -> None:
        """Return when the object is ready. Raises StepError with what its pods say, Interrupted."""
        path = self.changes.path(api_version, kind, self.namespace, name)
        try:
            self.wait_until(f"{kind} {name}", lambda: why_not_ready(kind, self.changes.read(path)), timeout_s)
        except StepError as error:
            pods = self.changes.api.get(f"/api/v1/namespaces/{self.namespace}/pods").get("items") or []
            raise StepError("; ".join([str(error), *troubles(pods)])) from error

    def living_pods(self, selector: list[str]) -> list[dict[str, Any]]:
        """The running pods with these labels that are not being deleted."""
        listed = self.changes.api.get(
            f"/api/v1/namespaces/{self.namespace}/pods",
            labelSelector=",".join(selector),
            fieldSelector="status.phase=Running",
        )
        return [one for one in listed["items"] if "deletionTimestamp" not in one["metadata"]]
