# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Containers that were held back by their CPU limit."""

from __future__ import annotations

from .failure import LATE_OUTCOMES, TIMEOUT_OUTCOMES, Failure
from .finding import NS_PER_S, Change, Evidence, Finding, seconds
from .lives import PodLife
from .scene import Scene

SLOW = TIMEOUT_OUTCOMES | {"too_slow", "closed_early", "reset"}
THROTTLED_SHARE = 0.25  # of the 100 ms periods; below it a request is delayed, but seldom lost
HEAVY_SHARE = 0.5
AT_LIMIT_SHARE = 0.9  # of the limit, averaged by metrics-server: with bursts the limit is hit well before the average
PRESSURE_PERCENT = 80.0  # of 10 s in which some task waited for a core
OVERLOAD = 2.0  # tasks a core, where the kernel tells no pressure
LOAD_LAG_NS = 10 * NS_PER_S
METRICS_LAG_NS = 30 * NS_PER_S


def cpu_throttled(failure: Failure, scene: Scene) -> Finding | None:
    """The container used up its CPU limit, so that the kernel paused it while requests waited."""
    slow = failure.kind == "stall" or (set(failure.outcomes) and set(failure.outcomes) <= SLOW)
    without = scene.without_endpoint(failure)
    starved = without is not None and not failure.only({"too_slow"})
    # Answered late (a stall begins with slow good answers), then not even accepted: the same starved process has to
    # answer its readiness probe.
    faded = failure.first_outcome in LATE_OUTCOMES | {"ok"} and without is not None and failure.first_bad_ns < without
    slow = slow or faded
    if not slow and not starved:
        return None
    best: tuple[float, Evidence, PodLife, str] | None = None
    for pod in scene.pods:
        if not starved and not pod.routed(failure.first_bad_ns, failure.last_bad_ns):
            continue
        for container in pod.doors:
            limit = (container.get("limits") or {}).get("cpu_m")
            if not limit:
                continue
            found = _throttled(failure, scene, pod, container["name"]) or _at_limit(
                failure, scene, pod, container["name"], limit
            )
            if found is not None and (best is None or found[0] > best[0]):
                best = (*found, pod, container["name"])
    if best is None:
        return None
    share, evidence, pod, name = best
    limit = next(one["limits"]["cpu_m"] for one in pod.containers if one["name"] == name)
    change = scene.change(
        pod, f"raise the CPU limit of {name} (now {limit:.0f}m), or set only a request", name,
        resources={"limits": {"cpu": f"{limit * 4:.0f}m"}},
    )  # fmt: skip
    confidence = "high" if slow and share >= HEAVY_SHARE else "medium"
    return Finding("cpu_throttled", confidence, evidence.t_ns, pod.name, (evidence,), change)


def host_overloaded(failure: Failure, scene: Scene) -> Finding | None:
    """The recorder's machine, which a local lab's nodes share, had no core free while requests were slow."""
    if failure.kind != "stall" and not (failure.outcomes and set(failure.outcomes) <= SLOW):
        return None
    if not scene.view.on_this_machine:
        return None
    return _busy(failure, scene, "host_overloaded", "machine")


def probe_overloaded(failure: Failure, scene: Scene) -> Finding | None:
    """The cluster is elsewhere, but the machine of probe and recorder had no core free while requests were slow."""
    if scene.view.on_this_machine or not scene.same_host:
        return None
    if failure.kind != "stall" and not (failure.outcomes and set(failure.outcomes) <= TIMEOUT_OUTCOMES | {"too_slow"}):
        return None
    return _busy(failure, scene, "probe_overloaded", "probe")


def _busy(failure: Failure, scene: Scene, cause: str, subject: str) -> Finding | None:
    for load in scene.view.load_between(failure.first_bad_ns - LOAD_LAG_NS, failure.end_ns + LOAD_LAG_NS):
        pressure = load.cpu_pressure_percent
        busy = load.load_1m >= OVERLOAD * load.cores if pressure is None else pressure >= PRESSURE_PERCENT
        if busy:
            waited = "" if pressure is None else f"; a task waited for a core in {pressure:.0f} % of the last 10 s"
            text = f"the recorder's machine had load {load.load_1m:.1f} on {load.cores} cores{waited}"
            advice = (
                "fewer things at once on this machine; CPU requests for this service, limits for its neighbours"
                if cause == "host_overloaded"
                else "nothing in the manifest: give the probe a machine with a free processor, and repeat the run"
            )
            return Finding(cause, "medium", load.t_ns, subject, (Evidence(load.t_ns, text),), Change(advice))
    return None


def _throttled(failure: Failure, scene: Scene, pod: PodLife, container: str) -> tuple[float, Evidence] | None:
    """The share of throttled periods between the samples that surround the failure."""
    key = f"{pod.name}/{container}"
    if key not in scene.view.held_back:
        return None
    steps = scene.view.held_back[key].between(failure.first_bad_ns, failure.end_ns)
    periods, held = sum(steps.periods), sum(steps.throttled)
    if not periods or held / periods < THROTTLED_SHARE:
        return None
    began, within = steps.starts_ns[0], seconds(steps.ends_ns[-1] - steps.starts_ns[0])
    text = f"{key} was throttled in {held / periods:.0%} of {periods:.0f} CPU periods within {within}"
    return held / periods, Evidence(began, text)


def _at_limit(
    failure: Failure, scene: Scene, pod: PodLife, container: str, limit: float
) -> tuple[float, Evidence] | None:
    """Only where the kernel's counters are not to be had: an average use at the limit."""
    if scene.view.record.throttling:
        return None
    for usage in scene.view.usage_between(failure.first_bad_ns - METRICS_LAG_NS, failure.end_ns + METRICS_LAG_NS):
        used = usage.pods.get(pod.name, {}).get(container, {}).get("cpu_m", 0.0)
        if used >= AT_LIMIT_SHARE * limit:
            text = f"{pod.name}/{container} used {used:.0f}m of its limit of {limit:.0f}m (metrics-server)"
            return AT_LIMIT_SHARE / 2, Evidence(usage.t_ns, text)
    return None
