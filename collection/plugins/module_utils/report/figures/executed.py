# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Of the failed requests: how many the server never saw, and how many it carried out though the client got no answer.

A lost request can be repeated safely; a lost answer cannot, unless the request may be carried out twice. A client sees
only part of it: a refused connection was no request, a cut answer was one, a reset or a time-out may be either. The
server's own count narrows that down.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..read.probe_record import NOT_SENT
from ..read.record_file import RecordError, line_of, read_text

CLIENT_OUTCOMES = frozenset({"not_sent", "ports_exhausted", "descriptors_exhausted", "client_late"})
ANSWERED_OUTCOMES = frozenset({"wrong_status", "wrong_body", "too_slow"})
# A request that was refused or never connected was not executed; one whose answer broke off was.
NOT_EXECUTED = (
    frozenset({"refused", "unreachable", "timeout_connecting", "dns", "tls", "unprocessed"}) | CLIENT_OUTCOMES
)
EXECUTED = frozenset({"reset_in_answer", "closed_early", "timeout_body", "malformed"}) | ANSWERED_OUTCOMES
Json = dict[str, Any]


def read_served(path: str | Path) -> dict[str, int]:
    """Requests that each pod counted since its start: a JSON object {pod: count}.

    Raises RecordError naming file and line: missing, empty, truncated, or another kind of file.
    """
    text = read_text(path)
    try:
        served = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordError(path, error.lineno, f"not JSON ({error.msg}); expected {{pod: requests served}}") from error
    if not isinstance(served, dict):
        raise RecordError(path, 1, "expected a JSON object {pod: requests served}")
    for pod, count in served.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise RecordError(path, line_of(text, pod), f'"{pod}" is not a number of requests')
    return served


def executed(figure: Json, served: Mapping[str, int] | None, ended_pods: Iterable[str] = ()) -> Json:
    """{lost_requests: {at_least, at_most}, lost_answers: {at_least, at_most}, served, note} of a variant's figures.

    served: the server's counts after the run, of all pods that were sent requests; they hold what came before the run,
    too, and so bound the lost answers from above: at most what was counted beyond the good answers. ended_pods: pods
    that the cluster's record saw end. Counts that leave out a pod bound nothing: they are not used, and `note` says so.
    """
    counts = {one["name"]: one["count"] for one in figure["outcomes"] if one["name"] not in ("ok", *NOT_SENT)}
    lost = sum(count for name, count in counts.items() if name in NOT_EXECUTED)
    answered = sum(count for name, count in counts.items() if name in EXECUTED)
    most, note, total = figure["failed"] - lost, "", None
    if served is not None:
        total = sum(served.values())
        note = _problem(figure, served, ended_pods, answered)
        if not note:
            most = min(most, total - figure["ok"])
    return {
        "lost_requests": {"at_least": figure["failed"] - most, "at_most": figure["failed"] - answered},
        "lost_answers": {"at_least": answered, "at_most": most},
        "served": total,
        "note": note,
    }


def _problem(figure: Json, served: Mapping[str, int], ended_pods: Iterable[str], answered: int) -> str:
    """Why the server's counts cannot be used, "" where they can."""
    answering = {one["name"] for one in figure["pods"]}
    left_out = sorted((answering | set(ended_pods)) - set(served))
    if left_out:
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        return f"the server's counts leave out {', '.join(left_out[:3])}{more}: not used"
    total, least = sum(served.values()), figure["ok"] + answered
    if total < least:
        return (
            f"the server counted {total:,} requests, but {least:,} were answered: a container was restarted, "
            "or the counts are of another time: not used"
        )
    return ""
