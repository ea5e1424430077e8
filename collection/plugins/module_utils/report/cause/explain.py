# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Names the cause of every failure in a probe record, by joining it with the cluster record.

Each rule in RULES looks at one failure and either explains it with evidence or stays silent. The most confident
finding wins; of equals the rule that stands first, because the table goes from the special to the general. Where no
rule speaks the cause is unknown, and the text says what was looked at: nothing is guessed. docs/causes.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Callable, Optional

from ...cluster.record import ClusterRecord
from ..figures.executed import ANSWERED_OUTCOMES
from .answers import Answers
from .balancer_rules import late_deregistration
from .capacity_rules import (
    deleted,
    dependency_down,
    no_ready_endpoint,
    readiness_failed,
    replicas_zero,
    too_little_capacity,
)
from .client_rules import application_error, dns, probe_fault, tls
from .container_rules import container_crashed, liveness_restart, oom_killed
from .cpu_rules import cpu_throttled, host_overloaded, probe_overloaded
from .elsewhere import FROM_BEHIND, FRONT_DISRUPTED, OF_THE_FRONT, behind, in_front
from .endpoint_rules import (
    added_before_listening,
    grace_too_short,
    hook_change,
    last_lost,
    stale_connection,
    terminated_while_routed,
)
from .failure import Failure, failures_of
from .finding import CONFIDENCES, NS_PER_MS, NS_PER_S, Change, Evidence, Finding
from .front import Way, way_to
from .locality_rules import no_local_endpoint
from .node_rules import evicted, node_not_ready
from .race import races
from .scene import Scene
from .service_rules import bad_release, network_policy, selector_changed, service_changed
from .start_rules import container_not_created, image_not_pulled, not_created, unschedulable, volume
from .timeline import ClusterView
from .weighing import hinders, weigh, with_those_behind

Json = dict[str, Any]
Rule = Callable[[Failure, Scene], Optional[Finding]]

RULES: dict[str, tuple[str, Rule]] = {
    "probe_fault": ("the probe's own fault", probe_fault),
    "oom_killed": ("container out of memory", oom_killed),
    "liveness_restart": ("container restarted by its liveness probe", liveness_restart),
    "evicted": ("pod evicted", evicted),
    "container_crashed": ("container ended by itself", container_crashed),
    "image_not_pulled": ("image cannot be pulled", image_not_pulled),
    "container_not_created": ("container cannot be created", container_not_created),
    "volume": ("volume not attached", volume),
    "not_created": ("pods may not be created", not_created),
    "deleted": ("workload deleted", deleted),
    "replicas_zero": ("zero replicas", replicas_zero),
    "unschedulable": ("no node for the pod", unschedulable),
    "selector_changed": ("Service switched to other pods", selector_changed),
    "service_changed": ("Service deleted, or its ports changed", service_changed),
    "network_policy": ("network policy lets nobody through", network_policy),
    "no_local_endpoint": ("no pod on the node that was asked", no_local_endpoint),
    "added_before_listening": ("endpoint added before the application listened", added_before_listening),
    "grace_too_short": ("pod killed at the end of its grace period", grace_too_short),
    "bad_release": ("the new version answers wrongly or late", bad_release),
    "late_deregistration": ("load balancer sent to a pod that was gone", late_deregistration),
    "terminated_while_routed": ("pod killed while requests were sent to it", terminated_while_routed),
    "node_not_ready": ("node not ready", node_not_ready),
    "cpu_throttled": ("CPU throttled", cpu_throttled),
    "too_little_capacity": ("autoscaler at its limit, or too slow", too_little_capacity),
    "host_overloaded": ("machine overloaded", host_overloaded),
    "probe_overloaded": ("the probe's machine overloaded", probe_overloaded),
    "stale_connection": ("connection sent to a pod that is gone", stale_connection),
    "dependency_down": ("readiness failed with a service behind", dependency_down),
    "readiness_failed": ("readiness probe failed", readiness_failed),
    "no_ready_endpoint": ("no ready endpoint", no_ready_endpoint),
    "tls": ("no TLS session", tls),
    "dns": ("name not found", dns),
    "application_error": ("the application answered with an error", application_error),
}
_FUNCTIONS = {name: rule for name, (_title, rule) in RULES.items()}
UNKNOWN = "unknown"
TITLES = {name: title for name, (title, _unused) in RULES.items()} | {
    FRONT_DISRUPTED: "disruption of the proxy in front",
    UNKNOWN: "unknown",
}
LOOK_AROUND_NS = 10 * NS_PER_S


def explain(
    probe: Mapping[str, Any],
    cluster: ClusterRecord,
    attempts: Iterable[Mapping[str, Any]] = (),
    service: str | None = None,
) -> Json:
    """Causes of all failures of one probe record (docs/probe-result.md), as docs/causes.md describes the result.

    attempts: the per-request log, where there is one: it makes the race exact. service: the probed Service; by
    default the one that the probe's URL leads to, or every service of the namespace when that cannot be told.
    """
    view = ClusterView(cluster)
    options = probe.get("options", {})
    urls = options.get("url") or []
    way = way_to([urls] if isinstance(urls, str) else list(urls), view, service, options.get("host"))
    failures = tuple(failures_of(probe, view.without_endpoint(way.service) if way.service else ()))
    same_host = _same_host(probe, cluster)
    answers = Answers(probe, attempts)
    scene = Scene(
        view,
        way,
        tuple(view.pods_of(way.service)) if way.recorded else (),
        answers,
        failures,
        same_host,
        _front(view, answers, failures) if way.front else None,
    )
    explained = [(failure, explain_one(failure, scene)) for failure in failures]
    race = races(scene, last_lost([(failure, findings[0]) for failure, findings in explained], scene))
    rows = [
        _row(failure, [_outlasting(finding, scene, race) for finding in findings]) for failure, findings in explained
    ]
    lost = sum(row["requests_lost"] for row in rows)
    unknown = sum(row["requests_lost"] for row in rows if row["cause"]["id"] == UNKNOWN)
    found: Json = {
        "service": way.service,
        "cluster_record": cluster.path,
        "failed_requests": lost,
        "unknown_requests": unknown,
        "explained_share": (lost - unknown) / lost if lost else None,
        "causes": _sums(rows),
        "failures": rows,
        "race": race,
        "notes": _notes(way, same_host, cluster),
    }
    return found


def explain_one(failure: Failure, scene: Scene) -> list[Finding]:
    """All findings on one failure, the best first; never empty: the last resort is unknown."""
    found = [finding for rule in _FUNCTIONS.values() if (finding := rule(failure, scene)) is not None]
    if scene.front is not None and failure.only(OF_THE_FRONT):
        found = [finding for finding in found if finding.cause == "probe_fault"]
    nearer = False
    if failure.only(FROM_BEHIND) and all(finding.cause in {"application_error", "bad_release"} for finding in found):
        found, nearer = with_those_behind(found, behind(failure, scene, _FUNCTIONS))
    of_front = in_front(failure, scene, _FUNCTIONS)
    if of_front is not None:
        found.append(of_front)
    found = [
        finding if finding.cause == "probe_fault" else weigh(finding, failure, scene)
        for finding in found
        if finding.cause == "probe_fault" or _covered(failure, scene.view.record)
    ]
    # Of equals: answers are given for what is behind, a connection ends with who holds it, and an error that no change
    # explains is the last word. What a front answers for a moment is a pod that was gone sooner than a whole release.
    order = [*RULES, FRONT_DISRUPTED] if failure.only(ANSWERED_OUTCOMES) else [FRONT_DISRUPTED, *RULES]
    brief = scene.answered_in_front(failure) and failure.last_bad_ns - failure.first_bad_ns <= NS_PER_S
    last = {"application_error", *(["bad_release"] if brief or nearer else [])}
    if any(hinders(finding, failure, scene) for finding in found):
        last.add("evicted")  # what lasts is not that pods went, but that new ones cannot start
    order.sort(key=lambda name: name in last)
    found.sort(key=lambda finding: (CONFIDENCES.index(finding.confidence), order.index(finding.cause)))
    return found or [_unknown(failure, scene)]


def _front(view: ClusterView, answers: Answers, failures: tuple[Failure, ...]) -> Scene | None:
    """What is known of the proxy in front, where it was recorded."""
    front = view.record.front
    if front is None:
        return None
    there = view if front.namespace == view.namespace else ClusterView(view.record, front.namespace)
    return Scene(there, Way(front.service), tuple(there.pods_of(front.service)), answers, failures)


def _outlasting(finding: Finding, scene: Scene, race: Json) -> Finding:
    """A hook that is advised after one failure must outlast the slowest race of all."""
    hooked = finding.cause == "terminated_while_routed" and "lifecycle" in str(finding.change.patch)
    pod = scene.pods_by_name.get(finding.subject)
    if not hooked or pod is None or not race.get("slowest_ms"):
        return finding
    return replace(finding, change=hook_change(scene, pod, race["smallest_safe_pre_stop_s"]))


def _covered(failure: Failure, record: ClusterRecord) -> bool:
    return record.started_ns <= failure.first_bad_ns <= record.ended_ns


def _unknown(failure: Failure, scene: Scene) -> Finding:
    """Says what was looked at; the changes around the failure are listed, not blamed."""
    record = scene.view.record
    if not _covered(failure, record):
        text = "the cluster record does not cover this time"
    else:
        around = scene.view.changes_between(
            failure.first_bad_ns - LOOK_AROUND_NS, failure.first_bad_ns + LOOK_AROUND_NS
        )
        text = (
            f"no rule explains it; {len(around)} changes were recorded within {LOOK_AROUND_NS // NS_PER_S} s around it"
        )
        if around:
            nearest = min(around, key=lambda change: abs(change.t_ns - failure.first_bad_ns))
            text += f", the nearest: {nearest.kind} {nearest.name} {nearest.event}"
    evidence = (Evidence(failure.first_bad_ns, text),)
    return Finding(UNKNOWN, "low", failure.first_bad_ns, "", evidence, Change("not known"))


def _row(failure: Failure, findings: list[Finding]) -> Json:
    return {
        "lane": failure.lane,
        "target": failure.target,
        "outage_unix_ns": failure.outage_ns or failure.first_bad_ns,
        "kind": failure.kind,
        "isolated": failure.isolated,
        "first_bad_unix_ns": failure.first_bad_ns,
        "last_bad_unix_ns": failure.last_bad_ns,
        "end_unix_ns": failure.end_ns,
        "requests_lost": failure.requests_lost,
        "outcomes": dict(failure.outcomes),
        "first_error": failure.first_error,
        "executed": failure.executed(),
        "cause": _cause(findings[0], failure),
        "also": [_cause(finding, failure) for finding in findings[1:]],
    }


def _cause(finding: Finding, failure: Failure) -> Json:
    return {
        "id": finding.cause,
        "title": TITLES[finding.cause],
        "confidence": finding.confidence,
        "unix_ns": finding.t_ns,
        "delta_ms": round((failure.first_bad_ns - finding.t_ns) / NS_PER_MS, 1),
        "subject": finding.subject,
        "evidence": [{"unix_ns": evidence.t_ns, "text": evidence.text} for evidence in finding.evidence],
        "change": {"text": finding.change.text, "target": finding.change.target, "patch": finding.change.patch},
    }


def _sums(rows: list[Json]) -> list[Json]:
    """A line for each cause, the costliest first, with the change of its most confident finding."""
    sums: dict[str, Json] = {}
    for row in rows:
        cause = row["cause"]
        line = sums.setdefault(
            cause["id"],
            {"id": cause["id"], "title": cause["title"], "failures": 0, "requests_lost": 0,
             "confidence": dict.fromkeys(CONFIDENCES, 0), "subjects": [], "change": cause["change"], "_rank": 9},
        )  # fmt: skip
        line["failures"] += 1
        line["requests_lost"] += row["requests_lost"]
        line["confidence"][cause["confidence"]] += row["requests_lost"]
        if cause["subject"] and cause["subject"] not in line["subjects"]:
            line["subjects"].append(cause["subject"])
        rank = CONFIDENCES.index(cause["confidence"])
        if rank < line["_rank"]:
            line["_rank"], line["change"] = rank, cause["change"]
    for line in sums.values():
        del line["_rank"]
    return sorted(sums.values(), key=lambda line: (-line["requests_lost"], line["id"]))


def _same_host(probe: Mapping[str, Any], cluster: ClusterRecord) -> bool:
    """Whether probe and recorder ran on one host, as far as the records tell."""
    host, observer = probe.get("vantage", {}).get("host"), cluster.header.get("observer")
    return not host or not observer or host == observer


def _notes(way: Way, same_host: bool, cluster: ClusterRecord) -> list[str]:
    """What limits this explanation, for people."""
    notes = []
    if way.front:
        notes.append(f"the probed URL is answered by {way.front}, not by the Service's own address")
    if not way.recorded:
        notes.append(f"the URL leads to another namespace than the recorded {cluster.header.get('namespace')}")
    elif not way.sure:
        notes.append("the URL leads to no recorded Service: name it (service), and the causes are more certain")
    if cluster.end is None:
        notes.append("the cluster record has no end line: its recorder was killed")
    for gap in cluster.gaps:
        notes.append(f"the watch of {gap.kind} was down for {(gap.to_ns - gap.from_ns) / NS_PER_S:.1f} s: {gap.reason}")
    notes += [f"{kind} was not recorded: {reason}" for kind, reason in cluster.skipped.items()]
    if not same_host:
        notes.append("the probe and the recorder ran on two hosts: their clocks were not compared")
    return notes
