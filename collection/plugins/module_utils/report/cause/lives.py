# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The life of one pod as the record tells it: when it was routed, waited, was ready, was deleted, ended."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from .finding import EXIT_LAG_NS, NS_PER_S, PROXY_LAG_NS, WATCH_LAG_NS
from .last_words import LastWords

T = TypeVar("T")
# A hook that only waits: Kubernetes' own sleep, or the command of that name, also by a shell.
_WAITS = re.compile(r"^(?:sleep (\d+) s|exec .*\bsleep (\d+)s?)$")
FOREVER_NS = 2**63


class Steps(Generic[T]):
    """A value that changes at known times and holds in between."""

    __slots__ = ("times", "values")

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[T] = []

    def set(self, t_ns: int, value: T) -> None:
        """Append; an unchanged value adds no step."""
        if not self.values or self.values[-1] != value:
            self.times.append(t_ns)
            self.values.append(value)

    def at(self, t_ns: int) -> T | None:
        """The value at a time; None before the first."""
        index = bisect_right(self.times, t_ns) - 1
        return self.values[index] if index >= 0 else None

    def spans(self) -> Iterator[tuple[int, int | None, T]]:
        """(from, to, value); the last one has no end."""
        for index, (t_ns, value) in enumerate(zip(self.times, self.values)):
            yield t_ns, self.times[index + 1] if index + 1 < len(self.times) else None, value


@dataclass(frozen=True)
class Exit:
    """A container that ended. t_ns: the best known moment; seen_ns: when the observer learned of it."""

    container: str
    t_ns: int
    seen_ns: int
    reason: str
    exit_code: int | None
    words: LastWords = field(default_factory=LastWords)


@dataclass(frozen=True)
class Note:
    """An Event, or a removal: when, why, and the cluster's own words."""

    t_ns: int
    reason: str
    message: str


@dataclass
class Wait:
    """A container that could not run. end_ns: None while it still waits as the record ends."""

    container: str
    reason: str
    message: str
    start_ns: int
    end_ns: int | None = None


@dataclass
class HeldBack:
    """How a container's CPU counters grew, sample by sample: periods of 100 ms, and those in which it was paused."""

    starts_ns: list[int] = field(default_factory=list)
    ends_ns: list[int] = field(default_factory=list)
    periods: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)

    def between(self, from_ns: int, to_ns: int) -> HeldBack:
        """The steps that touch a span."""
        part = slice(bisect_left(self.ends_ns, from_ns), bisect_right(self.starts_ns, to_ns))
        return HeldBack(self.starts_ns[part], self.ends_ns[part], self.periods[part], self.throttled[part])


@dataclass
class PodLife:
    """All that was seen of one pod."""

    name: str
    uid: str
    first_ns: int
    spec: Mapping[str, Any] = field(default_factory=dict)
    node: str = ""
    deletion_ns: int | None = None
    deletion_api_ns: int | None = None  # the API's own time of it, a whole second at or before it
    deletion_grace_s: int | None = None  # what the deletion gave it to end
    gone_ns: int | None = None
    ready: Steps[bool] = field(default_factory=Steps)
    endpoint: Steps[str] = field(default_factory=Steps)  # ready, serving (terminating, still answering), no
    exits: list[Exit] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    removal: Note | None = None  # evicted, preempted, …
    unscheduled: Steps[str] = field(default_factory=Steps)  # why it has no node, "" once it has one

    # Looked up for every failure, hence computed once, when the whole record has been read.

    @cached_property
    def containers(self) -> list[Mapping[str, Any]]:
        """Those that run side by side: the pod's own, and sidecars that were declared as init containers."""
        return [one for one in self.spec.get("containers", []) if not one.get("init")]

    @cached_property
    def doors(self) -> list[Mapping[str, Any]]:
        """The containers that requests can reach: those with a port, or all where none declares one."""
        own = [one for one in self.containers if not one.get("sidecar")]
        return [one for one in own if one.get("ports")] or own

    def passes(self, container: str) -> bool:
        """Whether requests go through a container: it answers, or has a port like a mesh's proxy. True: not known."""
        known = {str(one["name"]): one for one in self.containers}
        return container not in known or known[container] in self.doors or bool(known[container].get("ports"))

    @cached_property
    def last_exits(self) -> list[Exit]:
        """The ends of containers that the deletion brought about, in their order."""
        return [end for end in self.exits if self.deletion_ns is not None and end.seen_ns >= self.deletion_ns]

    @cached_property
    def exit_ns(self) -> int | None:
        """When the last container ended after the deletion."""
        return max((max(end.t_ns, self.deletion_ns or end.t_ns) for end in self.last_exits), default=None)

    @cached_property
    def words(self) -> LastWords:
        """What the application said as it ended after the deletion."""
        return next((end.words for end in reversed(self.last_exits) if end.words != LastWords()), LastWords())

    @cached_property
    def served(self) -> int | None:
        """Requests by the application's own count, over its restarts; None where an ended container told none."""
        counts = [end.words.requests for end in self.exits]
        told = [count for count in counts if count is not None]
        return sum(told) if told and len(told) == len(counts) else None

    @cached_property
    def added_ns(self) -> int | None:
        """When it first became a ready endpoint."""
        return next((start for start, _unused, value in self.endpoint.spans() if value == "ready"), None)

    @cached_property
    def dropped_ns(self) -> int | None:
        """When its endpoint stopped being ready after the deletion."""
        for start, _unused, value in self.endpoint.spans():
            if value != "ready" and self.deletion_ns is not None and start >= self.deletion_ns - NS_PER_S:
                return start
        return None

    @cached_property
    def routes(self) -> list[tuple[int, int]]:
        """Spans in which new connections could be sent to it: while it was an endpoint, and a little longer."""
        return [
            (start - WATCH_LAG_NS, (FOREVER_NS if end is None else end) + PROXY_LAG_NS)
            for start, end, value in self.endpoint.spans()
            if value != "no"
        ]

    def routed(self, from_ns: int, to_ns: int | None = None) -> bool:
        """Whether new connections could be sent to it at some moment of a span (by default: at one moment)."""
        last = from_ns if to_ns is None else to_ns
        return any(start <= last and from_ns <= end for start, end in self.routes)

    @cached_property
    def hook_ns(self) -> int:
        """How long a preStop hook that waits keeps SIGTERM away: until then the application serves as ever."""
        return min((_wait_s(one.get("pre_stop")) for one in self.doors), default=0) * NS_PER_S

    @cached_property
    def grace_s(self) -> int:
        """How long its manifest gives it to end, its hook included."""
        return int(self.spec.get("termination_grace_s") or 30)

    @cached_property
    def downtimes(self) -> list[tuple[Exit, int | None]]:
        """Each exit with the time when the pod was ready again, or gone; None: not before the end of the record.

        A container that is back so soon that the pod never counted as not ready was down until the API told of it.
        """
        found: list[tuple[Exit, int | None]] = []
        for end in self.exits:
            toggled = any(
                not ready and start <= end.seen_ns + EXIT_LAG_NS and (until is None or until > end.seen_ns)
                for start, until, ready in self.ready.spans()
            )
            again = next((t for t, _unused, ready in self.ready.spans() if ready and t > end.seen_ns), self.gone_ns)
            found.append((end, again if toggled else end.seen_ns))
        return found

    def waiting(self, from_ns: int, to_ns: int) -> Iterator[Wait]:
        """What its containers waited for during a span."""
        for wait in self.waits:
            if wait.start_ns <= to_ns and (wait.end_ns is None or wait.end_ns >= from_ns):
                yield wait


def _wait_s(hook: object) -> int:
    found = _WAITS.match(str(hook))
    return int(found.group(1) or found.group(2)) if found else 0
