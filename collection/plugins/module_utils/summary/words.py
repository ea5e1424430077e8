# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A probe record as the text that a well-known client would have printed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Callable

from . import client, hey, k6, siege, vegeta

#: name -> the function that renders a record that way
SUMMARIES: dict[str, Callable[[dict[str, Any], Any], str]] = {
    "client": client.render,
    "siege": siege.render,
    "hey": hey.render,
    "k6": k6.render,
    "vegeta": vegeta.render,
}


def render(name: str, record: dict[str, Any], attempts: Iterable[dict[str, Any]] | None = None) -> str:
    """The text of summary `name` for a probe record of docs/probe-result.md.

    `attempts` are the parsed lines of the attempts file; only `client` prints them.
    Raises ValueError for an unknown name or another kind or version of record.
    """
    if name not in SUMMARIES:
        raise ValueError(f"summary {name!r} is not known: expected one of {', '.join(SUMMARIES)}")
    if record.get("record") != "probe" or record.get("schema_version") != 1:
        raise ValueError(
            f"a summary needs a probe record of schema_version 1, got record {record.get('record')!r} "
            f"of schema_version {record.get('schema_version')!r}"
        )
    return SUMMARIES[name](record, attempts)


def write_text(name: str, probe: str, attempts: str | None, path: str) -> None:
    """Write the text of summary `name` of a probe record's file (and its attempts'). Raises OSError, ValueError."""
    lines = Path(attempts).read_text(encoding="utf-8").splitlines() if attempts else None
    record = json.loads(Path(probe).read_text(encoding="utf-8"))
    text = render(name, record, None if lines is None else [json.loads(line) for line in lines])
    Path(path).write_text(f"{text}\n", encoding="utf-8")
