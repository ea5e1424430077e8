# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Reads a measurement, whoever made it: this collection's probe, or a tool in the table below."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from . import (
    foreign_fortio,
    foreign_hey,
    foreign_hey_text,
    foreign_jmeter,
    foreign_k6,
    foreign_k6_summary,
    foreign_locust,
    foreign_oha,
    foreign_oha_database,
    foreign_prometheus,
    foreign_siege,
    foreign_vegeta,
    foreign_wrk,
)
from .foreign_file import ForeignFile
from .foreign_record import judged
from .probe_record import checked_record, read_probe_record
from .record_file import RecordError, read_content

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


#: Those that look at bytes stand first, as they may be no text.
READERS = (
    Reader("oha's database", foreign_oha_database.recognises, foreign_oha_database.reads),
    Reader("vegeta's other output", foreign_vegeta.recognises_other, foreign_vegeta.reads_other),
    Reader("k6's JSON output", foreign_k6.recognises, foreign_k6.reads),
    Reader("k6's summary", foreign_k6_summary.recognises, foreign_k6_summary.reads),
    Reader("hey's CSV", foreign_hey.recognises, foreign_hey.reads),
    Reader("hey's text", foreign_hey_text.recognises, foreign_hey_text.reads),
    Reader("vegeta's encoded results", foreign_vegeta.recognises_results, foreign_vegeta.reads_results),
    Reader("vegeta's JSON report", foreign_vegeta.recognises_report, foreign_vegeta.reads_report),
    Reader("oha's JSON", foreign_oha.recognises, foreign_oha.reads),
    Reader("wrk's text", foreign_wrk.recognises, foreign_wrk.reads),
    Reader("siege's sums", foreign_siege.recognises, foreign_siege.reads),
    Reader("fortio's JSON", foreign_fortio.recognises, foreign_fortio.reads),
    Reader("locust's stats.csv", foreign_locust.recognises_stats, foreign_locust.reads_stats),
    Reader("locust's stats_history.csv", foreign_locust.recognises_history, foreign_locust.reads_history),
    Reader("JMeter's JTL", foreign_jmeter.recognises, foreign_jmeter.reads),
    Reader("Prometheus' range query", foreign_prometheus.recognises, foreign_prometheus.reads),
)


def read_measurement(path: str | Path, objectives: Sequence[str] = ALONE) -> Json:
    """Return the probe record of a file, whose format is told by its content.

    objectives: what another tool's result is judged by that has none of its own; a probe's record has its verdict.
    Raises RecordError naming file, line and format: not a whole record of any known kind.
    """
    file = ForeignFile(path, read_content(path), os.stat(path).st_mtime_ns)
    if _is_of_the_lab(file):  # the usual case, and large: parsed once, and shown to no reader
        return checked_record(path, file.text, file.document)
    reader = next((reader for reader in READERS if reader.recognises(file)), None)
    if reader:
        return judged(_read(reader, file), objectives)
    if file.text.lstrip()[:1] == "{":
        return read_probe_record(path)
    known = ", ".join(reader.name for reader in READERS if reader.reads is not foreign_vegeta.reads_other)
    found = "not JSON, nor another result" if file.document is None else "not a result"
    raise file.error(f"{found} that is known; expected a probe record, or {known}")


def _is_of_the_lab(file: ForeignFile) -> bool:
    return file.content.startswith(b"{") and isinstance(file.document, dict) and "record" in file.document


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
