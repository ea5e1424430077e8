# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Somebody changed the Service, or released another version behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..figures.executed import ANSWERED_OUTCOMES, NOT_EXECUTED
from .failure import LATE_OUTCOMES, TIMEOUT_OUTCOMES, Failure
from .finding import EXIT_LAG_NS, NS_PER_S, PROXY_LAG_NS, WATCH_LAG_NS, Change, Evidence, Finding
from .lives import PodLife
from .scene import Scene, onset_within
from .unserved import empty_text, unserved

# A network plugin needs a while to enforce a policy: less than this on clusters of a usual size.
NETWORK_LAG_NS = 5 * NS_PER_S
# What becomes of a connection that a packet filter drops or rejects; kept ones may be cut, too.
CLOSED_OUTCOMES = TIMEOUT_OUTCOMES | {"refused", "unreachable", "reset"}
HEALED_NS = 5 * NS_PER_S
ROLLING_NS = 30 * NS_PER_S  # after this long without an error the first new pod had shown that it answers


def selector_changed(failure: Failure, scene: Scene) -> Finding | None:
    """The Service was pointed at other pods: all endpoints change at once, or none is left."""
    empty = unserved(failure, scene)
    for t_ns, before, state in _changes(scene):
        if before["selector"] == state["selector"]:
            continue
        left = empty is not None and bool(empty.by("unrouted")) and t_ns - WATCH_LAG_NS <= empty.since_ns
        emptied = left and empty is not None and empty.since_ns <= t_ns + EXIT_LAG_NS
        if emptied or onset_within(failure, t_ns, t_ns + PROXY_LAG_NS):
            text = f"the selector of Service {scene.service} went from {before['selector']} to {state['selector']}"
            evidence = [Evidence(t_ns, text)]
            advice = "switch only once the new pods are ready, and keep the old ones until their connections end"
            if emptied and empty is not None:
                evidence.append(empty_text(scene, empty))
                advice = "no pod has these labels: correct the selector"
            confidence = "high" if emptied else "medium"
            change = Change(advice, f"Service/{scene.service}")
            return Finding("selector_changed", confidence, t_ns, str(scene.service), tuple(evidence), change)
    return None


def service_changed(failure: Failure, scene: Scene) -> Finding | None:
    """The Service was deleted, or its ports were changed: nobody listens where requests are sent to, or are asked."""
    if not failure.only(NOT_EXECUTED | {"reset"}):
        return None
    for t_ns, before, state in _changes(scene):
        old, new = _open(before), _open(state)
        if old == new or not onset_within(failure, t_ns, t_ns + PROXY_LAG_NS):
            continue
        back = next((at for at, _unused, later in _changes(scene) if at > t_ns and _open(later) == old), None)
        lasted = failure.end_ns - failure.first_bad_ns >= NS_PER_S
        until_back = back is None or failure.end_ns <= back + PROXY_LAG_NS
        text = f"the ports of Service {scene.service} went from {old} to {new}"
        advice = "let port and targetPort name where the pods listen"
        if new is None:
            text = f"Service {scene.service} was deleted"
            advice = "create it anew, and change a Service in place (kubectl apply): its address goes with it"
        confidence = "high" if lasted and until_back and failure.requests_lost > 1 else "medium"
        change = Change(advice, f"Service/{scene.service}")
        evidence = (Evidence(t_ns, text),)
        return Finding("service_changed", confidence, t_ns, str(scene.service), evidence, change)
    return None


def network_policy(failure: Failure, scene: Scene) -> Finding | None:
    """A NetworkPolicy for the service's pods was made, changed or deleted, and no connection gets through since."""
    if not failure.only(CLOSED_OUTCOMES) or scene.emptied(failure) is not None:
        return None
    for name, steps in sorted(scene.view.policies.items()):
        for t_ns, until_ns, state in steps.spans():
            new = t_ns > scene.view.record.started_ns + NS_PER_S
            if not new or not state["incoming"] or not onset_within(failure, t_ns, t_ns + NETWORK_LAG_NS):
                continue
            if failure.good_again_ns is not None and (until_ns is None or failure.good_again_ns < until_ns):
                continue  # somebody got through while it stood
            pods = [pod.name for pod in scene.pods if pod.routed(failure.first_bad_ns) and _is_for(state, pod)]
            if not pods:
                continue
            done = "was deleted" if state.get("deleted") else "was made or changed"
            evidence = (Evidence(t_ns, f"NetworkPolicy {name} {done}; it is for {', '.join(sorted(pods))}"),)
            lasted = failure.end_ns - failure.first_bad_ns >= NS_PER_S and failure.requests_lost > 1
            confidence = "high" if lasted and not state.get("deleted") else "medium"
            advice = "let the policy admit who asks: the clients' namespaces or addresses, and the port of the pods"
            change = Change(advice, f"NetworkPolicy/{name}")
            return Finding("network_policy", confidence, t_ns, name, evidence, change)
    return None


def bad_release(failure: Failure, scene: Scene) -> Finding | None:
    """Pods of another template became endpoints, and from then on answers are wrong or late, as none was before."""
    if not failure.only(ANSWERED_OUTCOMES | LATE_OUTCOMES) or scene.emptied(failure) is not None:
        return None
    known = {_template(pod) for pod in scene.pods if (pod.added_ns or 0) <= scene.view.record.started_ns + NS_PER_S
             and pod.added_ns is not None}  # fmt: skip
    new = [pod for pod in scene.pods if pod.added_ns is not None and known and _template(pod) not in known]
    if not new:
        return None
    first = min(new, key=lambda pod: pod.added_ns or 0)
    added = first.added_ns or 0
    run = scene.runs.with_(failure)  # one new pod of many fails now and then: what began is all of that
    if not added - WATCH_LAG_NS <= run.began_ns <= added + ROLLING_NS:
        return None
    over = max((pod.dropped_ns or pod.gone_ns or 2**63 for pod in new), default=2**63)
    before = any(one.last_ns < added for one in scene.runs.of(failure.outcomes))
    if before or failure.last_bad_ns > over + PROXY_LAG_NS or run.lost < 2:
        return None  # it failed the same way before, or went on without the new pods
    if failure.only(ANSWERED_OUTCOMES) and _healed(failure, scene, over):
        return None  # a version that answers wrongly goes on with it
    image = ", ".join(str(one.get("image")) for one in first.doors)
    evidence = (
        Evidence(added, f"{first.name} ({image}) became the first endpoint of another template"),
        Evidence(run.began_ns, f"from then on {run.lost} answers were {_wrong(failure)}"),
    )
    target = scene.view.workload_of(first)
    advice = f"roll back (kubectl rollout undo {target.lower()}), and let the readiness probe ask for what failed here"
    return Finding("bad_release", "medium", added, first.name, evidence, Change(advice, target))


def _healed(failure: Failure, scene: Scene, over_ns: int) -> bool:
    """Whether nobody failed so any more though the new pods, which went at over_ns, were still asked."""
    last = max((run.last_ns for run in scene.runs.of(failure.outcomes)), default=failure.last_bad_ns)
    ended = scene.answers.ended_ns
    return ended is not None and min(over_ns, ended) - last > HEALED_NS


def _is_for(policy: Mapping[str, Any], pod: PodLife) -> bool:
    """Whether a policy selects a pod. Expressions are not judged: it may."""
    labels = pod.spec.get("labels") or {}
    return all(labels.get(name) == value for name, value in policy.get("selector", {}).items())


def _open(state: Mapping[str, Any]) -> Any:
    """The Service's ports; None where there is no Service any more."""
    return None if state.get("deleted") else state.get("ports") or []


def _wrong(failure: Failure) -> str:
    return f"wrong ({failure.first_error})" if failure.only(ANSWERED_OUTCOMES) else "wrong or late"


def _template(pod: PodLife) -> tuple[str, tuple[str, ...]]:
    return str(pod.spec.get("owner")), tuple(str(one.get("image")) for one in pod.containers)


def _changes(scene: Scene) -> list[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    """(when, before, after) of each change of the Service."""
    steps = scene.view.services.get(scene.service or "")
    states = list(zip(steps.times, steps.values)) if steps else []
    return [(t_ns, before, state) for (_unused, before), (t_ns, state) in zip(states, states[1:])]
