# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What befell others on a request's way: the services behind the probed one, and the proxy in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Callable, Optional

from ..figures.executed import ANSWERED_OUTCOMES
from .failure import LATE_OUTCOMES, Failure
from .finding import CONFIDENCES, Change, Evidence, Finding, lower
from .scene import FRONT_STATUSES, Scene

Rules = Mapping[str, Callable[[Failure, Scene], Optional[Finding]]]

FRONT_DISRUPTED = "front_disrupted"
# A service behind the probed one can make it answer wrongly or late. It cannot make it refuse a connection.
FROM_BEHIND = ANSWERED_OUTCOMES | LATE_OUTCOMES
# A proxy that speaks HTTP takes the connection itself: no pod behind it can refuse one.
OF_THE_FRONT = frozenset({"refused", "unreachable", "timeout_connecting", "reset"})
# Rules that tell of the client, or of the answers' words, not of the pods that they are asked about.
_NOT_OF_PODS = frozenset({"probe_fault", "dns", "tls", "application_error", "host_overloaded", "probe_overloaded"})


def behind(failure: Failure, scene: Scene, rules: Rules) -> list[Finding]:
    """Findings on the namespace's other services, on which the probed one may depend: one step less confident."""
    found = []
    inside = failure.as_seen_inside()
    for other in scene.behind:
        for name, rule in rules.items():
            finding = None if name in {"probe_fault", "application_error"} else rule(inside, other)
            if finding is not None:
                text = f"this befell Service {other.service}, not {scene.service} itself, which may depend on it"
                note = Evidence(finding.t_ns, text)
                found.append(replace(finding, confidence=lower(finding.confidence), evidence=(*finding.evidence, note)))
    return found


def in_front(failure: Failure, scene: Scene, rules: Rules) -> Finding | None:
    """The best finding on the pods of the proxy in front, as a cause of its own: the service's pods are innocent.

    Its change is told in words alone: patches are for the service's own workloads.
    """
    front = scene.front
    if front is None:
        return None
    # Who answers with another status is alive, and says so: his pods can only be of a wrong release.
    said = failure.only(ANSWERED_OUTCOMES) and failure.status not in FRONT_STATUSES
    asked = {"bad_release"} if said else set(rules) - _NOT_OF_PODS
    found = [finding for name in rules if name in asked and (finding := rules[name](failure, front)) is not None]
    if not found:
        return None
    best = min(found, key=lambda finding: CONFIDENCES.index(finding.confidence))
    place = front.view.namespace
    text = f"this befell {front.service} in namespace {place}, which answers in front of {scene.service or 'all'}"
    return replace(
        best,
        cause=FRONT_DISRUPTED,
        subject=f"{place}/{best.subject}",
        evidence=(*best.evidence, Evidence(best.t_ns, text)),
        change=Change(f"of {best.change.target or front.service} in namespace {place}: {best.change.text}"),
    )
