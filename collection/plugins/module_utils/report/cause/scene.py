# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What every rule looks at: the cluster as seen from the probed service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .answers import Answers
from .emptied import Emptied, emptied
from .failure import FRONT_OUTCOMES, Failure
from .finding import EXIT_LAG_NS, LATE_WATCH_NS, NS_PER_S, PROXY_LAG_NS, WATCH_LAG_NS, Change, container_patch
from .front import Way
from .lives import FOREVER_NS, Exit, Note, PodLife
from .moments import Moments
from .runs import Runs
from .timeline import ClusterView

# What a template is patched for. A ReplicaSet's or Job's own template is not where a change belongs.
PATCHED = ("Deployment/", "StatefulSet/", "DaemonSet/")
# A front answers with these when it cannot reach what is behind it.
FRONT_STATUSES = frozenset({None, 502, 503, 504})


@dataclass(frozen=True)
class Scene:
    """way: the probed Service, and what answers in front of it; pods: those behind it; failures: all of the probe."""

    view: ClusterView
    way: Way
    pods: tuple[PodLife, ...]
    answers: Answers
    failures: tuple[Failure, ...] = ()
    same_host: bool = True  # whether probe and recorder ran on one
    front: Scene | None = None  # the same, as seen from the proxy in front of the Service, where it was recorded

    @property
    def service(self) -> str | None:
        """The probed Service; None where the URL leads to none that was recorded."""
        return self.way.service

    # Looked up for every failure, hence put together once.

    @cached_property
    def runs(self) -> Runs:
        """The failures of the probe, those of one kind that follow each other joined."""
        return Runs(self.failures)

    @cached_property
    def behind(self) -> tuple[Scene, ...]:
        """The same, as seen from each of the namespace's other services."""
        beside = self.front is not None and self.front.view.namespace == self.view.namespace
        known = {self.service, self.front.service if self.front is not None and beside else None}
        others = [name for name in self.view.endpoints if self.service is not None and name not in known]
        return tuple(
            Scene(self.view, Way(name), tuple(self.view.pods_of(name)), self.answers, self.failures) for name in others
        )

    @cached_property
    def workloads(self) -> dict[str, list[Mapping[str, Any]]]:
        """What was recorded of the workloads that made the pods: Deployment/web -> its states, in order of time."""
        return {key: self.view.workloads[key].values for key in sorted(self.owners) if key in self.view.workloads}

    @cached_property
    def pods_by_name(self) -> dict[str, PodLife]:
        """Of those that had one name after each other, as a StatefulSet's do, the first."""
        return {pod.name: pod for pod in reversed(self.pods)}

    @cached_property
    def removed(self) -> tuple[tuple[PodLife, Note], ...]:
        """The pods that somebody sent away, with what was told of it."""
        return tuple((pod, pod.removal) for pod in self.pods if pod.removal is not None)

    @cached_property
    def owners(self) -> frozenset[str]:
        """The workloads that made the pods, as Deployment/web."""
        return frozenset(self.view.workload_of(pod) for pod in self.pods) - {""}

    def downtimes(self, failure: Failure) -> list[tuple[PodLife, Exit, int | None]]:
        """Exits of containers about the failure, each with the time when its pod was ready again.

        None: not before the record's end.
        """
        return self._downtimes.touching(failure.first_bad_ns, failure.last_bad_ns)

    @cached_property
    def _downtimes(self) -> Moments[tuple[PodLife, Exit, int | None]]:
        found = [(pod, end, up) for pod in self.pods for end, up in pod.downtimes]
        return Moments(
            (end.t_ns - EXIT_LAG_NS, self._felt_until(pod, end, up), (pod, end, up)) for pod, end, up in found
        )

    def _felt_until(self, pod: PodLife, end: Exit, up_ns: int | None) -> int | None:
        """While other endpoints are there, a container that is down is felt only as long as it is routed."""
        routed = max((until for start, until in pod.routes if start <= end.t_ns), default=0)
        up = FOREVER_NS if up_ns is None else up_ns + PROXY_LAG_NS
        until = max(up if self._empty else min(up, routed), end.t_ns + EXIT_LAG_NS)
        return None if until >= FOREVER_NS else until

    @cached_property
    def probe_killings(self) -> tuple[tuple[PodLife, Note], ...]:
        """Events that say that a container is killed because its liveness or startup probe failed."""
        return tuple(
            (pod, note)
            for pod in self.pods
            for note in self.view.notes_about("Pod", pod.name, "Killing")
            if "failed" in note.message and "probe" in note.message
        )

    def dying(self, failure: Failure, reach_ns: int = 0) -> list[PodLife]:
        """The pods that were deleted and not yet forgotten by all proxies as the failure went on, or reach_ns after."""
        return self._dying.touching(failure.first_bad_ns, failure.last_bad_ns + reach_ns)

    @cached_property
    def deleted(self) -> tuple[PodLife, ...]:
        """The pods that were deleted."""
        return tuple(pod for pod in self.pods if pod.deletion_ns is not None)

    @cached_property
    def _dying(self) -> Moments[PodLife]:
        return Moments(
            (
                (pod.deletion_ns or 0) - LATE_WATCH_NS,
                max(pod.dropped_ns or 0, pod.exit_ns or 0, pod.deletion_ns or 0) + PROXY_LAG_NS,
                pod,
            )
            for pod in self.deleted
        )

    def sigterm_ns(self, pod: PodLife) -> int | None:
        """When the pod's application saw SIGTERM, by its own word: its last ones, or those in its answers."""
        return pod.words.sigterm_ns or self.answers.sigterm_ns(pod)

    @cached_property
    def unchecked(self) -> tuple[tuple[PodLife, int, str, int | None], ...]:
        """Pods that became endpoints during the recording though a container has no readiness probe.

        (pod, when, the container's name, its first port).
        """
        found = []
        for pod in self.pods:
            bare = next((container for container in pod.doors if not container.get("readiness")), None)
            if bare and pod.added_ns is not None and pod.added_ns > self.view.record.started_ns + NS_PER_S:
                found.append((pod, pod.added_ns, str(bare["name"]), next(iter(bare.get("ports") or []), None)))
        return tuple(found)

    def without_endpoint(self, failure: Failure) -> int | None:
        """Since when the service had no usable endpoint as the failure began; None when it had one."""
        found = self.emptied(failure)
        return None if found is None else found.since_ns

    def emptied(self, failure: Failure) -> Emptied | None:
        """The time without a usable endpoint in which the failure began; None when it had one.

        Requests fail until kube-proxy learns of the first new endpoint, so the state shortly before counts too. A time
        without endpoints that began within the failure counts when it covers at least half of it. Of two such times
        the one that covers more of it.
        """
        found = []
        for span in self._empty:
            until = None if span.until_ns is None else span.until_ns + PROXY_LAG_NS
            if onset_within(failure, span.since_ns, until) or mostly_within(failure, span.since_ns, until):
                found.append(span)
        return max(found, key=lambda span: _covered_ns(failure, span), default=None)

    @cached_property
    def _empty(self) -> tuple[Emptied, ...]:
        names = [self.service] if self.service is not None else list(self.view.endpoints)
        return tuple(
            emptied(self.view, self.pods, start, end)
            for name in names
            for start, end in self.view.without_endpoint(name)
        )

    def answered_in_front(self, failure: Failure) -> bool:
        """Whether a front may have given the answers because it could not reach the pods."""
        return bool(self.way.front) and failure.only(FRONT_OUTCOMES) and failure.status in FRONT_STATUSES

    @cached_property
    def hooks_sleep(self) -> bool:
        """Whether the cluster knows preStop.sleep: from Kubernetes 1.30 on. Where the version is not known it does."""
        found = re.match(r"v?(\d+)\.(\d+)", str(self.view.record.header.get("kubernetes_version") or "v1.30"))
        return found is None or (int(found.group(1)), int(found.group(2))) >= (1, 30)

    def door(self, pod: PodLife) -> str:
        """The name of the container that answers the service's requests; "" where it is not known."""
        ends = self.view.endpoints.get(self.service or "")
        ports = set(ends.ports.values[-1]) if ends is not None and ends.ports.values else set()
        doors = sorted(pod.doors, key=lambda one: not ports & set(one.get("ports") or []))
        return str(doors[0]["name"]) if doors else ""

    def change(self, pod: PodLife, text: str, container: str = "", **settings: object) -> Change:
        """A change of the pod's template; settings become a patch of one container (default: the one that answers)."""
        target = self.view.workload_of(pod)
        name = container or self.door(pod)
        if not settings or not name or not target.startswith(PATCHED):
            return Change(text, target)
        return Change(text, target, container_patch(name, **settings))


def _covered_ns(failure: Failure, span: Emptied) -> int:
    """How long requests failed while there was no endpoint."""
    until = failure.last_bad_ns if span.until_ns is None else min(failure.last_bad_ns, span.until_ns)
    return max(0, until - max(failure.first_bad_ns, span.since_ns))


def near(failure: Failure, t_ns: int, before_ns: int, after_ns: int) -> bool:
    """Whether the failure began between t - before and t + after."""
    return t_ns - before_ns <= failure.first_bad_ns <= t_ns + after_ns


def onset_within(failure: Failure, start_ns: int, end_ns: int | None) -> bool:
    """Whether the failure began in a span, give or take the observer's lag; None: the span has no end."""
    return start_ns - WATCH_LAG_NS <= failure.first_bad_ns and (end_ns is None or failure.first_bad_ns <= end_ns)


def mostly_within(failure: Failure, start_ns: int, end_ns: int | None) -> bool:
    """Whether a span covers at least half of the time in which requests failed."""
    first, last = failure.first_bad_ns, failure.last_bad_ns
    covered = min(last, last if end_ns is None else end_ns) - max(first, start_ns - WATCH_LAG_NS)
    return covered >= 0 and 2 * covered >= last - first
