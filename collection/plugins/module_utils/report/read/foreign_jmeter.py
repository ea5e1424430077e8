# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""JMeter's result log (JTL) as CSV, one sample a row, as a probe record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .foreign_errors import outcome_of, outcome_of_status
from .foreign_file import ForeignFile
from .foreign_record import Request, cut_off, record_of_dated, whole_ns

Json = dict[str, Any]
NOTE = (
    "JMeter's JTL: latency is elapsed, with connecting; rows of transaction controllers are left out, as their samples "
    "have rows of their own; timeStamp is taken as the begin of a sample, as sampleresult.timestamp.start=true has it"
)
TIME, ELAPSED, STATUS, MESSAGE, SUCCESS, FAILURE = (
    "timeStamp", "elapsed", "responseCode", "responseMessage", "success", "failureMessage",
)  # fmt: skip
#: What JMeter writes unless it is told otherwise; a log without a header is taken to have these.
COLUMNS = (TIME, ELAPSED, "label", STATUS, MESSAGE, "threadName", "dataType", SUCCESS, FAILURE)
NS_PER_MS = 1_000_000
CONTROLLER = "Number of samples in transaction"
NOT_CSV = "JMeter's JTL is XML; expected CSV (jmeter.save.saveservice.output_format=csv)"


def recognises(file: ForeignFile) -> bool:
    """Whether it begins with JMeter's header, with a row of a log without one, or with JMeter's XML."""
    line = file.first_line
    if line.startswith((TIME, f'"{TIME}"')):
        return ELAPSED in line
    fields = line.split(",")
    return _is_xml(file) or (
        len(fields) > len(COLUMNS)
        and fields[0].isdigit()
        and len(fields[0]) == 13
        and fields[1].isdigit()
        and fields[7] in ("true", "false")
    )


def _is_xml(file: ForeignFile) -> bool:
    return file.text.lstrip()[:5] == "<?xml" and "<testResults" in file.text[:500]


def reads(file: ForeignFile) -> Json:
    """The record with every sample.

    Raises RecordError: XML, a row that is not one of JMeter's, a log without times, or one of which nothing tells which
    samples failed.
    """
    if _is_xml(file):
        raise file.error(NOT_CSV)
    header = file.first_line.startswith((TIME, f'"{TIME}"'))
    delimiter = file.first_line.lstrip('"').removeprefix(TIME).lstrip('"')[:1] if header else ","
    names = list(COLUMNS)
    found = []
    last = file.text.count("\n") + 1
    for number, fields in file.rows(delimiter):
        if header:
            names, header = fields, False
            if SUCCESS not in names and STATUS not in names:
                raise file.error(f"JMeter's JTL lacks {SUCCESS!r}: which samples failed is not known")
            continue
        row = dict(zip(names, fields))
        if row.get(MESSAGE, "").startswith(CONTROLLER):
            continue
        try:
            if len(fields) < len(names):
                raise ValueError(f"{len(fields)} fields, expected {len(names)}")
            found.append(Request(int(row[TIME]) * NS_PER_MS, whole_ns(row[ELAPSED], NS_PER_MS), *_outcome(row)))
        except (KeyError, ValueError) as error:
            if file.cut and number == last:
                break
            raise file.error(f"not a row of JMeter's JTL, with times in ms ({error})", number) from error
    if not found:
        raise file.error("JMeter's JTL has no sample: no request was made")
    record = record_of_dated("JMeter", NOTE, found)
    return cut_off(record) if file.cut else record


def _outcome(row: Mapping[str, str]) -> tuple[str, str]:
    """JMeter's own judgement, which an assertion can turn either way; where the log has none, by the status."""
    code, message = row.get(STATUS, ""), row.get(MESSAGE, "")
    status = int(code) if code.isdigit() else 0
    by_status = outcome_of_status(status)
    judged = row.get(SUCCESS, "").lower()
    if judged not in ("true", "false", "") or (not judged and STATUS not in row):
        raise ValueError(f"{SUCCESS} is {judged!r}")
    if (judged or str(by_status == "ok").lower()) == "true":
        return "ok", f"status {code}"
    if not status:
        said = f"{code}: {message}".removeprefix("Non HTTP response code: ")
        return outcome_of(said), said
    if by_status == "ok":
        return "wrong_body", row.get(FAILURE) or f"status {code}, but an assertion failed"
    return "wrong_status", f"status {code}"
