# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which pod answered when: what the answers themselves tell of the pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .finding import NS_PER_MS, NS_PER_S
from .lives import FOREVER_NS, PodLife

APART_NS = NS_PER_S  # a StatefulSet's next pod bears the same name: a silence this long may lie between two lives


@dataclass
class Answered:
    """One pod, answering without a longer silence.

    sigterm_ns: the tightest of (end of an answer - the app's own time since SIGTERM).
    """

    first_sent_ns: int
    first_done_ns: int
    last_sent_ns: int
    sigterm_ns: int | None = None


class Answers:
    """Which pod answered when: exact from the per-request log, to the bucket (100 ms) from the timeline."""

    def __init__(self, probe: Mapping[str, Any], attempts: Iterable[Mapping[str, Any]] = ()) -> None:
        start = int(probe["started_unix_ns"])
        #: How long the slowest good answer took: a request that is cut may have been sent so much earlier.
        self.slowest_ns = int((probe.get("totals", {}).get("service_time") or {}).get("max_ns") or 0)
        #: When the probe ended; None where its record does not tell.
        self.ended_ns = start + int(probe["elapsed_s"] * NS_PER_S) if "elapsed_s" in probe else None
        self._of: dict[str, list[Answered]] = {}
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
        known = self._of.setdefault(pod, [])
        seen = next((one for one in reversed(known) if _close(one, sent_ns)), None)
        if seen is None:
            seen = Answered(sent_ns, done_ns, sent_ns)
            known.append(seen)
        elif sent_ns < seen.first_sent_ns:
            seen.first_sent_ns, seen.first_done_ns = sent_ns, done_ns
        elif sent_ns > seen.last_sent_ns:
            seen.last_sent_ns = sent_ns
        if draining_s is not None:
            told = done_ns - int(draining_s * NS_PER_S)
            seen.sigterm_ns = told if seen.sigterm_ns is None else min(seen.sigterm_ns, told)

    def first_ns(self, pod: PodLife) -> int | None:
        """The end of the first answer."""
        return min((one.first_done_ns for one in self._by(pod)), default=None)

    def last_ns(self, pod: PodLife) -> int | None:
        """The start of the last request that was answered."""
        return max((one.last_sent_ns for one in self._by(pod)), default=None)

    def sigterm_ns(self, pod: PodLife) -> int | None:
        """When the app saw SIGTERM, by its own word."""
        return min((one.sigterm_ns for one in self._by(pod) if one.sigterm_ns is not None), default=None)

    def _by(self, pod: PodLife) -> Iterator[Answered]:
        """The answers that this life of the name can have given."""
        end_ns = FOREVER_NS if pod.gone_ns is None else pod.gone_ns + NS_PER_S
        for one in self._of.get(pod.name, ()):
            if one.first_sent_ns <= end_ns and one.last_sent_ns >= pod.first_ns - NS_PER_S:
                yield one


def _close(seen: Answered, sent_ns: int) -> bool:
    return seen.first_sent_ns - APART_NS <= sent_ns <= seen.last_sent_ns + APART_NS


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
