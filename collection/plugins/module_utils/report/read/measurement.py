# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Reads a measurement, whoever made it: this collection's probe, k6 or hey."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from . import foreign_hey, foreign_k6
from .probe_record import read_probe_record
from .record_file import read_text

Json = dict[str, Any]


def read_measurement(path: str | Path) -> Json:
    """Return the probe record of a file, which is told by its content.

    Raises RecordError naming file and line: not a whole record of any known kind.
    """
    text = read_text(path)
    if foreign_hey.is_output(text):
        return foreign_hey.read_output(path, text, _written_unix_ns(path))
    if foreign_k6.is_output(_parsed(text.split("\n", 1)[0])):
        return foreign_k6.read_output(path, text)
    if '"root_group"' in text and foreign_k6.is_summary(value := _parsed(text)):
        return foreign_k6.read_summary(path, text, value, _written_unix_ns(path))
    return read_probe_record(path)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _written_unix_ns(path: str | Path) -> int:
    """When the file was last written: the best that is known of when a tool without clock times ended."""
    return os.stat(path).st_mtime_ns
