# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The failures of a probe record that need a cause."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..figures.executed import CLIENT_OUTCOMES, EXECUTED, NOT_EXECUTED
from .finding import NS_PER_MS, NS_PER_S

# What a client sees of a front that cannot reach the pods behind it.
FRONT_OUTCOMES = frozenset({"wrong_status", "wrong_body"})
# Somebody accepted these connections, and then took too long.
LATE_OUTCOMES = frozenset({"timeout_headers", "timeout_body", "too_slow"})
MOST_PARTS = 8  # more changes to and fro are one cause with many faces
TIMEOUT_OUTCOMES = frozenset({"timeout_connecting", "timeout_headers", "timeout_body"})


@dataclass(frozen=True)
class Failure:
    """One outage, stall or isolated failure of one lane, on the wall clock."""

    lane: str
    kind: str  # outage, stall, client
    isolated: bool
    last_good_ns: int | None
    first_bad_ns: int
    last_bad_ns: int
    end_ns: int
    requests_lost: int
    outcomes: Mapping[str, int]
    first_outcome: str
    first_error: str
    control_failed: bool
    target: str = ""
    outage_ns: int = 0  # the beginning of the whole, where this is a part of it
    good_again_ns: int | None = None  # the next good answer; None where the probe ended before one
    inside: bool = False  # as the pod in front met it: how it failed is not known

    def only(self, outcomes: Iterable[str]) -> bool:
        """Whether every request of it ended in one of these outcomes."""
        return bool(self.outcomes) and set(self.outcomes) <= set(outcomes)

    @property
    def status(self) -> int | None:
        """The HTTP status of the first failure; None where it had none, or the record does not tell it."""
        found = re.match(r"status (\d{3})\b", self.first_error)
        return int(found.group(1)) if found else None

    def as_seen_inside(self) -> Failure:
        """The failure as the pod in front met it at a service behind: that something broke is all that is known."""
        return replace(self, outcomes={"reset": self.requests_lost}, first_outcome="reset", inside=True)

    def executed(self) -> dict[str, int]:
        """Of the lost requests: how many the server did not see, how many only lost their answer, how many are open."""
        counts = {"no": 0, "yes": 0, "unknown": 0}
        for outcome, count in self.outcomes.items():
            known = "no" if outcome in NOT_EXECUTED else "yes" if outcome in EXECUTED else "unknown"
            counts[known] += count
        return counts


def failures_of(probe: Mapping[str, Any], empty: Sequence[tuple[int, int | None]] = ()) -> list[Failure]:
    """Every outage, stall and isolated failure, and the requests that the probe itself could not send.

    A list of outages that the probe cut short is completed from the timeline, a failure for each bucket.
    empty: spans in which the service had no endpoint, in order of time.
    """
    start = int(probe["started_unix_ns"])
    rows = Rows(start, probe["timeline"])
    found = [
        part
        for one in probe["outages"]["list"]
        for same_way in parts(_from_outage(start, one), rows)
        for part in emptied_anew(same_way, rows, empty)
    ]
    found += _unsent(start, probe["totals"]["outcomes"])
    if probe["outages"].get("list_truncated"):
        found += _from_timeline(start, probe["timeline"], found)
    return sorted(found, key=lambda failure: failure.first_bad_ns)


def _from_outage(start: int, one: Mapping[str, Any]) -> Failure:
    good = one["last_good_s"]
    return Failure(
        lane=one["lane"],
        kind=one["kind"],
        isolated=one["isolated"],
        last_good_ns=None if good is None else start + int(good * NS_PER_S),
        first_bad_ns=start + int(one["first_bad_s"] * NS_PER_S),
        last_bad_ns=start + int(one["last_bad_s"] * NS_PER_S),
        end_ns=start + int(one["end_s"] * NS_PER_S),
        requests_lost=one["requests_lost"],
        outcomes={name: count for name, count in one["outcomes"].items() if name != "ok"},
        first_outcome=one["first_outcome"],
        first_error=one["first_error"],
        control_failed=one["control_failed"],
        target=str(one.get("target") or ""),
        outage_ns=start + int(one["first_bad_s"] * NS_PER_S),
        good_again_ns=None if one.get("next_good_s") is None else start + int(one["next_good_s"] * NS_PER_S),
    )


def _unsent(start: int, outcomes: Mapping[str, Any]) -> list[Failure]:
    found = []
    for name, body in outcomes.items():
        if name in CLIENT_OUTCOMES:
            first, last = (start + int(body[key] * NS_PER_S) for key in ("first_s", "last_s"))
            found.append(_plain("client", (first, last), name, body["count"], error=body["example"]))
    return found


def _from_timeline(start: int, timeline: Mapping[str, Any], known: Iterable[Failure]) -> list[Failure]:
    """Failed requests in buckets in which no listed outage of their lane lies: the probe lists the longest only."""
    width = int(timeline["bucket_ms"]) * NS_PER_MS
    listed: set[tuple[str, int]] = set()
    for failure in known:
        if failure.kind != "client":
            first, last = ((edge - start) // width for edge in (failure.first_bad_ns, failure.last_bad_ns))
            listed.update((failure.lane, bucket) for bucket in range(first, last + 1))
    found = []
    for row in timeline["rows"]:
        t = start + row["i"] * width
        for lane, outcomes in row.get("lanes", {"": row["outcomes"]}).items():
            if (lane, row["i"]) in listed:
                continue
            for name, count in outcomes.items():
                if name != "ok" and name not in CLIENT_OUTCOMES:
                    found.append(_plain("outage", (t, t + width), name, count, lane=lane))
    return found


def _plain(kind: str, span: tuple[int, int], outcome: str, count: int, *, error: str = "", lane: str = "") -> Failure:
    """A group of requests with one outcome, of which nothing but the time is known."""
    first, last = span
    return Failure(lane, kind, count == 1, None, first, last, last, count, {outcome: count}, outcome, error, False)


@dataclass(frozen=True)
class Rows:
    """The timeline of a probe record, from `start_ns` on the wall clock."""

    start_ns: int
    timeline: Mapping[str, Any]

    @cached_property
    def _by_index(self) -> dict[int, Mapping[str, Any]]:
        return {row["i"]: row for row in self.timeline["rows"]}

    def failed(self, failure: Failure) -> list[tuple[int, int, dict[str, int]]]:
        """(from, to, failed requests by outcome) of the rows that the failure touches, those without left out."""
        width = int(self.timeline["bucket_ms"]) * NS_PER_MS
        first, last = ((edge - self.start_ns) // width for edge in (failure.first_bad_ns, failure.last_bad_ns))
        found = []
        for index in range(first, last + 1):
            row = self._by_index.get(index)
            if row is not None:
                outcomes = row.get("lanes", {}).get(failure.lane, row["outcomes"])
                bad = {name: count for name, count in outcomes.items() if name in failure.outcomes and count}
                if bad:
                    at = self.start_ns + index * width
                    found.append((at, at + width, bad))
        return found


def parts(failure: Failure, rows: Rows) -> list[Failure]:
    """A failure cut where its requests began to fail in another way and went on so: it has more than one cause then.

    Only where the timeline tells every one of its requests, each kind for itself: else it is one failure.
    """
    if len({_way(name) for name in failure.outcomes}) < 2:
        return [failure]
    told = rows.failed(failure)
    if sum(sum(bad.values()) for _from, _to, bad in told) != failure.requests_lost:
        return [failure]
    groups: list[list[tuple[int, int, dict[str, int]]]] = []
    way = ""
    for row in told:
        ways = {_way(name) for name in row[2]}
        if groups and way in ways:
            groups[-1].append(row)
        else:
            way = _way(max(row[2], key=row[2].__getitem__))
            groups.append([row])
    if not 1 < len(groups) <= MOST_PARTS:
        return [failure]
    return [_part(failure, group, index) for index, group in enumerate(groups)]


def emptied_anew(failure: Failure, rows: Rows, empty: Sequence[tuple[int, int | None]]) -> list[Failure]:
    """A failure cut where the service, which had an endpoint again, lost it anew: for that there is another reason."""
    met = [
        start for start, end in empty if start <= failure.last_bad_ns and (end is None or end >= failure.first_bad_ns)
    ]
    cuts = [start for start in met[1:] if failure.first_bad_ns < start]
    told = rows.failed(failure) if cuts else []
    whole = sum(sum(bad.values()) for _from, _to, bad in told) == failure.requests_lost
    if not cuts or not whole or len(cuts) >= MOST_PARTS:
        return [failure]
    groups: list[list[tuple[int, int, dict[str, int]]]] = [[] for _unused in range(len(cuts) + 1)]
    for row in told:
        groups[bisect_left(cuts, row[1])].append(row)
    return [_part(failure, group, index) for index, group in enumerate(group for group in groups if group)]


def _part(failure: Failure, group: list[tuple[int, int, dict[str, int]]], index: int) -> Failure:
    outcomes: dict[str, int] = {}
    for _from, _to, bad in group:
        for name, count in bad.items():
            outcomes[name] = outcomes.get(name, 0) + count
    first = max(group[0][0], failure.first_bad_ns)
    last = min(group[-1][1], failure.last_bad_ns)
    leading = max(outcomes, key=outcomes.__getitem__)
    return replace(
        failure,
        first_bad_ns=first,
        last_bad_ns=last,
        end_ns=min(group[-1][1], failure.end_ns),
        requests_lost=sum(outcomes.values()),
        outcomes=outcomes,
        first_outcome=failure.first_outcome if index == 0 else leading,
        first_error=failure.first_error if index == 0 else "",
    )


def _way(outcome: str) -> str:
    """What may have one cause: nobody there or cut off, late, answered, name, certificate."""
    if outcome in FRONT_OUTCOMES:
        return "answered"
    if outcome in TIMEOUT_OUTCOMES | LATE_OUTCOMES:
        return "late"
    return outcome if outcome in {"dns", "tls"} else "broken"
