# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A time in which a Service had no usable endpoint, and how it lost the last ones: that decides what to blame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .finding import EXIT_LAG_NS, NS_PER_S, WATCH_LAG_NS
from .lives import PodLife
from .timeline import ClusterView

TOGETHER_NS = 10 * NS_PER_S  # endpoints that went within this time before the last one went count as lost together


@dataclass(frozen=True)
class Lost:
    """An endpoint that was one of the last. how: deleted, ended (a container), node, unready, or unrouted.

    unrouted: the pod was as ready as before, but the Service no longer sent to it.
    """

    pod: PodLife
    t_ns: int
    how: str


@dataclass(frozen=True)
class Emptied:
    """until_ns: None where it had none to the end of the record; lost: empty where it had none from the beginning."""

    since_ns: int
    until_ns: int | None
    lost: tuple[Lost, ...]

    def by(self, *ways: str) -> list[Lost]:
        """The endpoints that were lost in one of these ways."""
        return [one for one in self.lost if one.how in ways]

    @property
    def unreplaced(self) -> bool:
        """Whether pods went as planned or by accident, so that new ones had to start: what hinders those is a cause."""
        return not self.lost or bool(self.by("deleted", "ended", "node"))


def emptied(view: ClusterView, pods: Iterable[PodLife], since_ns: int, until_ns: int | None) -> Emptied:
    """How the pods of a Service, routed as it did, were lost when it had no endpoint left."""
    lost = []
    for pod in pods:
        ends = [end for _unused, end, value in pod.endpoint.spans() if value != "no" and end is not None]
        went = next((end for end in reversed(ends) if since_ns - TOGETHER_NS <= end <= since_ns), None)
        if went is not None and pod.endpoint.at(since_ns) == "no":
            lost.append(Lost(pod, went, _how(view, pod, went)))
    return Emptied(since_ns, until_ns, tuple(lost))


def _how(view: ClusterView, pod: PodLife, went_ns: int) -> str:
    if pod.deletion_ns is not None and pod.deletion_ns <= went_ns + WATCH_LAG_NS:
        return "deleted"
    if any(went_ns - 2 * EXIT_LAG_NS <= end.seen_ns <= went_ns + EXIT_LAG_NS for end in pod.exits):
        return "ended"
    node = view.nodes.get(pod.node)
    if node is not None and node.at(went_ns + EXIT_LAG_NS) not in (None, "True"):
        return "node"
    return "unrouted" if pod.ready.at(went_ns + WATCH_LAG_NS) else "unready"
