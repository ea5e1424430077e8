# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a cloud's load balancer does by itself, outside of the cluster: it learns later than kube-proxy who has gone."""

from __future__ import annotations

import math

from ..figures.executed import NOT_EXECUTED
from .endpoint_rules import hook_change
from .failure import Failure
from .finding import EXIT_LAG_NS, NS_PER_S, PROXY_LAG_NS, Evidence, Finding, seconds
from .runs import QUIET_NS, Run
from .scene import Scene

# The longest usual delay of a deregistration; by its own checks a balancer notices in 6 to 30 s.
DEREGISTERED_NS = 300 * NS_PER_S
# What a balancer that speaks HTTP answers for a pod that refuses or is silent; 503 is for none at all.
NOBODY_THERE = frozenset({502, 504})


def late_deregistration(failure: Failure, scene: Scene) -> Finding | None:
    """A load balancer still sent to a pod that was gone, long after its endpoint was dropped."""
    run = scene.runs.with_(failure)
    if not _sent_on(failure, scene, run) or scene.without_endpoint(failure) is not None:
        return None
    for pod in scene.deleted:
        deleted, dropped, ended = pod.deletion_ns or 0, pod.dropped_ns, pod.exit_ns
        if dropped is None or ended is None:
            continue
        gone = max(dropped, ended)
        began = ended - EXIT_LAG_NS <= run.began_ns <= gone + PROXY_LAG_NS
        if not began or not gone + PROXY_LAG_NS < run.last_ns <= gone + DEREGISTERED_NS:
            continue  # not of this pod, or no longer than kube-proxy itself may take
        late = (
            f"{run.lost} requests found nobody from then on, the last {seconds(run.last_ns - gone)} after it was gone"
        )
        evidence = (
            Evidence(ended, f"{pod.name} had ended {seconds(ended - deleted)} after its deletion"),
            Evidence(run.last_ns, f"{late}, while other endpoints were there: the balancer still sent to it"),
        )
        change = hook_change(scene, pod, math.ceil((run.last_ns - deleted) / NS_PER_S))
        return Finding("late_deregistration", "medium", ended, pod.name, evidence, change)
    return None


def _sent_on(failure: Failure, scene: Scene, run: Run) -> bool:
    """Whether a balancer may have met nobody: by the Service's own address, or one that answers in its place.

    Of what answers it has to be over as the probe goes on: a release that is wrong stays so.
    """
    if scene.way.balancer:
        return failure.only(NOT_EXECUTED | {"reset"})
    ended = scene.answers.ended_ns
    over = ended is not None and ended - run.last_ns > QUIET_NS
    return over and scene.front is None and scene.answered_in_front(failure) and failure.status in NOBODY_THERE
