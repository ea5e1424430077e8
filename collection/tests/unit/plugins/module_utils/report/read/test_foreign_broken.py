# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Files of other tools that were cut off or damaged: an error that says so, or no better news than the whole file."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.read.foreign_file import ForeignFile
from ansible_collections.availability.lab.plugins.module_utils.report.read.measurement import READERS, read_measurement
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError, read_content
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    MADE,
    Json,
    made,
)

N = 60
NAMES = sorted(path.name for path in MADE.iterdir())
READABLE = [name for name in NAMES if name != "vegeta.bin"]


def adding_up(record: Json) -> Json:
    """Without the schema, which takes long."""
    total = record["totals"]
    assert total["due"] == total["completed"] + total["failed"] + total["not_sent"]
    assert min(total["completed"], total["failed"], total["not_sent"], record["elapsed_s"]) >= 0
    assert all(row["i"] >= 0 for row in record["timeline"]["rows"])
    return record


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_recognised_by_one_reader_alone(name):
    file = ForeignFile(MADE / name, read_content(MADE / name), 0)
    found = []
    for reader in READERS:
        with contextlib.suppress(RecordError):  # bytes are no text
            found += [reader.name] if reader.recognises(file) else []
    assert len(found) == 1


@pytest.mark.parametrize("name", READABLE)
def test_a_file_that_was_cut_off_is_no_pass_and_has_no_more_good_requests(tmp_path, name):
    whole, content = made(name), (MADE / name).read_bytes()
    path = tmp_path / name
    for end in random.Random(name).sample(range(1, len(content) - 1), N):
        if content[:end].endswith(b"\n"):
            continue  # the file of a shorter run
        path.write_bytes(content[:end])
        with contextlib.suppress(RecordError):
            record = adding_up(read_measurement(path))
            assert record["totals"]["completed"] <= whole["totals"]["completed"]
            assert record["verdict"] != "pass"


@pytest.mark.parametrize("name", READABLE)
def test_a_damaged_file_is_an_error_or_a_record_that_adds_up(tmp_path, name):
    content = (MADE / name).read_bytes()
    chance = random.Random(name)
    path = Path(tmp_path / name)
    for _unused in range(N):
        damaged = bytearray(content)
        for at in chance.sample(range(len(damaged)), 3):
            damaged[at] = chance.choice(b'0"9,-.{}[]:nNaeE \n\x00\xff')
        path.write_bytes(damaged)
        with contextlib.suppress(RecordError):
            adding_up(read_measurement(path))
