# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""From the records of a run to its folder: read everything, then write everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import expectation, result, text
from .files import TEXT_FORMATS, write
from .marks import scenario_mark
from .probe_record import Run, read_probe_record

Json = dict[str, Any]
FORMATS = tuple(TEXT_FORMATS)


@dataclass(frozen=True)
class Published:
    """What was made: `files` is format -> path, `changed` whether any content differs from before."""

    record: Json
    summary: str
    files: dict[str, str]
    changed: bool


def publish(
    *,
    scenario: str,
    title: str,
    directory: Path,
    sources: Sequence[Mapping[str, Any]],
    expectations: Sequence[str],
    formats: Sequence[str],
    check_mode: bool = False,
) -> Published:
    """Read the records of `sources`, build the result and write it in `formats` into `directory`.

    sources: {variant, phase, probe: path, events: [{name, at}]}. Nothing is written before every record and every
    expectation was understood; in check mode nothing is written at all.
    Raises RecordError, ExpectationError, MarkError: bad input. OSError: the folder cannot be written.
    """
    runs = [
        Run(
            variant=source["variant"],
            phase=source["phase"],
            path=shown_path(source["probe"], directory),
            probe=read_probe_record(source["probe"]),
            marks=[scenario_mark(event) for event in source["events"]],
        )
        for source in sources
    ]
    phases: dict[str, list[str]] = {}
    for run in runs:
        phases.setdefault(run.variant, []).append(run.phase)
    expected = [expectation.parse(line, phases) for line in expectations]
    record = result.build(scenario, title, runs, expected)
    summary = text.render(record)
    contents = {name: TEXT_FORMATS[name][1](record) for name in formats}
    files = {name: directory / TEXT_FORMATS[name][0] for name in formats}
    changed = False
    for name, content in contents.items():
        if check_mode:
            path = files[name]
            changed |= not path.is_file() or path.read_bytes() != content.encode()
        else:
            changed |= write(files[name], content)
    return Published(record, summary, {name: str(path) for name, path in files.items()}, changed)


def shown_path(path: str, directory: Path) -> str:
    """A record's path relative to the report where it lies beside it, so that a results folder can be moved."""
    try:
        return str(Path(path).resolve().relative_to(directory.resolve()))
    except ValueError:
        return path
