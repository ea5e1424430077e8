# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The failures of a probe record that need a cause, and which pod answered when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .finding import NS_PER_MS, NS_PER_S

CLIENT_OUTCOMES = frozenset({"not_sent", "ports_exhausted", "descriptors_exhausted", "client_late"})
ANSWERED_OUTCOMES = frozenset({"wrong_status", "wrong_body", "too_slow"})
# Somebody accepted these connections, and then took too long.
LATE_OUTCOMES = frozenset({"timeout_headers", "timeout_body", "too_slow"})
TIMEOUT_OUTCOMES = frozenset({"timeout_connecting", "timeout_headers", "timeout_body"})
# A request that was refused or never connected was not executed; one whose answer broke off was.
NOT_EXECUTED = frozenset({"refused", "unreachable", "timeout_connecting", "dns", "tls"}) | CLIENT_OUTCOMES
EXECUTED = frozenset({"reset_in_answer", "closed_early", "timeout_body", "malformed"}) | ANSWERED_OUTCOMES


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

    def only(self, outcomes: Iterable[str]) -> bool:
        """Whether every request of it ended in one of these outcomes."""
        return bool(self.outcomes) and set(self.outcomes) <= set(outcomes)

    def as_seen_inside(self) -> Failure:
        """The failure as the pod in front met it at a service behind: that something broke is all that is known."""
        return replace(self, outcomes={"reset": self.requests_lost}, first_outcome="reset")

    def executed(self) -> dict[str, int]:
        """Of the lost requests: how many the server did not see, how many only lost their answer, how many are open."""
        counts = {"no": 0, "yes": 0, "unknown": 0}
        for outcome, count in self.outcomes.items():
            known = "no" if outcome in NOT_EXECUTED else "yes" if outcome in EXECUTED else "unknown"
            counts[known] += count
        return counts


def failures_of(probe: Mapping[str, Any]) -> list[Failure]:
    """Every outage, stall and isolated failure, and the requests that the probe itself could not send.

    A list of outages that the probe cut short is completed from the timeline, a failure for each bucket.
    """
    start = int(probe["started_unix_ns"])
    found = [_from_outage(start, one) for one in probe["outages"]["list"]]
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


@dataclass
class Answered:
    """When one pod answered. sigterm_ns: the tightest of (end of an answer - the app's own time since SIGTERM)."""

    first_sent_ns: int
    first_done_ns: int
    last_sent_ns: int
    sigterm_ns: int | None = None


class Answers:
    """Which pod answered when: exact from the per-request log, to the bucket (100 ms) from the timeline."""

    def __init__(self, probe: Mapping[str, Any], attempts: Iterable[Mapping[str, Any]] = ()) -> None:
        start = int(probe["started_unix_ns"])
        self._of: dict[str, Answered] = {}
        self.exact = False
        for attempt in attempts:
            self.exact = True
            identity = attempt.get("identity") or {}
            if identity.get("pod") and attempt["sent_s"] is not None:
                sent = start + int(attempt["sent_s"] * NS_PER_S)
                done = sent + int(attempt["service_ms"] * NS_PER_MS)
                self._add(identity["pod"], sent, done, _number(identity.get("draining")))
        if not self.exact:
            width = int(probe["timeline"]["bucket_ms"]) * NS_PER_MS
            for row in probe["timeline"]["rows"]:
                t = start + row["i"] * width
                for pod in row.get("identities", {}).get("pod", {}):
                    if pod:
                        self._add(pod, t, t + width, None)

    def _add(self, pod: str, sent_ns: int, done_ns: int, draining_s: float | None) -> None:
        """Take one answer; the pod's own time since SIGTERM (X-Draining) is None before it."""
        seen = self._of.get(pod)
        if seen is None:
            seen = self._of[pod] = Answered(sent_ns, done_ns, sent_ns)
        elif sent_ns < seen.first_sent_ns:
            seen.first_sent_ns, seen.first_done_ns = sent_ns, done_ns
        elif sent_ns > seen.last_sent_ns:
            seen.last_sent_ns = sent_ns
        if draining_s is not None:
            told = done_ns - int(draining_s * NS_PER_S)
            seen.sigterm_ns = told if seen.sigterm_ns is None else min(seen.sigterm_ns, told)

    def first_ns(self, pod: str) -> int | None:
        """The end of the first answer."""
        return self._of[pod].first_done_ns if pod in self._of else None

    def last_ns(self, pod: str) -> int | None:
        """The start of the last request that was answered."""
        return self._of[pod].last_sent_ns if pod in self._of else None

    def sigterm_ns(self, pod: str) -> int | None:
        """When the app saw SIGTERM, by its own word."""
        return self._of[pod].sigterm_ns if pod in self._of else None


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
