# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a rule says: which cause, on what evidence, and what to change in the manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

# The observer sees a change after it took effect: the API's watch delivers within milliseconds, a loaded machine
# takes longer. A failure may precede the evidence by this much.
WATCH_LAG_NS = 300 * NS_PER_MS
# kube-proxy rewrites its rules at most once a second (minSyncPeriod), later on a loaded node. A request may be sent to
# an endpoint for this long after the API dropped it.
PROXY_LAG_NS = 3 * NS_PER_S
# A loaded machine delivers later still, but later than this none was seen to.
LATE_WATCH_NS = 2 * NS_PER_S
# The kubelet looks at its containers every second and tells whole seconds, so an exit is known to about this much.
EXIT_LAG_NS = 2 * NS_PER_S

CONFIDENCES = ("high", "medium", "low")


@dataclass(frozen=True)
class Evidence:
    """One fact from a record, with the wall-clock time at which it was observed."""

    t_ns: int
    text: str


@dataclass(frozen=True)
class Change:
    """What to change. patch: a strategic merge patch of target ("Deployment/web"), empty where none can be given."""

    text: str
    target: str = ""
    patch: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One explanation of one failure. t_ns: when the cause acted; subject: the pod, node or service it acted on."""

    cause: str
    confidence: str
    t_ns: int
    subject: str
    evidence: tuple[Evidence, ...]
    change: Change


def lower(confidence: str) -> str:
    """The next lower one; of the lowest itself."""
    return CONFIDENCES[min(CONFIDENCES.index(confidence) + 1, len(CONFIDENCES) - 1)]


def seconds(nanoseconds: int) -> str:
    """As in 0.41 s."""
    return f"{nanoseconds / NS_PER_S:.2f} s"


def container_patch(container: str, **settings: Any) -> dict[str, Any]:
    """A strategic merge patch of one container in a pod template: lists of containers are merged by name."""
    return {"spec": {"template": {"spec": {"containers": [{"name": container, **settings}]}}}}
