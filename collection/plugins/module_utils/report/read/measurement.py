# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Reads a measurement, whoever made it: this collection's probe, or a tool in the table below."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from . import foreign_hey, foreign_k6, foreign_k6_summary
from .foreign_file import ForeignFile
from .foreign_record import judged
from .probe_record import read_probe_record
from .record_file import RecordError, read_text

Json = dict[str, Any]
#: What a result is judged by that has no objectives of its own, as the probe does (docs/probe-result.md, "Verdict").
ALONE = ("failed == 0",)
#: The same where expectations say what is right, which may be a loss.
EXPECTED = ("requests > 0",)


@dataclass(frozen=True)
class Reader:
    """One format. name: as errors call it. recognises: by the content alone. reads: may raise RecordError."""

    name: str
    recognises: Callable[[ForeignFile], bool]
    reads: Callable[[ForeignFile], Json]


READERS = (
    Reader("k6's JSON output", foreign_k6.recognises, foreign_k6.reads),
    Reader("k6's summary", foreign_k6_summary.recognises, foreign_k6_summary.reads),
    Reader("hey's CSV", foreign_hey.recognises, foreign_hey.reads),
)


def read_measurement(path: str | Path, objectives: Sequence[str] = ALONE) -> Json:
    """Return the probe record of a file, whose format is told by its content.

    objectives: what another tool's result is judged by that has none of its own; a probe's record has its verdict.
    Raises RecordError naming file, line and format: not a whole record of any known kind.
    """
    file = ForeignFile(path, read_text(path), os.stat(path).st_mtime_ns)
    reader = next((reader for reader in READERS if reader.recognises(file)), None)
    if reader:
        return judged(_read(reader, file), objectives)
    if file.text.lstrip()[:1] == "{":
        return read_probe_record(path)
    known = ", ".join(reader.name for reader in READERS)
    raise file.error(f"not a measurement that is known; expected a probe record, or {known}")


def _read(reader: Reader, file: ForeignFile) -> Json:
    """What no reader checks by itself is said as well, and never as a traceback."""
    try:
        return reader.reads(file)
    except RecordError:
        raise
    except KeyError as error:
        raise file.error(f"{reader.name} lacks {error}") from error
    except (TypeError, ValueError, OverflowError, AttributeError, IndexError, ZeroDivisionError) as error:
        raise file.error(f"not as in {reader.name} ({error})") from error
