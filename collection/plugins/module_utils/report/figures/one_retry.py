# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a client that repeats a failed request once, at once, on a new connection would have seen: an estimate.

The retry itself was not measured, but its peers were: requests on new connections that were due when it would have
been sent. Where one endpoint of three is broken two thirds of them succeed, and so would the retry; where none
answers, nor would it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..read.probe_record import NOT_SENT

Json = dict[str, Any]
NEW = "new"
PEERS_WITHIN_S = 1.0  # later requests say nothing about a retry


def from_timeline(probe: Mapping[str, Any]) -> Json | None:
    """{basis, rescued}: the expected number of rescued requests, from the counts of the timeline's rows.

    A failed request's chance is the share of good ones among its peers: the other requests of its row and those of
    the next. None where the timeline does not hold all failures, as with sums of another tool.
    """
    within = max(1, round(PEERS_WITHIN_S * 1000 / probe["timeline"]["bucket_ms"]))
    rows = {row["i"]: row for row in probe["timeline"]["rows"]}
    peers = {i: _good_of(_peers(row)) for i, row in rows.items()}
    rescued, seen = 0.0, 0
    for i, row in rows.items():
        for lane, outcomes in row.get("lanes", {NEW: row["outcomes"]}).items():
            good, of = _good_of(outcomes)
            failed = of - good
            if failed:
                among = lane == NEW or NEW not in row.get("lanes", {NEW: None})
                rescued += failed * _chance(peers, i, within, itself=among)
                seen += failed
    if seen != probe["totals"]["failed"]:
        return None
    return {"basis": "timeline", "rescued": round(rescued, 1)}


def from_attempts(attempts: Iterable[Mapping[str, Any]]) -> Json:
    """{basis, rescued}: a request is rescued when the next one on a new connection after its failure went well.

    attempts: the per-request log (docs/probe-result.md). Without a lane of new connections any next one counts.
    """
    sent: list[tuple[float, bool, bool]] = []
    failures = []
    for attempt in attempts:
        if attempt.get("sent_s") is None or attempt["outcome"] in NOT_SENT:
            continue
        good = attempt["outcome"] == "ok"
        sent.append((attempt["sent_s"], attempt.get("lane", NEW) == NEW, good))
        if not good:
            failures.append(attempt["sent_s"] + attempt["service_ms"] / 1000)
    fresh = sorted((at_s, good) for at_s, new, good in sent if new) or sorted(
        (at_s, good) for at_s, _unused, good in sent
    )
    starts = [at_s for at_s, _unused in fresh]
    rescued = 0
    for ended_s in failures:
        place = bisect_left(starts, ended_s)
        if place < len(fresh) and starts[place] <= ended_s + PEERS_WITHIN_S:
            rescued += fresh[place][1]
    return {"basis": "attempts", "rescued": rescued}


def one_retry(estimates: Sequence[Json | None], ok: int, due: int) -> Json | None:
    """The estimates of a variant's probes, joined: {basis, rescued, availability_percent}; None where one lacks."""
    known = [one for one in estimates if one is not None]
    if not due or not known or len(known) < len(estimates):
        return None
    rescued = sum(one["rescued"] for one in known)
    return {
        "basis": " and ".join(sorted({one["basis"] for one in known})),
        "rescued": round(rescued, 1),
        "availability_percent": round(100.0 * (ok + rescued) / due, 6),
    }


def _peers(row: Mapping[str, Any]) -> Mapping[str, int]:
    outcomes: Mapping[str, int] = row.get("lanes", {}).get(NEW, row["outcomes"])
    return outcomes


def _good_of(outcomes: Mapping[str, int]) -> tuple[int, int]:
    """Good requests, and all that were sent."""
    return outcomes.get("ok", 0), sum(count for name, count in outcomes.items() if name not in NOT_SENT)


def _chance(peers: Mapping[int, tuple[int, int]], i: int, within: int, itself: bool) -> float:
    good, of = peers[i]
    of -= itself
    for later in range(i + 1, i + 1 + within):
        if later in peers:
            good, of = good + peers[later][0], of + peers[later][1]
            if of:
                break
    return good / of if of > 0 else 0.0
