# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The record in the words of the client of the first experiment: attempts, successes, failures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

SEPARATOR = "-" * 120


def _parts(moment: str) -> dict[str, int]:
    """An ISO 8601 time as the mapping that the client and the service both print."""
    at = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {name: getattr(at, name) for name in names}


def _tag(identity: dict[str, str]) -> str:
    """The version that answered: the identity called tag, else version, else the first."""
    for name in ("tag", "version", *identity):
        if identity.get(name):
            return f" (TAG {identity[name]})"
    return ""


def _attempt(number: int, attempt: dict[str, Any]) -> str:
    status = attempt["status"]  # a word where the protocol is not HTTP
    answered = "" if status is None else f" (HTTP {status})" if isinstance(status, int) else f" ({status})"
    failed = "" if attempt["outcome"] == "ok" else f" (FAILED {attempt['outcome']})"
    lines = [SEPARATOR, f"attempt: {number}{answered}{_tag(attempt['identity'])}{failed}"]
    if attempt["local_date"] is not None:
        lines.append(f"  local date:  {_parts(attempt['local_date'])}")
    if attempt["remote_date"] is not None:
        lines.append(f"  remote date: {attempt['remote_date']}")
    if attempt["ttlb_s"] is not None:
        lines.append(f"  ttlb:        {attempt['ttlb_s']}")
    return "\n".join(lines)


def render(record: dict[str, Any], attempts: Iterable[dict[str, Any]] | None = None) -> str:
    """Each attempt (when the lines of the attempts file are given, numbered from 1), then the totals.

    Attempts are the requests that were sent; what the client itself could not send stands on a line of its own.
    """
    blocks = [_attempt(number, attempt) for number, attempt in enumerate(attempts or (), 1)]
    totals = record["totals"]
    good, bad = totals["completed"], totals["failed"]
    sent = good + bad

    def share(part: int) -> str:
        return f"{part} ({100 * part / sent:.1f}%)" if sent else "0 (no attempt)"

    lines = [SEPARATOR, f"attempts:  {sent}", f"successes: {share(good)}", f"failures:  {share(bad)}"]
    if totals["not_sent"]:
        lines.append(f"not sent:  {totals['not_sent']}")
    return "\n".join([*blocks, *lines]) + "\n"
