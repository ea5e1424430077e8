# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What other tools say of a request without an answer, in the words of the probe's outcomes (docs/probe-result.md)."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

_ADDRESS = re.compile(r"\S*://\S+")
GOOD = range(200, 400)  # what is taken as good where neither tool nor user says otherwise
#: A part of the text in small letters -> outcome. The first that fits counts, so the narrower stand before the wider.
_PARTS = (
    ("too many open files", "descriptors_exhausted"),
    ("cannot assign requested address", "ports_exhausted"),
    ("address already in use", "ports_exhausted"),
    ("no such host", "dns"),
    ("unknownhost", "dns"),
    ("name resolution", "dns"),
    ("name or service not known", "dns"),
    ("nameresolutionerror", "dns"),
    ("dns", "dns"),
    ("lookup ", "dns"),
    ("x509", "tls"),
    ("certificate", "tls"),
    ("ssl", "tls"),
    ("tls", "tls"),
    ("connection refused", "refused"),
    ("connectionrefused", "refused"),
    ("no route to host", "unreachable"),
    ("noroutetohost", "unreachable"),
    ("unreachable", "unreachable"),
    ("host is down", "unreachable"),
    ("connect timed out", "timeout_connecting"),
    ("connect timeout", "timeout_connecting"),
    ("connecttimeout", "timeout_connecting"),
    ("dial tcp", "timeout_connecting"),  # what is left of Go's dial errors
    ("timed out", "timeout_headers"),
    ("timeout", "timeout_headers"),
    ("deadline exceeded", "timeout_headers"),
    ("unexpected eof", "closed_early"),
    ("incompleteread", "closed_early"),
    ("premature end", "closed_early"),
    ("reading a body", "closed_early"),
    ("before message completed", "reset"),
    ("connection reset", "reset"),
    ("broken pipe", "reset"),
    ("eof", "reset"),
    ("server closed", "reset"),
    ("remotedisconnected", "reset"),
    ("nohttpresponse", "reset"),
    ("failed to respond", "reset"),
    ("connection aborted", "reset"),
    ("connection closed", "reset"),
    ("connection error", "unreachable"),
)


def outcomes_of_statuses(
    statuses: Mapping[str, int], good: Container[int] = GOOD, said: str = "status 200 to 399"
) -> dict[str, tuple[int, str]]:
    """`ok` and `wrong_status` of answered requests: how many, and an example; said: that of the good ones."""
    wrong = {status: count for status, count in statuses.items() if int(status) not in good}
    failed = sum(wrong.values())
    return {
        "ok": (sum(statuses.values()) - failed, said),
        "wrong_status": (failed, ", ".join(f"status {status}" for status in sorted(wrong))),
    }


def outcome_of(text: str) -> str:
    """The outcome that an error's text means; `malformed` where no part of it is known.

    Two of them are the client's own fault: no descriptors, no ports.
    """
    small = _ADDRESS.sub("", text.lower())  # a host may be called anything
    return next((outcome for part, outcome in _PARTS if part in small), "malformed")


def outcome_of_status(status: int) -> str:
    """Of an answered request by what is commonly taken as good; of status 0, which is no answer, `malformed`."""
    if not status:
        return "malformed"
    return "ok" if status in GOOD else "wrong_status"
