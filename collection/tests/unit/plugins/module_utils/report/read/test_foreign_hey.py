# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""hey's CSV, as hey 0.1.4 writes it, read as probe records."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    WRITTEN_NS,
    counts,
    problem,
    read,
)

HEY = """response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
0.0036,0.0002,0.0000,0.0001,0.0032,0.0001,500,0.0628
0.0446,0.0013,0.0000,0.0034,0.0398,0.0000,200,0.0624
0.0477,0.0000,0.0000,0.0000,0.0002,0.0475,200,0.1070
"""
INCOMPLETE = "hey leaves requests without an answer out of its CSV: how many failed is not known"


def test_heys_csv_is_inconclusive_at_best(tmp_path):
    record = read(tmp_path, HEY)
    assert counts(record) == (3, 2, 1)
    assert (record["verdict"], record["reasons"]) == ("fail", ["failed is 1, expected == 0", INCOMPLETE])
    assert record["started_unix_ns"] == WRITTEN_NS - 154_700_000
    good = read(tmp_path, HEY.replace(",500,", ",200,"))
    assert (good["verdict"], good["reasons"]) == ("inconclusive", [INCOMPLETE])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (HEY.splitlines()[0] + "\n", "1: hey's CSV has no row"),
        (HEY + "0.1,0.2\n", "5: not a row of hey's CSV"),
    ],
)
def test_what_is_no_csv_of_hey_is_refused_with_its_line(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)
