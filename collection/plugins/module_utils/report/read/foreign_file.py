# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A file that another tool wrote, as the readers of its format look at it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from .record_file import RecordError, decoded


@dataclass(frozen=True)
class ForeignFile:
    """Path and content of a file, and when it was last written, ns of the Unix epoch.

    The last is the best that is known of when a tool without clock times ended.
    """

    path: str | Path
    content: bytes
    written_unix_ns: int

    @cached_property
    def text(self) -> str:
        """Raises RecordError: it is no text, or empty."""
        return decoded(self.path, self.content)

    @cached_property
    def document(self) -> Any:
        """The whole text as one JSON value; None where it is none."""
        return _parsed(self.text) if self.text.lstrip()[:1] in ("{", "[") else None

    @cached_property
    def first(self) -> Any:
        """The first line as a JSON value; None where it is none."""
        return _parsed(self.first_line) if self.first_line[:1] == "{" else None

    @cached_property
    def first_line(self) -> str:
        end = self.text.find("\n")
        return (self.text if end < 0 else self.text[:end]).strip()

    @cached_property
    def cut(self) -> bool:
        """Whether the last line has no end: the tool was killed while it wrote, or still writes."""
        return not self.text.endswith("\n")

    def lines(self) -> Iterator[tuple[int, str]]:
        """Number and text of each whole line that is not blank."""
        begin = number = 0  # without a copy of the text: k6 writes a gigabyte for half a million requests
        while (end := self.text.find("\n", begin)) >= 0:
            line, begin, number = self.text[begin:end].rstrip(), end + 1, number + 1
            if line:
                yield number, line

    def rows(self, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
        """Line number and fields of each row of a CSV that is not blank. Raises RecordError: no CSV."""
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=delimiter)
        try:
            for row in reader:
                if any(field.strip() for field in row):
                    yield reader.line_num, [field.strip() for field in row]
        except csv.Error as error:
            raise self.error(f"not CSV ({error})", reader.line_num) from error

    def error(self, problem: str, line: int = 1) -> RecordError:
        return RecordError(self.path, line, problem)


def unix_ns_of(text: str) -> int:
    """RFC 3339 with up to nine digits of a second, as Go writes it, to ns of the Unix epoch. Raises ValueError."""
    whole, _unused, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if digits else ""
    moment = datetime.fromisoformat((whole + zone).replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return int(moment.astimezone(timezone.utc).timestamp()) * 1_000_000_000 + int((digits + "0" * 9)[:9])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
