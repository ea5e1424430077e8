# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What every rule looks at: the cluster as seen from the probed service."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .cluster_view import ClusterView, Exit, Note, PodLife
from .failure import Answers, Failure
from .finding import NS_PER_S, PROXY_LAG_NS, WATCH_LAG_NS, Change, container_patch


@dataclass(frozen=True)
class Scene:
    """service: the probed Service, None when the URL leads to none that was recorded; pods: those behind it."""

    view: ClusterView
    service: str | None
    pods: tuple[PodLife, ...]
    answers: Answers

    # Looked up for every failure, hence put together once.

    @cached_property
    def behind(self) -> tuple[Scene, ...]:
        """The same, as seen from each of the namespace's other services."""
        others = [name for name in self.view.members if self.service is not None and name != self.service]
        return tuple(Scene(self.view, name, tuple(self.view.pods_of(name)), self.answers) for name in others)

    @cached_property
    def owners(self) -> frozenset[str]:
        """The workloads that made the pods, as Deployment/web."""
        return frozenset(self.view.workload_of(pod) for pod in self.pods) - {""}

    @cached_property
    def downtimes(self) -> tuple[tuple[PodLife, Exit, int | None], ...]:
        """Each exit of a container with the time when its pod was ready again; None: not before the record's end."""
        return tuple((pod, end, up_again) for pod in self.pods for end, up_again in pod.downtimes)

    @cached_property
    def probe_killings(self) -> tuple[tuple[PodLife, Note], ...]:
        """Events that say that a container is killed because its liveness or startup probe failed."""
        return tuple(
            (pod, note)
            for pod in self.pods
            for note in self.view.notes_about("Pod", pod.name, "Killing")
            if "failed" in note.message and "probe" in note.message
        )

    @cached_property
    def dying(self) -> tuple[PodLife, ...]:
        """The pods that were deleted."""
        return tuple(pod for pod in self.pods if pod.deletion_ns is not None)

    def sigterm_ns(self, pod: PodLife) -> int | None:
        """When the pod's application saw SIGTERM, by its own word: its last ones, or those in its answers."""
        return pod.words.sigterm_ns or self.answers.sigterm_ns(pod.name)

    @cached_property
    def unchecked(self) -> tuple[tuple[PodLife, int, str, int | None], ...]:
        """Pods that became endpoints during the recording though a container has no readiness probe.

        (pod, when, the container's name, its first port).
        """
        found = []
        for pod in self.pods:
            bare = next((container for container in pod.containers if not container.get("readiness")), None)
            if bare and pod.added_ns is not None and pod.added_ns > self.view.record.started_ns + NS_PER_S:
                found.append((pod, pod.added_ns, str(bare["name"]), next(iter(bare.get("ports") or []), None)))
        return tuple(found)

    def without_endpoint(self, failure: Failure) -> int | None:
        """Since when the service had no usable endpoint as the failure began; None when it had one.

        Requests fail until kube-proxy learns of the first new endpoint, so the state shortly before counts too. A time
        without endpoints that began within the failure counts when it covers at least half of it.
        """
        services = [self.service] if self.service is not None else list(self.view.ready_endpoints)
        for service in services:
            for start, end in self.view.without_endpoint(service):
                until = None if end is None else end + PROXY_LAG_NS
                if onset_within(failure, start, until) or mostly_within(failure, start, until):
                    return start
        return None

    def change(self, pod: PodLife, text: str, container: str = "", **settings: object) -> Change:
        """A change of the pod's template; settings become a patch of one container (default: the first)."""
        target = self.view.workload_of(pod)
        name = container or (str(pod.containers[0]["name"]) if pod.containers else "")
        if not settings or not name or not target:
            return Change(text, target)
        return Change(text, target, container_patch(name, **settings))


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
