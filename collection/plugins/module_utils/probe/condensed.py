# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The record without its bulk, for a task's result: timeline and histogram buckets stay in the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Outages listed in a task's result; the file has them all.
OUTAGES = 100


def condensed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the record without `timeline` and every `buckets`, with the first outages only."""
    slim: dict[str, Any] = {name: _slim(value) for name, value in record.items() if name != "timeline"}
    return slim


def _slim(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _slim(inner) for name, inner in value.items() if name != "buckets"}
    if isinstance(value, list):
        return [_slim(inner) for inner in value[:OUTAGES]]
    return value
