# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The result record as others read it again: see docs/result.schema.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .record_file import RecordError, line_of, read_record, read_text
from .result import KIND, SCHEMA_VERSION

Json = dict[str, Any]
_TOP = {"scenario": str, "started_unix_ns": int, "ended_unix_ns": int, "verdict": str, "variants": list}
_VARIANT = {"name": str, "verdict": str, "figures": dict, "phases": list, "over_time": dict}
_FIGURES = {"attempts": int, "failed": int, "availability": dict, "latency_ms": dict, "outages": dict}


def read_result(path: str | Path) -> Json:
    """Read and check a result.json.

    Raises RecordError naming file and line: missing, empty, truncated, foreign, newer, or without a field.
    """
    result = read_record(path, KIND, SCHEMA_VERSION)
    text = read_text(path)
    check_fields(path, text, result, _TOP, "a whole result")
    for variant in result["variants"]:
        check_fields(path, text, variant, _VARIANT, "a variant of a result")
        check_fields(path, text, variant["figures"], _FIGURES, "figures of a result")
    return result


def check_fields(path: str | Path, text: str, value: Any, fields: dict[str, Any], what: str) -> None:
    """Check that an object has the fields with their types. Raises RecordError naming the field that is wrong."""
    for name, kind in fields.items():
        if not isinstance(value, dict) or name not in value:
            raise RecordError(path, 1, f'"{name}" is missing: not {what}')
        if not isinstance(value[name], kind) or isinstance(value[name], bool):
            raise RecordError(path, line_of(text, name), f'"{name}" is not a {kind.__name__}: not {what}')
