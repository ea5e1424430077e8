# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether a failure can be told by a Service that had no endpoint to send to."""

from __future__ import annotations

from ..figures.executed import ANSWERED_OUTCOMES, CLIENT_OUTCOMES
from .emptied import Emptied
from .failure import LATE_OUTCOMES, Failure
from .finding import WATCH_LAG_NS, Evidence, seconds
from .scene import Scene


def unserved(failure: Failure, scene: Scene) -> Emptied | None:
    """The time without endpoints; None for failures that prove that a pod accepted, or that nothing was sent.

    A front (Ingress, Gateway, load balancer) accepts in the pods' place: it answers 503, or lets the client wait.
    """
    if failure.only(CLIENT_OUTCOMES):
        return None
    proven = failure.kind == "stall" or failure.only(CLIENT_OUTCOMES | ANSWERED_OUTCOMES | LATE_OUTCOMES)
    if proven and not scene.answered_in_front(failure):
        return None
    return scene.emptied(failure)


def empty_text(scene: Scene, empty: Emptied) -> Evidence:
    """That and how long there was no endpoint."""
    since, until = empty.since_ns, empty.until_ns
    lasted = "to the end of the record" if until is None else f"for {seconds(until - since)}"
    if since <= scene.view.record.started_ns + WATCH_LAG_NS:
        lasted += " (already when the recording began)"
    return Evidence(since, f"Service {scene.service or '(not known)'} had no ready endpoint {lasted}")
