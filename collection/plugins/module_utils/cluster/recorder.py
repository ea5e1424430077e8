# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The cluster recorder: a watch for each kind of object and a poller, all writing one record."""

from __future__ import annotations

import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .api import ApiGone, ApiRefused, ApiUnavailable, ClusterApi, ClusterError
from .metrics import UsagePoller
from .notable import Notable
from .record import Front, ObjectChange
from .watch import Resource, ResourceWatch
from .writer import RecordWriter

SYNC_TIMEOUT_S = 30.0
#: What tells of the pods of the proxy in front.
OF_A_FRONT = frozenset(("Pod", "EndpointSlice", "Service", "Event", "Deployment", "ReplicaSet"))


def resources(namespace: str, front: str = "") -> list[Resource]:
    """Everything that the recorder follows. The required ones name the pods and say where requests are sent.

    front: another namespace, of the proxy that answers in front of the service; what its pods need is followed, too.
    """
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    return [
        Resource("Pod", f"{core}/pods", required=True),
        Resource("EndpointSlice", f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", required=True),
        Resource("Service", f"{core}/services"),
        Resource("Event", f"{core}/events"),
        Resource("Deployment", f"{apps}/deployments"),
        Resource("ReplicaSet", f"{apps}/replicasets"),
        Resource("StatefulSet", f"{apps}/statefulsets"),
        Resource("HorizontalPodAutoscaler", f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"),
        Resource("Ingress", f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"),
        Resource("HTTPRoute", f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes", optional=True),
        Resource("PodDisruptionBudget", f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"),
        Resource("NetworkPolicy", f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"),
        Resource("Node", "/api/v1/nodes"),
        # what happens to a node is told in the namespace default, whatever runs on it
        Resource("Event", "/api/v1/namespaces/default/events", selector="involvedObject.kind=Node"),
        *(_of_front(front) if front and front != namespace else ()),
    ]


def _of_front(namespace: str) -> list[Resource]:
    return [
        replace(one, required=False, place=namespace)
        for one in resources(namespace)
        if one.kind in OF_A_FRONT and one.selector is None
    ]


class Recorder:
    """Records one namespace to one file: ``start``, then ``wait``, then ``stop``.

    front: the proxy that answers in front of the service, where there is one. heard: told in words of each change that
    people want to hear of, by the threads that watch.
    """

    def __init__(
        self,
        api: ClusterApi,
        namespace: str,
        path: str,
        metrics_interval_s: float,
        *,
        front: Front | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> None:
        self._api, self._namespace, self._path, self._front = api, namespace, path, front
        self._interval_s, self._heard = metrics_interval_s, heard
        self._watches: list[ResourceWatch] = []
        self._poller: UsagePoller | None = None
        self._writer: RecordWriter | None = None
        self._reason: str | None = None

    def start(self) -> None:
        """Return when every watch is open: what happens from now on is recorded.

        Raises ClusterError when the API does not answer, the namespace does not exist or pods and EndpointSlices
        may not be watched, and OSError when the file cannot be written. No file is left then.
        """
        version = self._ask("/version").get("gitVersion")
        self._check_namespace()
        header = {
            "namespace": self._namespace,
            "api": self._api.host,
            "kubernetes_version": version,
            "observer": socket.gethostname(),
            "boot_id": _boot_id(),
            "pid": os.getpid(),
            "metrics_interval_s": self._interval_s,
            "front": None if self._front is None else asdict(self._front),
        }
        self._writer = RecordWriter(self._path, header, self._listener())
        followed = resources(self._namespace, self._front.namespace if self._front else "")
        self._watches = [ResourceWatch(self._api, entry, self._writer) for entry in followed]
        for watch in self._watches:
            watch.start()
        try:
            self._await_watches(self._writer)
        except ClusterError:
            self.stop("the start failed")
            Path(self._path).unlink(missing_ok=True)
            raise
        self._poller = UsagePoller(self._api, self._namespace, self._writer, self._interval_s, self._watches[0].nodes)
        self._poller.start()

    def wait(
        self, asked_to_stop: threading.Event, limit_s: float, owner_ended: Callable[[], bool] = lambda: False
    ) -> None:
        """Return when asked to, after ``limit_s``, when the owner has ended, or when a watch died of its own."""
        deadline = time.monotonic() + limit_s
        while not asked_to_stop.wait(min(1.0, max(0.0, deadline - time.monotonic()))):
            failure = self.failure()
            if failure is not None:
                self._reason = failure
                return
            if owner_ended():
                self._reason = "the owner ended"
                return
            if time.monotonic() >= deadline:
                self._reason = "the time was up"
                return
        self._reason = "asked to stop"

    def failure(self) -> str | None:
        """What ended a watch of its own; None while all follow."""
        dead = next((watch for watch in self._watches if watch.failed is not None), None)
        return None if dead is None else f"failed: {dead.name}: {dead.failed!r}"

    def tells_of(self, begun_ns: int, ended_ns: int) -> bool:
        """Whether the CPU counters on record tell of that time; from the first call on they are read more often."""
        return self._poller is None or self._poller.tells_of(begun_ns, ended_ns)

    def stop(self, reason: str | None = None) -> None:
        """End all threads and write the end line. Harmless when nothing was started, or twice."""
        threads: list[Any] = [*self._watches, *([self._poller] if self._poller else [])]
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join(timeout=2.0)
        if self._writer is not None:
            usage = resource.getrusage(resource.RUSAGE_SELF)
            self._writer.close(
                reason or self._reason or "asked to stop",
                cpu_s=round(usage.ru_utime + usage.ru_stime, 3),
                peak_memory_kib=usage.ru_maxrss,
                clock_steps=self._api.clock.steps,
            )
        self._api.close()

    def _listener(self) -> Callable[[ObjectChange], None] | None:
        heard = self._heard
        if heard is None:
            return None
        notable, one_at_a_time = Notable(self._namespace, self._front), threading.Lock()

        def listen(change: ObjectChange) -> None:
            with one_at_a_time:
                for words in notable.words(change):
                    heard(words)

        return listen

    def _ask(self, path: str) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._api.get(path)
        except (ApiUnavailable, ApiRefused, ApiGone) as error:
            raise ClusterError(f"the API server does not answer as expected: {error}") from error
        return answer

    def _check_namespace(self) -> None:
        try:
            self._api.get(f"/api/v1/namespaces/{self._namespace}")
        except ApiRefused as error:
            if ": 404 " in str(error):
                raise ClusterError(f"namespace {self._namespace!r} does not exist on {self._api.host}") from error
            return  # no right to read the namespace itself: its pods decide
        except (ApiUnavailable, ApiGone) as error:
            raise ClusterError(str(error)) from error

    def _await_watches(self, writer: RecordWriter) -> None:
        deadline = time.monotonic() + SYNC_TIMEOUT_S
        for watch in self._watches:
            if not watch.synced.wait(max(0.0, deadline - time.monotonic())):
                raise ClusterError(f"no {watch.name} within {SYNC_TIMEOUT_S:.0f} s: {watch.trouble or 'no answer'}")
            if watch.failed is not None:
                raise ClusterError(f"{watch.name} failed: {watch.failed!r}") from watch.failed
            if watch.refused is not None:
                if watch.resource.required:
                    raise ClusterError(f"{watch.name} is not allowed, but needed: {watch.refused}")
                if not (watch.resource.optional and ": 404 " in watch.refused):
                    writer.line("skipped", kind=watch.resource.told, reason=watch.refused)


def _boot_id() -> str | None:
    """Tells whether two monotonic clocks can be compared; None off Linux."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
