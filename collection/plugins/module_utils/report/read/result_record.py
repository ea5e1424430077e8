# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The result record as others read it again: see docs/result.schema.json."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .record_file import RecordError, line_of, read_record, read_text

KIND = "result"
SCHEMA_VERSION = 1

Json = dict[str, Any]
NUMBER = (int, float)
_TOP = {
    "scenario": str,
    "title": str,
    "started_unix_ns": int,
    "ended_unix_ns": int,
    "verdict": str,
    "reasons": list,
    "expectations": list,
    "variants": list,
}
_VARIANT = {"name": str, "verdict": str, "reasons": list, "figures": dict, "phases": list, "over_time": dict}
_FIGURES = {
    "attempts": int,
    "failed": int,
    "not_sent": int,
    "duration_s": NUMBER,
    "availability": dict,
    "latency_ms": dict,
    "outages": dict,
}
_OUTAGES = {"count": int, "longest_s": NUMBER, "total_s": NUMBER}


def read_result(path: str | Path) -> Json:
    """Read and check a result.json.

    Raises RecordError naming file and line: missing, empty, truncated, foreign, newer, or without a field.
    """
    result = read_record(path, KIND, SCHEMA_VERSION)
    text = read_text(path)
    check_fields(path, text, result, _TOP, "a whole result")
    for variant in result["variants"]:
        check_fields(path, text, variant, _VARIANT, "a variant of a result")
        figure = variant["figures"]
        check_fields(path, text, figure, _FIGURES, "figures of a result")
        check_fields(path, text, figure["outages"], _OUTAGES, "figures of a result")
        check_fields(path, text, figure["availability"], {"planned": dict, "time": dict}, "figures of a result")
        check_known(path, figure["availability"]["planned"], ("percent", "lower_percent"), "figures of a result")
        check_known(path, figure["latency_ms"], ("p50", "p99"), "figures of a result")
        check_fields(path, text, variant["over_time"], {"step_s": NUMBER, "t_s": list, "outcomes": dict}, "a result")
    return result


def check_fields(path: str | Path, text: str, value: Any, fields: dict[str, Any], what: str) -> None:
    """Check that an object has the fields with their types. Raises RecordError naming the field that is wrong."""
    for name, kind in fields.items():
        if not isinstance(value, dict) or name not in value:
            raise RecordError(path, 1, f'"{name}" is missing: not {what}')
        if not isinstance(value[name], kind) or isinstance(value[name], bool):
            expected = kind.__name__ if isinstance(kind, type) else "number"
            raise RecordError(path, line_of(text, name), f'"{name}" is not a {expected}: not {what}')


def check_known(path: str | Path, value: dict[str, Any], names: Iterable[str], what: str) -> None:
    """Check that an object has these figures, each a number, or null where it has no data. Raises RecordError."""
    for name in names:
        figure = value.get(name, "")
        if figure is not None and (not isinstance(figure, NUMBER) or isinstance(figure, bool)):
            raise RecordError(path, 1, f'"{name}" is missing or no number: not {what}')
