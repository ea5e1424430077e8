# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One table over the results of several scenario runs: a row a variant."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..figures.figures import outage_sum
from ..figures.quantities import duration, percent
from ..figures.verdict import in_words, worst
from ..read.record_file import RecordError, read_record
from ..read.result_record import KIND as RESULT
from ..read.result_record import SCHEMA_VERSION as RESULT_VERSION
from . import markdown, text
from .files import as_bytes, to_json, write
from .page_rows import cause_rows
from .sections import milliseconds

KIND = "overview"
SCHEMA_VERSION = 1
HEADER = ("scenario", "variant", "attempts", "availability", "failed", "longest outage", "p99", "recovery", "verdict")
CAUSE = "main cause"
Json = dict[str, Any]


@dataclass(frozen=True)
class Overview:
    """What was made: `files` is format -> path, `changed` whether any content differs from before."""

    record: Json
    summary: str
    files: dict[str, str]
    changed: bool


def make_overview(directories: Sequence[Path], directory: Path, check_mode: bool = False) -> Overview:
    """Read result.json of each run's folder and write overview.json and overview.md into `directory`.

    A folder without a result is a row of its own, inconclusive: a run that made no report is never a pass. In check
    mode nothing is written. Raises RecordError naming file and line: a result that cannot be read. OSError.
    """
    rows = [row for folder in directories for row in _rows_of(folder)]
    record = {
        "record": KIND,
        "schema_version": SCHEMA_VERSION,
        "verdict": worst([row["verdict"] for row in rows]),
        "rows": rows,
    }
    contents = {"json": ("overview.json", to_json(record)), "markdown": ("overview.md", render_markdown(record))}
    files = {name: directory / file_name for name, (file_name, _unused) in contents.items()}
    changed = False
    for name, (_unused, content) in contents.items():
        path = files[name]
        if check_mode:
            changed |= not path.is_file() or path.read_bytes() != as_bytes(content)
        else:
            changed |= write(path, content)
    return Overview(record, render_text(record), {name: str(path) for name, path in files.items()}, changed)


def rows_of(result: Json) -> list[Json]:
    """A row a variant of one result: figures in their own units, None without data."""
    rows = []
    for variant in result["variants"]:
        figure = variant["figures"]
        causes = [row for row in cause_rows([variant]) if row["requests_lost"]]
        broken = [row for row in result["expectations"] if row["variant"] == variant["name"] and not row["ok"]]
        recovery = variant.get("recovery")
        rows.append(
            {
                "scenario": result["scenario"],
                "variant": variant["name"],
                "attempts": figure["attempts"],
                "availability_percent": figure["availability"]["planned"]["percent"],
                "failed": figure["failed"],
                "outages": outage_sum(figure, "count"),
                "longest_outage_s": outage_sum(figure, "longest_s"),
                "p99_ms": figure["latency_ms"]["p99"],
                "time_to_recovery_s": recovery["time_to_recovery_s"] if recovery else None,
                "disturbed": bool(recovery),
                "verdict": _verdict(variant["verdict"], bool(broken)),
                "main_cause": causes[0]["title"] if causes else "",
                "note": "; ".join(
                    [f"expected {row['what']}, found {row['found']}" for row in broken] + variant["reasons"]
                ),
            }
        )
    return rows


def render_text(record: Json) -> str:
    """The table for a terminal, and below it what was broken."""
    header, *rows = [list(row) for row in _cells(record)]
    lines = [text.table(header, rows) if rows else "  no run"]
    for row in record["rows"]:
        if row["note"]:
            note = f"{row['scenario']}: {row['variant']}: {row['note']}"
            lines.append(textwrap.fill(note, text.WIDTH, initial_indent="  ", subsequent_indent="    "))
    return "\n".join([*lines, f"all: {record['verdict'].upper()}"]) + "\n"


def render_markdown(record: Json) -> str:
    """The table for a pull request."""
    header, *rows = _cells(record)
    notes = [f"- {row['scenario']}: {row['variant']}: {row['note']}" for row in record["rows"] if row["note"]]
    lines = [f"### All scenarios: {markdown.BADGES[record['verdict']]}", "", *markdown.table(header, rows)]
    return "\n".join([*lines, *(["", *map(markdown.escaped, notes)] if notes else [])]) + "\n"


def _cells(record: Json) -> list[Sequence[str]]:
    rows = record["rows"]
    causes = any(row["main_cause"] for row in rows)
    cells: list[Sequence[str]] = [[*HEADER, *([CAUSE] if causes else [])]]
    for row in rows:
        measured = row["attempts"] is not None
        cells.append(
            [
                row["scenario"],
                row["variant"],
                f"{row['attempts']:,}" if measured else "-",
                "no data" if row["availability_percent"] is None else percent(row["availability_percent"]),
                f"{row['failed']:,}" if measured else "-",
                _longest(row) if measured else "-",
                milliseconds(row["p99_ms"]),
                _recovery(row),
                in_words(row["verdict"], row["failed"]),
                *([row["main_cause"] or "-"] if causes else []),
            ]
        )
    return cells


def _longest(row: Json) -> str:
    if row["outages"] is None:
        return "not known"
    return duration(row["longest_outage_s"]) if row["outages"] else "none"


def _recovery(row: Json) -> str:
    if row["time_to_recovery_s"] is not None:
        return duration(row["time_to_recovery_s"])
    return "no data" if row["disturbed"] else "-"


def _verdict(measured: str, broken: bool) -> str:
    """As the result's own: an expectation that an untrusted measurement broke is not a failure of the service."""
    return "fail" if broken and measured != "inconclusive" else measured


def _rows_of(folder: Path) -> list[Json]:
    path = folder / "result.json"
    if not path.is_file():
        return [_missing(folder)]
    result = read_record(path, RESULT, RESULT_VERSION)
    try:
        return rows_of(result)
    except (KeyError, TypeError) as error:
        raise RecordError(path, 1, f"not a whole result: {error} is missing or of another kind") from error


def _missing(folder: Path) -> Json:
    return {
        "scenario": folder.parent.name,
        "variant": "-",
        **dict.fromkeys(("attempts", "availability_percent", "failed", "outages", "longest_outage_s", "p99_ms")),
        "time_to_recovery_s": None,
        "disturbed": False,
        "verdict": "inconclusive",
        "main_cause": "",
        "note": f"no result.json in {folder}: the run made no report",
    }
