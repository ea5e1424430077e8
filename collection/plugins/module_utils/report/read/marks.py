# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Marks on the timeline: what the scenario did to the service, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

NS_PER_S = 1_000_000_000
EARLIEST = datetime(2001, 9, 9, tzinfo=timezone.utc)  # 10^9 s: a smaller number is no wall-clock time of a run


class MarkError(ValueError):
    """An event whose time cannot be read."""


def scenario_mark(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return {at_unix_ns, source, name} of an event {name, at}.

    at: RFC 3339 text with a zone, or seconds of the Unix epoch as a number or text. Raises MarkError.
    """
    at_ns = unix_ns(f"events: {event['name']!r}: at", event["at"])
    return {"at_unix_ns": at_ns, "source": "scenario", "name": str(event["name"])}


def unix_ns(what: str, at: Any) -> int:
    """Nanoseconds of the Unix epoch from RFC 3339 text with a zone, or from its seconds as a number or text.

    Raises MarkError, which begins with `what`.
    """
    if isinstance(at, datetime):
        moment = at
    else:
        try:
            seconds = float(at)
        except (TypeError, ValueError):
            try:
                moment = datetime.fromisoformat(str(at).strip().replace("Z", "+00:00"))
            except ValueError:
                raise MarkError(f"{what} is {at!r}; expected RFC 3339 text or Unix seconds") from None
        else:
            if seconds < EARLIEST.timestamp():
                raise MarkError(f"{what} is {at!r}; expected seconds of the Unix epoch, not of the run")
            return int(seconds * NS_PER_S)
    if moment.tzinfo is None:
        raise MarkError(f"{what} is {at!r}; expected a zone, for example a Z at the end")
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * NS_PER_S + moment.microsecond * 1000
