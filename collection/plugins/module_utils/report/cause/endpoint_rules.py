# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Requests that were sent to a pod too early or too late: the races between endpoints and processes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..figures.executed import NOT_EXECUTED
from .container_rules import KILLED
from .failure import FRONT_OUTCOMES, LATE_OUTCOMES, TIMEOUT_OUTCOMES, Failure
from .finding import (
    EXIT_LAG_NS,
    LATE_WATCH_NS,
    NS_PER_MS,
    NS_PER_S,
    PROXY_LAG_NS,
    WATCH_LAG_NS,
    Change,
    Evidence,
    Finding,
    seconds,
)
from .lives import PodLife
from .scene import FRONT_STATUSES, Scene, mostly_within, onset_within

EARLY_OUTCOMES = frozenset({"refused", "reset", "timeout_connecting", "unreachable"})
CUT_OUTCOMES = frozenset({"reset", "reset_in_answer", "closed_early"})
DEAD_OUTCOMES = CUT_OUTCOMES | TIMEOUT_OUTCOMES | {"refused", "unreachable", "unprocessed"}
NO_WAY_OUTCOMES = frozenset({"timeout_connecting", "unreachable"})
SYN_SENT_NS = 120 * NS_PER_S  # net.netfilter.nf_conntrack_tcp_timeout_syn_sent, as Linux has it
# Each attempt that the kernel kept is met anew when its port comes round: once in 120 s, twice at very high rates.
MOST_AGAIN = 2
# Without a readiness probe a pod counts as ready when its container runs; this long it may take to listen.
SLOW_START_NS = 30 * NS_PER_S


def added_before_listening(failure: Failure, scene: Scene) -> Finding | None:
    """A pod without a readiness probe became an endpoint before its application listened.

    Who was refused is the client, or a front, which then answers in the pod's place.
    """
    if not failure.only(EARLY_OUTCOMES) and not scene.answered_in_front(failure):
        return None
    for pod, added, name, port in scene.unchecked:
        first = scene.answers.first_ns(pod)
        if first is not None and onset_within(failure, added, first) and first <= added + SLOW_START_NS:
            sure = failure.only({"refused"}) and mostly_within(failure, added, first)
            confidence = "high" if sure else "medium"
            told = Evidence(
                first, f"{pod.name} gave its first answer {seconds(first - added)} after it became an endpoint"
            )
        elif first is None and onset_within(failure, added, min(added + SLOW_START_NS, pod.deletion_ns or 2**63)):
            confidence = "medium"
            told = Evidence(added, f"{pod.name} gave no answer that the probe could tell")
        else:
            continue
        evidence = (
            Evidence(added, f"{pod.name} became a ready endpoint; container {name} has no readiness probe"),
            told,
        )
        text = "add a readinessProbe that succeeds only once the application answers"
        if port is None:
            change = scene.change(pod, text)
        else:
            probe = {"tcpSocket": {"port": port}, "periodSeconds": 1}
            change = scene.change(pod, text, name, readinessProbe=probe)
        return Finding("added_before_listening", confidence, added, pod.name, evidence, change)
    return None


def terminated_while_routed(failure: Failure, scene: Scene) -> Finding | None:
    """A pod was told to stop while requests were still sent to it, or stopped without finishing those it had.

    From the deletion the kubelet (SIGTERM) and the endpoint controller, then every kube-proxy, work side by side:
    nothing waits for the slower one but a preStop hook.
    """
    answered = failure.only(FRONT_OUTCOMES)  # a front that finds nobody, or an application that says it is stopping
    if answered and failure.status not in FRONT_STATUSES:
        return None
    if not answered and not set(failure.outcomes) & (DEAD_OUTCOMES - LATE_OUTCOMES):
        return None  # the kernel ends the connections of a dead process
    empty = scene.emptied(failure)
    if empty is not None and (failure.inside or not failure.only(CUT_OUTCOMES)):
        until = None if empty.until_ns is None else empty.until_ns + PROXY_LAG_NS
        if mostly_within(failure, empty.since_ns + WATCH_LAG_NS, until) and not _just_before(failure, empty.since_ns):
            return None  # nobody was left to send to: another process that ends better would not have helped
    dying = [pod for pod in scene.dying(failure) if _in_race(failure, pod)]
    if not dying:
        return None
    pod = min(dying, key=lambda one: abs(failure.first_bad_ns - _race_ns(one, failure)))
    deleted = pod.deletion_ns or 0
    dropped, ended = pod.dropped_ns, pod.exit_ns
    evidence = [Evidence(deleted, f"{pod.name} was deleted {_ago(failure.first_bad_ns - deleted)}")]
    sigterm = scene.sigterm_ns(pod)
    if sigterm is not None:
        evidence.append(
            Evidence(sigterm, f"its application saw SIGTERM {seconds(sigterm - deleted)} after the deletion")
        )
    if dropped is not None:
        text = f"its EndpointSlice dropped it {seconds(dropped - deleted)} after the deletion; kube-proxy follows later"
        evidence.append(Evidence(dropped, text))
    if ended is not None:
        evidence.append(Evidence(ended, f"its container ended about {seconds(ended - deleted)} after the deletion"))
    last = max(dropped or deleted, ended or deleted)
    in_time = deleted - WATCH_LAG_NS <= failure.first_bad_ns <= last + NS_PER_S
    # some of its answers may just be late, and a long outage outlasts any race
    sure = failure.only(DEAD_OUTCOMES - LATE_OUTCOMES) and mostly_within(failure, deleted, last + PROXY_LAG_NS)
    confidence = "high" if sure and in_time else "medium"
    if answered:
        # without its status an error of the application cannot be told from one of a stopping pod
        whole = failure.requests_lost > 1 and failure.last_bad_ns <= last + PROXY_LAG_NS
        confidence = "medium" if whole or failure.status is not None or scene.way.front else "low"
    return Finding(
        "terminated_while_routed", confidence, deleted, pod.name, tuple(evidence), _stop_change(failure, scene, pod)
    )


def grace_too_short(failure: Failure, scene: Scene) -> Finding | None:
    """A deleted pod was killed at the end of its grace period, with the requests that it still had."""
    if not set(failure.outcomes) & CUT_OUTCOMES:
        return None
    # A failure is dated by the sending of its requests, and these waited for their answer as the kill cut them.
    reach_ns = scene.answers.slowest_ns + EXIT_LAG_NS
    for pod in scene.dying(failure, reach_ns):
        for end in pod.last_exits:
            ended, deleted = max(end.t_ns, pod.deletion_ns or 0), pod.deletion_ns or 0
            given_s = pod.deletion_grace_s if pod.deletion_grace_s is not None else pod.grace_s
            at_limit = abs(ended - deleted - given_s * NS_PER_S) <= EXIT_LAG_NS
            if end.exit_code != KILLED or end.reason == "OOMKilled" or given_s == 0 or not at_limit:
                continue
            if not failure.first_bad_ns - EXIT_LAG_NS <= ended <= failure.last_bad_ns + reach_ns:
                continue
            evidence = (
                Evidence(deleted, f"{pod.name} was deleted and had {given_s} s to end"),
                Evidence(
                    ended,
                    f"container {end.container} was killed (exit code 137) about {seconds(ended - deleted)} later",
                ),
            )
            hook_s = pod.hook_ns // NS_PER_S
            text = (
                "let SIGTERM reach the process (exec form of the command, no shell as PID 1) and let it end when it "
                f"has answered; where requests take longer than {given_s} s, raise terminationGracePeriodSeconds (a "
                "rollout then waits that long for each pod)"
            )
            if hook_s >= given_s:
                text = (
                    f"the preStop hook ({hook_s} s) takes all of the grace period ({given_s} s): raise the latter; "
                    + text
                )
            confidence = "high" if failure.only(CUT_OUTCOMES) else "medium"
            return Finding("grace_too_short", confidence, ended, pod.name, evidence, scene.change(pod, text))
    return None


def stale_connection(failure: Failure, scene: Scene) -> Finding | None:
    """A client's port was used again while the node still sent it to a pod that is gone.

    The kernel's connection tracking keeps an attempt that met a dead pod for SYN_SENT_NS, with the pod's address. A new
    connection from the same port to the same service within that time goes there again, whatever kube-proxy says now.
    """
    brief = failure.last_bad_ns - failure.first_bad_ns <= NS_PER_S
    if not brief or not failure.only(NO_WAY_OUTCOMES) or scene.without_endpoint(failure) is not None:
        return None
    for pod in sorted(scene.deleted, key=lambda one: one.exit_ns or 0, reverse=True):
        deleted, dropped, ended = pod.deletion_ns or 0, pod.dropped_ns, pod.exit_ns
        if dropped is None or ended is None or ended > dropped + PROXY_LAG_NS:
            continue  # it outlived its routes: no attempt met it dead
        last_met = max(dropped, ended) + PROXY_LAG_NS
        if not any(_met(one, ended, last_met) for one in scene.failures if one is not failure):
            continue  # no attempt is known that the kernel could have kept
        kept = scene.runs.lost(NO_WAY_OUTCOMES, ended - EXIT_LAG_NS, last_met)
        if scene.runs.lost(NO_WAY_OUTCOMES, last_met, last_met + SYN_SENT_NS) > MOST_AGAIN * kept:
            continue  # many more than the attempts that it can have kept: somebody still sends there
        if ended <= failure.first_bad_ns <= last_met + SYN_SENT_NS:
            after = failure.first_bad_ns - ended
            text = f"{pod.name} had ended {seconds(after)} before, while connections were still sent to it"
            why = (
                "Linux keeps such an attempt in its connection tracking for 120 s, and sends a reused port there again"
            )
            change = hook_change(scene, pod, math.ceil((last_met - deleted) / NS_PER_S))
            evidence = (Evidence(ended, text), Evidence(dropped, why))
            return Finding("stale_connection", "medium", ended, pod.name, evidence, change)
    return None


def _in_race(failure: Failure, pod: PodLife) -> bool:
    """Between the first moment at which the application may have been told to stop and the last at which it was asked.

    On a loaded machine the observer hears of a deletion late: the API's own time of it (to the second) counts too.
    """
    deleted = pod.deletion_ns or 0
    if not pod.routed(deleted - NS_PER_S, deleted + NS_PER_S):
        return False  # it was no endpoint any more, or never
    earliest = max(min(deleted, pod.deletion_api_ns or deleted), deleted - LATE_WATCH_NS) + pod.hook_ns
    last = pod.dropped_ns or deleted
    if set(failure.outcomes) & CUT_OUTCOMES or pod.exit_ns is None or pod.exit_ns <= last + PROXY_LAG_NS:
        last = max(last, pod.exit_ns or deleted)  # longer than its routes only what it had already was sent to it
    return onset_within(failure, earliest, last + PROXY_LAG_NS)


def _met(failure: Failure, from_ns: int, to_ns: int) -> bool:
    """Whether the failure shows that connections went to a pod that had ended: nobody answered them."""
    nobody = set(failure.outcomes) & NO_WAY_OUTCOMES
    return bool(nobody) and failure.first_bad_ns <= to_ns and failure.last_bad_ns >= from_ns - EXIT_LAG_NS


def _just_before(failure: Failure, empty_ns: int) -> bool:
    """Whether it was over about when the last endpoint went: those requests still were sent to somebody."""
    return failure.last_bad_ns <= empty_ns + WATCH_LAG_NS


def _race_ns(pod: PodLife, failure: Failure) -> int:
    """The moment of the pod's death that a failure belongs to: its end for cut connections, else its deletion."""
    ended = pod.exit_ns
    return ended if ended is not None and failure.first_outcome in CUT_OUTCOMES else pod.deletion_ns or 0


def _stop_change(failure: Failure, scene: Scene, pod: PodLife) -> Change:
    """Without a hook: one that outlasts what was seen here. With one: what it leaves to the application."""
    hooks = [hook for container in pod.doors if (hook := container.get("pre_stop"))]
    routed_until = (pod.dropped_ns or pod.deletion_ns or 0) + PROXY_LAG_NS
    cut = set(failure.outcomes) & CUT_OUTCOMES
    if cut and (failure.lane == "kept" or failure.first_bad_ns > routed_until):
        text = (
            "make the application finish what it has on SIGTERM: answer with Connection: close, end when all is "
            "answered; no preStop hook outlasts connections that clients keep"
        )
        return scene.change(pod, text)
    if not hooks:
        return hook_change(scene, pod, math.ceil(max(failure.last_bad_ns - (pod.deletion_ns or 0), 0) / NS_PER_S) + 1)
    if cut:
        text = (
            "make the application finish what it has on SIGTERM (close the listener, answer, then end): preStop is set"
        )
        return scene.change(pod, f"{text} ({hooks[0]})")
    return scene.change(pod, f"the preStop hook ({hooks[0]}) is too short for this cluster: see the measured race")


def hook_change(scene: Scene, pod: PodLife, wait_s: int) -> Change:
    """A preStop hook of wait_s. The grace period counts from its start, so it must leave time to end after it."""
    wait_s = max(1, wait_s)
    hook: dict[str, Any] = {"sleep": {"seconds": wait_s}}
    text = f"add a preStop hook that waits {wait_s} s, so that SIGTERM comes after the last request"
    if not scene.hooks_sleep:
        hook = {"exec": {"command": ["sleep", str(wait_s)]}}
        text += " (this cluster is older than preStop.sleep: the image needs the command sleep)"
    change = scene.change(pod, f"{text}; each pod then takes {wait_s} s longer to end", lifecycle={"preStop": hook})
    if change.patch and 2 * wait_s > pod.grace_s:
        change.patch["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = wait_s + pod.grace_s
    return change


def last_lost(findings: Iterable[tuple[Failure, Finding]], scene: Scene) -> dict[str, int]:
    """When the last request was lost on each dying pod: pod -> start of the request.

    With a hook only requests that found nobody count: a connection that is cut at the end is not a late arrival.
    """
    hooked = {pod.name for pod in scene.pods if any(container.get("pre_stop") for container in pod.containers)}
    found: dict[str, int] = {}
    for failure, finding in findings:
        if finding.cause != "terminated_while_routed":
            continue
        if finding.subject not in hooked or set(failure.outcomes) & NOT_EXECUTED:
            pod = scene.pods_by_name.get(finding.subject)
            ended = max(pod.dropped_ns or 0, pod.exit_ns or 0, pod.deletion_ns or 0) if pod else 0
            # a longer outage has another reason from then on
            last = min(failure.last_bad_ns, ended + PROXY_LAG_NS)
            found[finding.subject] = max(found.get(finding.subject, 0), last)
    return found


def _ago(nanoseconds: int) -> str:
    if nanoseconds >= 0:
        return f"{seconds(nanoseconds)} before"
    return f"as the failure began ({-nanoseconds // NS_PER_MS} ms later, within the observer's lag)"
