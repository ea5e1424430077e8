# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Numbered writes: what the client was told, against what the store held afterwards.

Request n of the plan wrote the value n. An acknowledged write that is not stored is lost; a failed one that is stored
was executed all the same, so that a client that tries again would have written twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..read.probe_record import NOT_SENT
from ..read.record_file import RecordError, read_text

Json = dict[str, Any]
#: name -> what it counts; an expectation calls each of them writes_<name>
COUNTS = {
    "acknowledged": "answered as good",
    "lost": "acknowledged, not stored",
    "duplicated": "copies beyond the first",
    "unacknowledged_kept": "failed for the client, yet stored",
    "unavailable": "failed for the client, not stored",
    "foreign": "stored, not of this run",
}
NOT_STORED = "no data: stored was not given"


class WritesError(ValueError):
    """Writes that cannot be counted; the text starts with the option's name."""


def count_writes(path: str | Path, attempts: Iterable[Json], stored: Sequence[str], due: int | None) -> Json:
    """Return the COUNTS. attempts: the requests of the log `path`, one a line; due: how many it has to hold.

    A number that was sent more than once (two lanes) may be stored as often. Requests that were not sent wrote
    nothing. Raises RecordError: a line without a number, a log that does not hold all requests.
    """
    good: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    line = 0
    for line, request in enumerate(attempts, start=1):
        number = request.get("n")
        if not isinstance(number, int) or isinstance(number, bool):
            raise RecordError(path, line, 'expected "n", the number of the request')
        if request["outcome"] == "ok":
            good[str(number)] += 1
        elif request["outcome"] not in NOT_SENT:
            bad[str(number)] += 1
    if due is not None and line != due:
        raise RecordError(path, line, f"holds {line} of {due} requests, so that writes cannot be counted")
    copies = Counter(stored)
    counts = dict.fromkeys(COUNTS, 0)
    for value in good.keys() | bad.keys():
        kept = min(bad[value], max(0, copies[value] - good[value]))
        counts["acknowledged"] += good[value]
        counts["lost"] += max(0, good[value] - copies[value])
        counts["duplicated"] += max(0, copies[value] - good[value] - bad[value])
        counts["unacknowledged_kept"] += kept
        counts["unavailable"] += bad[value] - kept
    counts["foreign"] = sum(times for value, times in copies.items() if not good[value] and not bad[value])
    return counts


def added(members: Sequence[Mapping[str, int]]) -> Json | None:
    """The counts of several runs, each with a store of its own; None where there are none."""
    return {name: sum(one[name] for one in members) for name in COUNTS} if members else None


def read_stored(path: str | Path) -> list[str]:
    """Read a JSON list of numbers or text, as a store held it.

    Raises RecordError naming file and line: missing, empty, truncated, not a list, or a value of another kind.
    """
    text = read_text(path)
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordError(path, error.lineno, f"not JSON ({error.msg}); expected a list of what was stored") from error
    if not isinstance(values, list):
        raise RecordError(path, 1, f"expected a list of what was stored, got {_kind(values)}")
    for index, value in enumerate(values):
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            raise RecordError(path, _line_of_item(text, index), f"expected a number or text, got {_kind(value)}")
    return [str(value) for value in values]


def _line_of_item(text: str, index: int) -> int:
    decoder = json.JSONDecoder()
    at = text.index("[") + 1
    for _unused in range(index):
        at = _next_value(text, decoder.raw_decode(text, _next_value(text, at))[1])
    return text.count("\n", 0, _next_value(text, at)) + 1


def _next_value(text: str, at: int) -> int:
    while text[at] in " \t\r\n,":
        at += 1
    return at


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", type(None): "null", float: "a fraction"}
    return names.get(type(value), "a text" if isinstance(value, str) else "a number")
