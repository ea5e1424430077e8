# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What every rule looks at: the cluster as seen from the probed service."""

from __future__ import annotations

from dataclasses import dataclass

from .cluster_view import ClusterView, PodLife
from .failure import Answers, Failure
from .finding import PROXY_LAG_NS, WATCH_LAG_NS, Change, container_patch


@dataclass(frozen=True)
class Scene:
    """service: the probed Service, None when the URL leads to none that was recorded; pods: those behind it."""

    view: ClusterView
    service: str | None
    pods: tuple[PodLife, ...]
    answers: Answers

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
