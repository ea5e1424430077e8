# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A variant with the advised change beside the one without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.report import markdown, text
from ansible_collections.availability.lab.plugins.module_utils.report.cures import CureError
from ansible_collections.availability.lab.plugins.module_utils.report.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record

SCHEMA = json.loads((Path(__file__).resolve().parents[6] / "docs" / "result.schema.json").read_text())


def run(variant: str, cure_of: str = "", **options: Any) -> Run:
    return Run(variant, "during", "p.json", probe_record(**options), cure_of=cure_of)


def result(*runs: Run) -> dict[str, Any]:
    record = build("rolling", "", runs, [], {})
    jsonschema.validate(record, SCHEMA)
    return record


BAD = [(second, second + 1, "refused") for second in range(3, 60, 10)]


def test_a_change_that_helped() -> None:
    record = result(run("bare", bad=BAD), run("cured", "bare"))
    (found,) = record["proofs"]
    assert (found["variant"], found["cure_of"], found["verdict"]) == ("cured", "bare", "better")
    assert (found["before"]["failed"], found["after"]["failed"]) == (120, 0)
    assert found["low"] <= found["difference"] <= found["high"] < 0
    for shown in (text.render(record), markdown.render(record)):
        assert "bare → cured" in shown
        assert "120 of 1,200" in shown
        assert "-10.00 (-" in shown
        assert "better (p = 0.0" in shown


def test_one_cluster_of_failures_is_no_evidence_and_what_to_do_is_said() -> None:
    shown = text.render(result(run("bare", bad=[(3, 4, "refused")]), run("cured", "bare")))
    assert "no evidence (p = " in shown
    assert "repeat both in turns" in shown


def test_too_short_a_run_is_said() -> None:
    record = result(run("bare", bad=[(3, 4, "refused")], duration_s=10), run("cured", "bare", duration_s=10))
    assert record["proofs"][0]["verdict"] == "no evidence"
    assert "cured: 2 blocks of 5 s are too few" in text.render(record)


def test_without_a_cure_nothing_is_said() -> None:
    record = result(run("bare", bad=BAD))
    assert record["proofs"] == []
    assert "change help" not in text.render(record)


@pytest.mark.parametrize("cured", ["none", "cured"])
def test_a_cure_of_what_is_not_there(cured: str) -> None:
    with pytest.raises(CureError, match=r"cured is said to cure .*, expected another variant of this run: bare"):
        result(run("bare"), run("cured", cured))
