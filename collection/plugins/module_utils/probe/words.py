# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The command's words, which make a record of files instead of measuring: `report`, `recover` and `merge`."""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Sequence
from typing import Any, Callable, Optional

from .arguments import ARGUMENTS, OptionError
from .joint_record import Joint
from .options import check_folder
from .place import write
from .progress import SUFFIX, recover
from .result import SCHEMA_VERSION

Objectives = Optional[Sequence[str]]
Made = tuple[dict[str, Any], Optional[str]]
#: How they are used, and what they do; -o, --result, --quiet and --hdr fit all of them.
WORDS = {
    "report FILE": "print the summary of a record",
    "recover FILE": "make the record of a killed probe from its .progress file",
    "merge FILE FILE ...": "make one record of what several probes measured at the same time",
}
#: What a record must have to be shown or added; the rest may be newer than the file.
_WHOLE = ("started_unix_ns", "elapsed_s", "totals", "lanes", "outages", "timeline", "self_check", "verdict", "reasons")


def word_of(arguments: argparse.Namespace) -> str:
    """The word that stands in the place of the first address; "" for none."""
    first = arguments.addresses[0] if arguments.addresses else ""
    return first if first in _MAKERS else ""


def record_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The record that the word makes of its files, written where `--result` says.

    Raises OptionError, ProgressError, OSError.
    """
    word, *files = arguments.addresses
    fitting = {"result", "objectives"} if word == "merge" else {"result"}
    for name in (*ARGUMENTS, "data", "config"):
        if getattr(arguments, name) is not None and name not in fitting:
            shown = "-d" if name == "data" else name
            raise OptionError(f"{shown}: is about a measurement, and {word} makes none; expected it with an address")
    check_folder("result", arguments.result)
    record, path = _MAKERS[word](word, files, arguments.objectives)
    path = arguments.result or path
    if path is not None:
        write(record, path)
    return record


def _report(word: str, files: Sequence[str], _objectives: Objectives) -> Made:
    return read(word, _single(word, files)), None


def _recover(word: str, files: Sequence[str], _objectives: Objectives) -> Made:
    path = _single(word, files)
    return recover(path), path.removesuffix(SUFFIX) if path.endswith(SUFFIX) else path + ".json"


def _merge(word: str, files: Sequence[str], objectives: Objectives) -> Made:
    if len(files) < 2:
        raise OptionError(f"{word}: expected two files or more, got {len(files)}")
    joint, collects = Joint(), gc.isenabled()
    gc.disable()  # records hold no cycles, and to look for some takes a quarter of the time
    try:
        for path in files:
            joint.add(path, read(word, path))
    finally:
        if collects:
            gc.enable()
    return joint.record([word, *files], objectives), None


#: Each makes a record, and says where it goes when nobody asks for it elsewhere.
_MAKERS: dict[str, Callable[[str, Sequence[str], Objectives], Made]] = {
    "report": _report,
    "recover": _recover,
    "merge": _merge,
}


def _single(word: str, files: Sequence[str]) -> str:
    if len(files) != 1:
        raise OptionError(f"{word}: expected one file, got {len(files)}")
    return files[0]


def read(word: str, path: str) -> dict[str, Any]:
    """A record of the probe, for what this word does. Raises OptionError."""
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError) as error:
        raise OptionError(
            f"{word}: {path} cannot be read ({error}), expected a record of the probe (--result)"
        ) from error
    if not isinstance(record, dict) or record.get("record") != "probe":
        raise OptionError(f"{word}: {path} is no record of the probe, expected what --result wrote")
    if record.get("schema_version") != SCHEMA_VERSION:
        found = record.get("schema_version")
        raise OptionError(f"{word}: {path} has the schema version {found}, expected {SCHEMA_VERSION}")
    missing = [name for name in _WHOLE if name not in record]
    if missing:
        raise OptionError(f"{word}: {path} has no {missing[0]}, expected a whole record of the probe")
    return record
