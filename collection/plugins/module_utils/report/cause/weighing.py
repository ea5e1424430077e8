# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Findings of several rules on one failure, held against each other, and what makes one less certain."""

from __future__ import annotations

from dataclasses import replace

from ...cluster.record import Gap
from .failure import Failure
from .finding import NS_PER_S, Evidence, Finding, lower
from .scene import Scene

#: Why pods that replace others cannot start. No room is none of them: it is mostly what those who evict took.
HINDRANCES = frozenset({"image_not_pulled", "container_not_created", "volume", "not_created"})
#: The same, where it befell a pod that was not asked yet.
HINDRANCES_OF_NEW = frozenset({"container_crashed", "readiness_failed"})
# Clocks that nobody compared may be this far apart: what coincides for less time may do so by chance.
CLOCKS_NS = 5 * NS_PER_S


def hinders(finding: Finding, failure: Failure, scene: Scene) -> bool:
    """Whether it is what keeps pods from replacing others."""
    if finding.cause not in HINDRANCES_OF_NEW or finding.confidence != "high":
        return finding.cause in HINDRANCES
    return any(pod.name == finding.subject and not pod.routed(failure.first_bad_ns) for pod in scene.pods)


def with_those_behind(found: list[Finding], others: list[Finding]) -> tuple[list[Finding], bool]:
    """What befell the services behind, too; and whether it came nearer to the first wrong answer than a new release.

    Then the release is the less certain one of both; else those behind stay out of it.
    """
    release = next((finding for finding in found if finding.cause == "bad_release"), None)
    if release is None:
        return found + others, False
    began_ns = release.evidence[-1].t_ns
    others = [one for one in others if abs(one.t_ns - began_ns) < began_ns - release.t_ns]
    if not others:
        return found, False
    less = replace(release, confidence=lower(release.confidence))
    return [less if finding is release else finding for finding in found] + others, True


def weigh(finding: Finding, failure: Failure, scene: Scene) -> Finding:
    """Less confident, with the reason as evidence: a watch was down, the Service is a guess, clocks may disagree."""
    doubts = []
    gap = next((gap for gap in scene.view.record.gaps if _hides(gap, failure)), None)
    if gap is not None:
        text = f"the watch of {gap.kind} was down then ({gap.reason}): times are later than the changes"
        doubts.append(Evidence(gap.from_ns, text))
    if not scene.way.sure:
        text = "the URL leads to no recorded Service; that this one stands behind it is a guess: name it (service)"
        doubts.append(Evidence(finding.t_ns, text))
    if not scene.same_host:
        text = "probe and recorder ran on two hosts, whose clocks were not compared"
        brief = failure.end_ns - failure.first_bad_ns < CLOCKS_NS
        doubts += [Evidence(finding.t_ns, text)] * (2 if brief else 1)
    for _doubt in doubts:
        finding = replace(finding, confidence=lower(finding.confidence))
    return replace(finding, evidence=(*finding.evidence, *dict.fromkeys(doubts)))


def _hides(gap: Gap, failure: Failure) -> bool:
    at_once = gap.from_ns <= failure.end_ns and failure.first_bad_ns <= gap.to_ns
    return gap.kind in {"Pod", "EndpointSlice"} and at_once
