# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What an answer must be to count as ok, and where in it a name (version, pod, date) is found."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import outcome
from .response import Head


class ExpectationError(ValueError):
    """An expectation cannot be used; the text names the option and what was expected."""


_MISSING = object()


def pointed_at(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901), or raises LookupError."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            if not key.isdigit() or int(key) >= len(document):
                raise LookupError(pointer)
            document = document[int(key)]
        elif isinstance(document, dict) and key in document:
            document = document[key]
        else:
            raise LookupError(pointer)
    return document


def parse_status_set(option: str, texts: Sequence[Any]) -> frozenset[int]:
    """`200`, `200-299` and `2xx`, alone or listed."""
    found: set[int] = set()
    for text in [part.strip() for entry in texts for part in str(entry).split(",")]:
        match = re.fullmatch(r"(\d{3})(?:-(\d{3}))?|([1-5])xx", text)
        if match is None:
            raise ExpectationError(f"{option}: {text!r}, expected for example 200, 200-299 or 2xx")
        if match.group(3):
            low, high = int(match.group(3)) * 100, int(match.group(3)) * 100 + 99
        else:
            low, high = int(match.group(1)), int(match.group(2) or match.group(1))
        if not 100 <= low <= high <= 999:
            raise ExpectationError(f"{option}: {text!r} goes down, expected the lower status first")
        found.update(range(low, high + 1))
    if not found:
        raise ExpectationError(f"{option}: empty, expected at least one status")
    return frozenset(found)


def _compiled(option: str, pattern: str) -> re.Pattern[bytes]:
    try:
        return re.compile(pattern.encode(), re.DOTALL)
    except re.error as error:
        raise ExpectationError(f"{option}: {pattern!r} is not a regular expression ({error})") from error


def _checked_pointer(option: str, pointer: str) -> str:
    if pointer and not pointer.startswith("/"):
        raise ExpectationError(f"{option}: {pointer!r} is not a JSON pointer, expected for example /version")
    return pointer


@dataclass(frozen=True)
class Finder:
    """Finds one value in an answer: `header:Name`, `json:/pointer` or `regex:pattern` (its first group)."""

    kind: str
    header: bytes = b""
    pointer: str = ""
    pattern: re.Pattern[bytes] | None = None

    @classmethod
    def parse(cls, option: str, text: str) -> Finder:
        """Read the option's text. Raises ExpectationError."""
        kind, colon, rest = text.partition(":")
        if colon and kind == "header" and rest:
            return cls(kind, header=rest.strip().lower().encode("latin-1", "replace"))
        if colon and kind == "json":
            return cls(kind, pointer=_checked_pointer(option, rest))
        if colon and kind == "regex" and rest:
            return cls(kind, pattern=_compiled(option, rest))
        raise ExpectationError(f"{option}: {text!r}, expected header:Name, json:/pointer or regex:pattern")

    @property
    def needs_body(self) -> bool:
        """False when the head is enough."""
        return self.kind != "header"

    def find(self, head: Head, body: bytes) -> Any:
        """The value, or None where the answer has none."""
        if self.kind == "header":
            value = head.headers.get(self.header)
            return None if value is None else value.decode("latin-1")
        if self.pattern is not None:
            match = self.pattern.search(body)
            if match is None:
                return None
            return match.group(1 if self.pattern.groups else 0).decode("utf-8", "replace")
        try:
            return pointed_at(json.loads(body), self.pointer)
        except (ValueError, LookupError, RecursionError):
            return None


@dataclass(frozen=True)
class Expectation:
    """Everything an ok answer must meet; the maximum latency counts from the due time."""

    statuses: frozenset[int]
    contains: bytes | None = None
    pattern: re.Pattern[bytes] | None = None
    json_values: tuple[tuple[str, Any], ...] = ()
    latency_ns: int | None = None

    @staticmethod
    def compile(option: str, text: str | None) -> re.Pattern[bytes] | None:
        """A regular expression over the body's bytes, or None. Raises ExpectationError."""
        return None if text is None else _compiled(option, text)

    @staticmethod
    def pointers(option: str, values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """The checked pairs of pointer and value. Raises ExpectationError."""
        return tuple((_checked_pointer(option, pointer), value) for pointer, value in values.items())

    @property
    def needs_body(self) -> bool:
        """False when status and time are enough."""
        return self.contains is not None or self.pattern is not None or bool(self.json_values)

    def judge(self, status: int, body: bytes, latency_ns: int) -> tuple[str, str]:
        """The outcome of a whole answer, and what was wrong with it in words. A status of 0 stands for none."""
        if status and status not in self.statuses:
            return outcome.WRONG_STATUS, f"status {status}"
        wrong = self.wrong_body(body)
        if wrong:
            return outcome.WRONG_BODY, wrong
        if self.latency_ns is not None and latency_ns > self.latency_ns:
            return outcome.TOO_SLOW, f"{latency_ns / 1e6:.1f} ms, expected at most {self.latency_ns / 1e6:g} ms"
        return outcome.OK, ""

    def wrong_body(self, body: bytes) -> str:
        """What a body does not meet; "" when it is good."""
        if self.contains is not None and self.contains not in body:
            return f"the body does not contain {self.contains.decode('utf-8', 'replace')!r}"
        if self.pattern is not None and self.pattern.search(body) is None:
            return f"the body does not match {self.pattern.pattern.decode('utf-8', 'replace')!r}"
        return self._wrong_json(body) if self.json_values else ""

    def _wrong_json(self, body: bytes) -> str:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return "the body is not JSON"
        for pointer, wanted in self.json_values:
            try:
                value = pointed_at(document, pointer)
            except LookupError:
                value = _MISSING
            # On a command line every value is text: "3" shall match 3.
            if value is _MISSING or (value != wanted and json.dumps(value) != wanted):
                said = "missing" if value is _MISSING else json.dumps(value)
                return f"{pointer} is {said}, expected {json.dumps(wanted)}"
        return ""
