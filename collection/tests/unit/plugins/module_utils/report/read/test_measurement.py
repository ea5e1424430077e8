# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which format a file is in is told by its content, and what is none of them is refused with its line."""

from __future__ import annotations

import codecs

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.read.measurement import (
    EXPECTED,
    READERS,
    read_measurement,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    problem,
    read,
)

HEY = """response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
0.0036,0.0002,0.0000,0.0001,0.0032,0.0001,500,0.0628
"""


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('{"some": "json"}', '1: no "record": this is not a record of the lab'),
        ("plain text", "1: not JSON, nor another result that is known; expected a probe record, or oha's database, "),
        ("", "1: the file is empty"),
        (b"\xff\xfe\x00", "1: not UTF-8 text"),
        ("[1, 2]", "1: not a result that is known"),
    ],
)
def test_what_is_none_of_them_is_refused_with_its_line(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)


def test_the_error_names_every_format(tmp_path):
    text = problem(tmp_path, "plain text")
    assert all(reader.name in text for reader in READERS if "other" not in reader.name)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_byte_order_marks_and_line_ends_change_nothing(tmp_path, line_end, mark, encoding):
    content = HEY.replace("\n", line_end)
    assert read(tmp_path, mark + content.encode(encoding)) == read(tmp_path, HEY)


def test_where_a_loss_may_be_right_only_data_is_asked_for(tmp_path):
    path = tmp_path / "hey.csv"
    path.write_text(HEY)
    assert read_measurement(path)["verdict"] == "fail"
    assert read_measurement(path, EXPECTED)["verdict"] == "inconclusive"  # hey does not tell all
