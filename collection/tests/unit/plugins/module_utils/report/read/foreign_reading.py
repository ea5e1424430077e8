# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Reads what another tool wrote, and checks what holds for every such record."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.read.measurement import read_measurement
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError

Json = dict[str, Any]
SCHEMA = json.loads((Path(__file__).resolve().parents[7] / "docs" / "probe-result.schema.json").read_text())
MADE = Path(__file__).parent / "made_by_tools"  # files as the tools wrote them
WRITTEN_NS = 1_795_244_460_000_000_000  # 2026-11-21T07:01:00Z


def read(tmp_path: Path, content: str | bytes) -> Json:
    """The record of a file with this content, last written at WRITTEN_NS."""
    path = tmp_path / "measured"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, ns=(WRITTEN_NS, WRITTEN_NS))
    return checked(read_measurement(path))


def made(name: str) -> Json:
    """The record of a file that the tool itself wrote."""
    return checked(read_measurement(MADE / name))


def checked(record: Json) -> Json:
    jsonschema.validate(record, SCHEMA)
    total = record["totals"]
    assert total["due"] == total["completed"] + total["failed"] + total["not_sent"]
    assert total["due"] == sum(one["count"] for one in total["outcomes"].values())
    if total["failed"] or total["not_sent"]:
        assert record["verdict"] != "pass" or record["objectives"][0]["text"] != "failed == 0"
    return record


def counts(record: Json) -> tuple[int, int, int]:
    """Due, completed and failed."""
    total = record["totals"]
    return total["due"], total["completed"], total["failed"]


def outcomes(record: Json) -> dict[str, int]:
    return {name: one["count"] for name, one in record["totals"]["outcomes"].items()}


def problem(tmp_path: Path, content: str | bytes) -> str:
    """The error's text behind the path."""
    path = tmp_path / "measured"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RecordError) as error:
        read_measurement(path)
    return str(error.value).removeprefix(f"{path}:")
