# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The per-request log of a probe (docs/probe-result.md, "Attempts"), read line by line: it may be large."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .record_file import RecordError


def read_attempts(path: str | Path) -> Iterator[dict[str, Any]]:
    """Yield one request at a time.

    A last line without its end is left out: the probe was killed while it wrote.
    Raises RecordError: unreadable, or a line that is not a request.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            for number, text in enumerate(stream, start=1):
                if not text.endswith("\n"):
                    return
                yield _request(path, number, text)
    except OSError as error:
        raise RecordError(path, 0, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecordError(path, 0, "not UTF-8 text; expected one request a line") from error


def _request(path: str | Path, number: int, text: str) -> dict[str, Any]:
    try:
        request = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordError(path, number, f"not JSON ({error.msg}); expected one request a line") from error
    if not isinstance(request, dict) or "outcome" not in request or "due_s" not in request:
        raise RecordError(path, number, 'not a request: expected "due_s" and "outcome"')
    return request
