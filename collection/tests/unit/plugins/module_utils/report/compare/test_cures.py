# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A variant with the advised change beside the one without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.compare.cures import CureError, disturbances
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.render import markdown, text
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)

SCHEMA = json.loads((Path(__file__).resolve().parents[7] / "docs" / "result.schema.json").read_text())


def run(variant: str, cure_of: str = "", **options: Any) -> Run:
    return Run(variant, "during", "p.json", probe_record(**options), cure_of=cure_of)


def result(*runs: Run) -> dict[str, Any]:
    record = build("rolling", "", runs, [], {})
    jsonschema.validate(record, SCHEMA)
    return record


BAD = [(second, second + 1, "refused") for second in range(3, 60, 10)]


def in_turn(pairs: int) -> list[Run]:
    """Runs in turn, each a phase of its own: five seconds are lost without the change, none with it."""
    found = []
    for number in range(pairs):
        start_ns, bad = START_NS + 200 * number * 10**9, [(10, 15 + number / 10, "refused")]
        found.append(Run("bare", f"round {number}", "p.json", probe_record(start_ns=start_ns, bad=bad)))
        cured = probe_record(start_ns=start_ns + 100 * 10**9)
        found.append(Run("cured", f"round {number}", "p.json", cured, cure_of="bare"))
    return found


def test_a_change_that_helped() -> None:
    record = result(*in_turn(4))
    (found,) = record["proofs"]
    assert (found["variant"], found["cure_of"], found["verdict"]) == ("cured", "bare", "better")
    assert (found["before"]["runs"], found["before"]["failed"], found["after"]["failed"]) == (4, 412, 0)
    for shown in (text.render(record), markdown.render(record)):
        assert "bare → cured" in shown
        assert "412 of 4,800" in shown
        assert "0 of 4,800" in shown
        assert "-8.58" in shown
        assert "better (p = 0.029)" in shown
        told = "cured: 4 runs without it, 5.15 s without service in each; 4 runs with it, 0 s without service in each"
        assert told in " ".join(shown.split())


def test_one_disturbance_is_no_evidence_and_what_to_do_is_said() -> None:
    record = result(run("bare", bad=BAD), run("cured", "bare"))
    assert record["proofs"][0]["pairs_needed"] == 4
    shown = " ".join(text.render(record).split())
    assert "cured: 1 run without it, 6 s without service in each" in shown
    assert "no evidence (p = 1.000)" in shown
    assert "at least 4 pairs are needed" in shown
    assert "in turn, each with its own disturbance" in shown


def test_what_saw_the_same_disturbance_is_one_run() -> None:
    def at(second: int, phase: str) -> Run:
        return Run("bare", phase, "p.json", probe_record(start_ns=START_NS + second * 10**9))

    apart = [at(0, "first"), at(100, "second")]
    assert [len(some) for some in disturbances(apart)] == [1, 1]
    side_by_side = [at(0, "first"), at(30, "other"), at(200, "second"), at(400, "second")]
    assert [len(some) for some in disturbances(side_by_side)] == [2, 2]


def test_without_a_cure_nothing_is_said() -> None:
    record = result(run("bare", bad=BAD))
    assert record["proofs"] == []
    assert "change help" not in text.render(record)


@pytest.mark.parametrize("cured", ["none", "cured"])
def test_a_cure_of_what_is_not_there(cured: str) -> None:
    with pytest.raises(CureError, match=r"cured is said to cure .*, expected another variant of this run: bare"):
        result(run("bare"), run("cured", cured))
