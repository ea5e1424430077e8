# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The end of a run that made reports, as availability_report's own results tell it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.callback.test_condensed import Screen
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_cluster import rolling_update
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)

RUN = "results/blue-green/2026-11-21T070000Z"
URL = "http://192.0.2.7:30500/"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / RUN).mkdir(parents=True)
    for name, bad in (("good", []), ("bad", [(20, 21, "refused")])):
        record = probe_record(duration_s=30, bad=bad)
        (tmp_path / RUN / f"{name}.json").write_text(json.dumps({**record, "options": {"url": [URL]}}))
    (tmp_path / RUN / "bad.cluster.jsonl").write_text(rolling_update(START_NS, 15).text(30))
    return tmp_path


def report(*variants: str, expectations: list[str], cluster: bool = False, directory: str = RUN) -> dict[str, Any]:
    runs = [
        {
            "variant": name,
            "probe": f"{RUN}/{name}.json",
            **({"cluster": f"{RUN}/bad.cluster.jsonl"} if cluster else {}),
        }
        for name in variants
    ]
    return {
        "name": "Report",
        "availability.lab.availability_report": {
            "scenario": "blue-green",
            "directory": directory,
            "runs": runs,
            "expectations": expectations,
            "formats": ["html", "json"],
        },
        "register": "report",
    }


def ending(output: str) -> list[str]:
    """What stands after the recap."""
    return output.partition("PLAY RECAP")[2].partition("\n\n")[2].rstrip("\n").splitlines()


def test_a_good_run_ends_with_its_figures(folder: Path) -> None:
    output = Screen(folder).play([report("good", expectations=["availability == 100"])])
    assert ending(output) == [
        "blue-green: PASS",
        "  good    100.00 % available, 0 of 600 requests lost",
        f"  service {URL}",
        f"  report  {RUN}/report.html",
    ], output


def test_a_bad_run_tells_what_was_lost_to_which_cause_and_why_it_failed(folder: Path) -> None:
    judged = {**report("bad", "good", expectations=["availability == 100"]), "failed_when": "report.verdict != 'pass'"}
    output = Screen(folder).play([judged], code=2)
    assert ending(output) == [
        "blue-green: FAIL",
        "  bad      96.67 % available, 20 of 600 requests lost",
        "                20 refused",
        "  good    100.00 % available, 0 of 600 requests lost",
        "  because expected availability == 100, found 96.67 % (bad)",
        f"  service {URL}",
        f"  report  {RUN}/report.html",
    ], output
    assert (
        "FAILED Report [localhost]\n    fail:\n    expected availability == 100, found 96.67 % (bad)\n    in " in output
    ), output
    assert output.count("because") == 2  # in the summary, which the task printed, and at the end


def test_causes_are_named_where_the_cluster_was_recorded(folder: Path) -> None:
    output = Screen(folder).play([report("bad", expectations=[], cluster=True)])
    told = ending(output)
    assert told[1] == "  bad     96.67 % available, 20 of 600 requests lost"
    assert sum(int(line.split()[0]) for line in told[2:-2]) == 20, told
    assert "refused" not in " ".join(told)


def test_a_scenario_with_two_reports_is_one_block(folder: Path) -> None:
    first = report("good", expectations=[])
    second = report("bad", expectations=["availability == 100"], directory=f"{RUN}/proof")
    output = Screen(folder).play([first, second])
    heads = [line for line in ending(output) if not line.startswith(" ")]
    assert heads == ["blue-green: FAIL"], output
    assert [line.strip() for line in ending(output) if "report  " in line] == [
        f"report  {RUN}/report.html",
        f"report  {RUN}/proof/report.html",
    ]
