# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The files of a report: which format has which name, and writing them whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Callable

from . import junit, markdown, prometheus, table

Json = dict[str, Any]


def to_json(result: Json) -> str:
    """The result record as JSON text."""
    return json.dumps(result, indent=1, ensure_ascii=False) + "\n"


# format -> (file name, result -> text)
TEXT_FORMATS: dict[str, tuple[str, Callable[[Json], str]]] = {
    "json": ("result.json", to_json),
    "junit": ("junit.xml", junit.render),
    "markdown": ("summary.md", markdown.render),
    "prometheus": ("metrics.prom", prometheus.render),
    "csv": ("timeline.csv", table.render),
}


def as_bytes(content: str | bytes) -> bytes:
    """Text as it is written: UTF-8."""
    return content.encode("utf-8") if isinstance(content, str) else content


def write(path: Path, content: str | bytes) -> bool:
    """Write a file whole or not at all, with mode 0644; return whether its content changed.

    Raises OSError: the folder cannot be made or written.
    """
    raw = as_bytes(content)
    if path.is_file() and path.read_bytes() == raw:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(raw)
            os.fchmod(stream.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return True
