# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Containers that ended: out of memory, by their liveness probe, by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..figures.executed import CLIENT_OUTCOMES
from .failure import Failure
from .finding import EXIT_LAG_NS, PROXY_LAG_NS, Evidence, Finding, seconds
from .lives import Exit, PodLife
from .scene import Scene, mostly_within, near, onset_within

KILLED = 137  # 128 + SIGKILL
#: The kubelet counts a container whose program is not there as ended, though it never ran: start_rules names it.
NEVER_RAN = frozenset({"StartError", "ContainerCannotRun"})


def oom_killed(failure: Failure, scene: Scene) -> Finding | None:
    """A container was killed because it used more memory than its limit."""
    for pod, end, confidence in _down(failure, scene, lambda _pod, end: end.reason == "OOMKilled"):
        container = _container(pod, end.container)
        limit = (container.get("limits") or {}).get("memory_bytes")
        limit_text = f"its limit of {limit / 2**20:.0f} Mi" if limit else "the memory of its node"
        text = f"container {end.container} of {pod.name} was OOM-killed (exit code {end.exit_code}) at {limit_text}"
        evidence = [Evidence(end.t_ns, text), *_usage(scene, pod, end)]
        change = (
            scene.change(pod, "raise the memory limit above what the container needs under this load", end.container,
                         resources={"limits": {"memory": f"{limit * 2 // 2**20}Mi"}})
            if limit
            else scene.change(pod, "set memory requests and limits, so that the pod is placed where it fits")
        )  # fmt: skip
        return Finding("oom_killed", confidence, end.t_ns, pod.name, tuple(evidence), change)
    return None


def liveness_restart(failure: Failure, scene: Scene) -> Finding | None:
    """The kubelet restarted a container because its liveness (or startup) probe failed."""
    if failure.only(CLIENT_OUTCOMES):
        return None
    empty = scene.emptied(failure)
    for pod, killing in sorted(scene.probe_killings, key=lambda pair: abs(failure.first_bad_ns - pair[1].t_ns)):
        end = _ended_by(killing.t_ns, pod)
        down_ns = min(killing.t_ns, end.t_ns) if end else killing.t_ns
        up_ns = next((t for t, _unused, ready in pod.ready.spans() if ready and t > killing.t_ns), pod.gone_ns)
        until_ns = None if up_ns is None else up_ns + PROXY_LAG_NS
        # A new pod that is killed again and again never replaces those that went before.
        new = empty is not None and empty.unreplaced and (pod.added_ns is None or pod.added_ns > down_ns)
        in_vain = new and down_ns >= failure.first_bad_ns and mostly_within(failure, down_ns, until_ns)
        if not in_vain and not onset_within(failure, down_ns - EXIT_LAG_NS, until_ns):
            continue
        hit = pod.routed(down_ns - EXIT_LAG_NS, down_ns + EXIT_LAG_NS) and pod.passes(_named(killing.message))
        if not hit and empty is None:
            continue  # it took no requests, and others did
        kind = "startup" if "startup" in killing.message else "liveness"
        unhealthy = [
            note
            for note in scene.view.notes_about("Pod", pod.name, "Unhealthy")
            if note.message.lower().startswith(kind) and note.t_ns <= killing.t_ns + EXIT_LAG_NS
        ]
        probe = next((one[kind] for one in pod.containers if one.get(kind)), "not recorded")
        evidence = [Evidence(note.t_ns, f"{pod.name}: {note.message}") for note in unhealthy[-1:]]
        evidence.append(Evidence(killing.t_ns, f"{pod.name}: {killing.message} (its {kind} probe: {probe})"))
        if end is not None:
            text = f"container {end.container} ended with exit code {end.exit_code}"
            evidence.append(Evidence(end.t_ns, text))
        emptied = empty is not None and _by_then(empty.since_ns, down_ns, up_ns)
        # A preStop hook and a graceful shutdown come between the kubelet's decision and the container's end.
        moments = [down_ns, end.t_ns] if end else [down_ns]
        close = any(near(failure, moment, EXIT_LAG_NS, EXIT_LAG_NS) for moment in moments)
        confidence = "high" if emptied or close or in_vain else "medium"
        change = scene.change(pod, _liveness_advice(kind, probe, unhealthy[-1].message if unhealthy else ""))
        return Finding("liveness_restart", confidence, down_ns, pod.name, tuple(evidence), change)
    return None


def container_crashed(failure: Failure, scene: Scene) -> Finding | None:
    """A container ended although nobody deleted the pod: an error of the application, or a wrong command."""
    for pod, end, confidence in _down(failure, scene, _by_nobody):
        if pod.removal is not None and end.seen_ns >= pod.removal.t_ns - EXIT_LAG_NS:
            continue  # its node ended it
        if end.exit_code == KILLED and "Event" in scene.view.record.skipped:
            continue  # somebody killed it; the Events that say who were not recorded
        if any(killed is pod and _ended_by(killing.t_ns, pod) is end for killed, killing in scene.probe_killings):
            continue  # the kubelet ended it, because of its probe
        how = f"{end.reason or 'no reason'}, exit code {end.exit_code}"
        itself = "was killed (SIGKILL)" if end.exit_code == KILLED else "ended by itself"
        text = f"container {end.container} of {pod.name} {itself}: {how}"
        change = scene.change(
            pod, "see the log of the container's last run (kubectl logs --previous), and run a second replica"
        )
        return Finding("container_crashed", confidence, end.t_ns, pod.name, (Evidence(end.t_ns, text),), change)
    return None


def _by_nobody(pod: PodLife, end: Exit) -> bool:
    """Whether neither its memory limit nor a deletion of the pod ended the container."""
    if end.reason == "OOMKilled" or end.reason in NEVER_RAN:
        return False
    return pod.deletion_ns is None or end.seen_ns < pod.deletion_ns


def _ended_by(killing_ns: int, pod: PodLife) -> Exit | None:
    """The container's end that the kubelet's decision of that moment led to."""
    return next((one for one in pod.exits if one.seen_ns >= killing_ns - EXIT_LAG_NS), None)


def _down(failure: Failure, scene: Scene, fits: Callable[[PodLife, Exit], bool]) -> Iterator[tuple[PodLife, Exit, str]]:
    """Exits that fit and may explain the failure, nearest first, with the confidence that their distance allows.

    high: it began about when the container ended, or while the service had no endpoint because of it; or there was none
    for most of the failed time because new pods ended instead of becoming ready.
    medium: the container was down, but other endpoints were there; only as long as requests could still be sent to it.
    A container that requests do not pass through explains only that the service had no endpoint.
    """
    if failure.only(CLIENT_OUTCOMES):
        return
    down = [(pod, end, up) for pod, end, up in scene.downtimes(failure) if fits(pod, end)]
    without = scene.without_endpoint(failure) if down else None
    for pod, end, up_again in sorted(down, key=lambda entry: abs(failure.first_bad_ns - entry[1].t_ns)):
        routed = pod.routed(end.t_ns - EXIT_LAG_NS, end.t_ns)
        passes = pod.passes(end.container)
        if routed and passes and near(failure, end.t_ns, EXIT_LAG_NS, EXIT_LAG_NS):
            yield pod, end, "high"
        elif routed and onset_within(failure, end.t_ns, None if up_again is None else up_again + PROXY_LAG_NS):
            emptied = without is not None and _by_then(without, end.t_ns, up_again)
            if emptied or (passes and pod.routed(failure.first_bad_ns, failure.last_bad_ns)):
                yield pod, end, "high" if emptied else "medium"
        elif without is not None and end.t_ns >= without - EXIT_LAG_NS and mostly_within(failure, end.t_ns, up_again):
            yield pod, end, "high"


def _by_then(empty_ns: int, down_ns: int, up_ns: int | None) -> bool:
    """Whether the service lost its last endpoint while the pod was down."""
    return down_ns - EXIT_LAG_NS <= empty_ns and (up_ns is None or empty_ns <= up_ns)


def _named(killing: str) -> str:
    """The container of a Killing Event, as in: Container web failed liveness probe, will be restarted."""
    words = killing.split()
    return words[1] if len(words) > 1 else ""


def _container(pod: PodLife, name: str) -> Mapping[str, Any]:
    return next((container for container in pod.containers if container["name"] == name), {})


def _usage(scene: Scene, pod: PodLife, end: Exit) -> list[Evidence]:
    """The last memory figure before the kill, when metrics-server gave one."""
    for usage in reversed(scene.view.usage_between(0, end.seen_ns)):
        memory = usage.pods.get(pod.name, {}).get(end.container, {}).get("memory_bytes")
        if memory:
            age = seconds(end.seen_ns - usage.t_ns)
            return [Evidence(usage.t_ns, f"metrics-server {age} before: {memory / 2**20:.0f} Mi in use")]
    return []


def _liveness_advice(kind: str, probe: str, why: str) -> str:
    if "404" in why:
        return f"correct the path of the {kind} probe: {probe} is answered 404"
    if "statuscode" in why:
        return f"make the {kind} probe ask for what tells that the process hangs, and nothing else: {probe}"
    if "deadline" in why or "Timeout" in why or "timeout" in why:
        return f"give the {kind} probe a longer timeoutSeconds and failureThreshold, or the container more CPU: {probe}"
    if "refused" in why:
        return f"add a startupProbe or initialDelaySeconds, so that the {kind} probe waits for the application: {probe}"
    return f"correct the {kind} probe: {probe}"
