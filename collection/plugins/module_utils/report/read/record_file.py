# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Read a record from disk, or say in which file and line it is broken."""

from __future__ import annotations

import codecs
import json
import re
import zlib
from pathlib import Path
from typing import Any

GZIP = b"\x1f\x8b"


class RecordError(ValueError):
    """A record that cannot be used. The text starts with ``file:line:``."""

    def __init__(self, path: str | Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")
        self.path = str(path)
        self.line = line


def read_text(path: str | Path) -> str:
    """Return the text of a record file. Raises RecordError: the file is missing, unreadable, no text or empty."""
    return decoded(path, read_content(path))


def read_content(path: str | Path) -> bytes:
    """Return the bytes of a file, of a gzipped one what is in it. Raises RecordError: missing, unreadable."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise RecordError(path, 0, f"cannot be read: {error.strerror}") from error
    return _unzipped(path, raw) if raw.startswith(GZIP) else raw


def decoded(path: str | Path, raw: bytes) -> str:
    """The text of bytes: UTF-8, or UTF-16 with its mark, as PowerShell writes. Raises RecordError: none, or empty."""
    utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = raw.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise RecordError(path, line, "not UTF-8 text; expected a JSON record") from error
    if not text.strip():
        raise RecordError(path, 1, "the file is empty; was the run stopped before its first second?")
    return text


def _unzipped(path: str | Path, raw: bytes) -> bytes:
    """The content of all members. Of one that was cut off, what its writer had flushed, without the last line's end:

    so whoever reads line by line sees that the file is not whole.
    """
    found = b""
    while raw.startswith(GZIP):
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            found += member.decompress(raw)
        except zlib.error as error:
            raise RecordError(path, 0, f"a broken gzip file ({error})") from error
        if not member.eof:
            return found[: found.rfind(b"\n")] if b"\n" in found else found
        raw = member.unused_data
    return found


def read_record(path: str | Path, kind: str, newest: int) -> dict[str, Any]:
    """Return the JSON object of one record, its kind and version checked.

    kind: the value that the key ``record`` must have, for example ``probe``.
    newest: the highest schema_version that the caller understands.
    Raises RecordError: truncated, foreign, of another kind or newer.
    """
    return parse_record(path, read_text(path), kind, newest)


def parse_record(path: str | Path, text: str, kind: str, newest: int) -> dict[str, Any]:
    """As read_record, of a text that is already here; path: where it came from, as the error names it."""
    if not text.strip():
        raise RecordError(path, 1, f'empty; expected a record of kind "{kind}"')
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordError(path, error.lineno, _json_problem(text, error)) from error
    check_head(path, text, value, kind, newest)
    result: dict[str, Any] = value
    return result


def check_head(path: str | Path, text: str, value: Any, kind: str, newest: int) -> None:
    """Check the head of a record: an object with the right ``record`` and ``schema_version``."""
    if not isinstance(value, dict) or "record" not in value:
        raise RecordError(path, 1, f'no "record": this is not a record of the lab; expected "{kind}"')
    if value["record"] != kind:
        found = json.dumps(value["record"])
        raise RecordError(path, line_of(text, "record"), f'"record" is {found}; expected "{kind}"')
    version = value.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        where = line_of(text, "schema_version")
        raise RecordError(path, where, f'"schema_version" is {json.dumps(version)}; expected a whole number')
    if version > newest:
        raise RecordError(
            path,
            line_of(text, "schema_version"),
            f'"schema_version" {version} of "{kind}" is newer than {newest}, which this collection reads; '
            "update the collection",
        )


def line_of(text: str, key: str) -> int:
    """Return the line on which a key first appears, 1 when it does not."""
    found = re.search(rf'"{re.escape(key)}"\s*:', text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _json_problem(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()) or "Unterminated" in error.msg:
        return f"the record ends in the middle ({error.msg}): truncated, or still being written"
    return f"not JSON ({error.msg}, column {error.colno})"
