# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The race of every deleted pod, measured: deletion, SIGTERM, endpoint dropped, last request, end.

The smallest safe preStop outlasts the slowest of these: as long as requests still arrive, the application must not
have been told to stop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .finding import NS_PER_MS, PROXY_LAG_NS
from .lives import PodLife
from .scene import Scene

MARGIN_S = 1.0  # kube-proxy's minSyncPeriod: another rollout may meet it at its worst moment
ENOUGH_PODS = 20  # below it the largest value seen bounds no 95 % quantile


def races(scene: Scene, lost_ns: Mapping[str, int]) -> dict[str, Any]:
    """Times in ms after the deletion was observed; None where the records do not tell.

    sigterm_ms: as the application told it, in its last words or its answers.
    last_request_ms: the last request that the pod was sent by its last words, or the start of the last one that it
    answered, to 100 ms without the per-request log.
    last_lost_ms: the start of the last request that was lost on it, from lost_ns (pod -> wall clock).
    exit_ms: the container's end, known to about a second. requests: by the pod's own count, since its start.
    """
    rows = [_race(pod, scene, lost_ns.get(pod.name)) for pod in scene.pods if pod.deletion_ns is not None]
    lags = [lag for row in rows if (lag := _lag_ms(row)) is not None]
    result: dict[str, Any] = {"pods": rows, "exact": scene.answers.exact, "smallest_safe_pre_stop_s": None}
    if lags:
        result["slowest_ms"] = max(lags)
        result["smallest_safe_pre_stop_s"] = math.ceil(max(lags) / 1000 + MARGIN_S)
        result["basis"] = f"the slowest of {len(lags)} pods, plus {MARGIN_S:g} s for kube-proxy's period, rounded up"
        if len(lags) < ENOUGH_PODS:
            result["basis"] += f"; {len(lags)} pods are too few to speak of a 95 % quantile"
    return result


def _race(pod: PodLife, scene: Scene, lost_ns: int | None) -> dict[str, Any]:
    deleted = pod.deletion_ns or 0
    seen = [t_ns for t_ns in (scene.answers.last_ns(pod), pod.words.last_request_ns) if t_ns is not None]

    def after(t_ns: int | None) -> float | None:
        return None if t_ns is None else round((t_ns - deleted) / NS_PER_MS, 1)

    hooks = [container["pre_stop"] for container in pod.containers if container.get("pre_stop")]
    return {
        "pod": pod.name,
        "deleted_unix_ns": deleted,
        "pre_stop": hooks[0] if hooks else None,
        "sigterm_ms": after(scene.sigterm_ns(pod)),
        "endpoint_dropped_ms": after(pod.dropped_ns),
        "last_request_ms": after(max(seen, default=None)),
        "last_lost_ms": after(lost_ns),
        "exit_ms": after(pod.exit_ns),
        "gone_ms": after(pod.gone_ns),
        "requests": pod.served,
    }


def _lag_ms(row: dict[str, Any]) -> float | None:
    """How long requests may still have arrived: until the endpoint was dropped, or the last one, answered or lost.

    An answer long after the drop came over a kept connection, which no preStop outlasts: it is left out.
    """
    dropped, last = row["endpoint_dropped_ms"], row["last_request_ms"]
    if dropped is None:
        return None
    limit = dropped + PROXY_LAG_NS / NS_PER_MS
    return float(max(dropped, last if last is not None and last <= limit else 0.0, row["last_lost_ms"] or 0.0, 0.0))
