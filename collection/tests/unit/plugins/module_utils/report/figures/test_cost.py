# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Error budget, retry and executed requests in the result and in what people read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.report import expectation
from ansible_collections.availability.lab.plugins.module_utils.report.figures.cost import costs
from ansible_collections.availability.lab.plugins.module_utils.report.figures.error_budget import MONTHLY, ServiceLevel
from ansible_collections.availability.lab.plugins.module_utils.report.publish import publish
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.plugins.module_utils.report.render import markdown, prometheus, text
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)

SCHEMA = json.loads((Path(__file__).resolve().parents[7] / "docs" / "result.schema.json").read_text())


def run(variant: str = "bare", phase: str = "during", **options: Any) -> Run:
    return Run(variant, phase, "p.json", probe_record(**options))


def result(*runs: Run, level: ServiceLevel | None = None, expected: tuple[str, ...] = ()) -> dict[str, Any]:
    parsed = [expectation.parse(line, {one.variant: [one.phase] for one in runs}) for line in expected]
    record = build("rolling", "", runs, parsed, {}, **({"level": level} if level else {}))
    jsonschema.validate(record, SCHEMA)
    return record


def test_two_seconds_of_an_outage_in_the_result() -> None:
    (variant,) = result(run(bad=[(10, 12, "refused")]))["variants"]
    assert variant["error_budget"]["used"] == pytest.approx(2.0, abs=0.1)
    assert variant["error_budget"]["allowed"] == 2592
    assert variant["one_retry"]["basis"] == "timeline"
    assert 0 <= variant["one_retry"]["rescued"] <= 2, "only at the outage's edge"
    assert variant["executed"]["lost_requests"] == {"at_least": 40, "at_most": 40}


def test_phases_of_a_variant_add_up() -> None:
    calm = run(phase="before", duration_s=20)
    broken = run(phase="during", start_ns=START_NS + 20 * 10**9, duration_s=20, bad=[(5, 6, "reset")])
    (variant,) = result(calm, broken)["variants"]
    assert variant["error_budget"]["used"] == pytest.approx(1.0, abs=0.1)
    assert variant["executed"]["lost_answers"] == {"at_least": 0, "at_most": 20}


def test_another_level_and_expectations_on_it() -> None:
    lines = ("error_budget < 60%", "error_budget < 10%", "availability_with_retry > 96%")
    record = result(run(bad=[(10, 12, "refused")]), level=ServiceLevel(99, 10_000), expected=lines)
    assert record["variants"][0]["error_budget"]["unit"] == "requests"
    assert [row["ok"] for row in record["expectations"]] == [True, False, True]


def test_it_is_told_where_requests_were_lost_and_only_there() -> None:
    record = result(run(bad=[(10, 12, "refused")]), run("calm"))
    for shown in (text.render(record), markdown.render(record)):
        assert "rror budget used" in shown
        assert "0.08 %" in shown
        assert "error budget of 99.9 %: 43.2 min in 30 days" in shown, shown
        assert "estimate: what clients would have seen" in shown
    assert "udget" not in text.render(result(run("calm")))


def test_a_scraper_gets_it() -> None:
    shown = prometheus.render(result(run(bad=[(10, 12, "refused")])))
    assert 'availability_lab_error_budget_used_ratio{scenario="rolling",variant="bare"} 0.0007716' in shown, shown
    assert 'availability_lab_availability_with_retry_ratio{scenario="rolling",variant="bare"} 0.96' in shown


def published(folder: Path, **changes: Any) -> dict[str, Any]:
    record = probe_record(bad=[(10, 11, "reset")])
    record["identities"]["pod"] = {"web-1": record["identities"]["version"]["blue"]}
    (folder / "probe.json").write_text(json.dumps(record))
    source = {"variant": "bare", "phase": "during", "probe": str(folder / "probe.json"), "cluster": None, "events": []}
    done = publish(
        scenario="rolling", title="", directory=folder, expectations=[], formats=["json"],
        sources=[{**source, "attempts": None, **changes}],
    )  # fmt: skip
    jsonschema.validate(done.record, SCHEMA)
    variant: dict[str, Any] = done.record["variants"][0]
    return variant


def test_the_servers_counts_are_read_and_used(tmp_path: Path) -> None:
    (tmp_path / "served.json").write_text('{"web-1": 1185}')
    found = published(tmp_path, served=str(tmp_path / "served.json"))
    assert found["figures"]["ok"] == 1180
    assert found["executed"] == {
        "lost_requests": {"at_least": 15, "at_most": 20},
        "lost_answers": {"at_least": 0, "at_most": 5},
        "served": 1185,
        "note": "",
    }


def test_counts_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    (tmp_path / "served.json").write_text('{"web-2": 1185}')
    assert "leave out web-1" in published(tmp_path, served=str(tmp_path / "served.json"))["executed"]["note"]
    (tmp_path / "served.json").write_text('{"web-1":')
    with pytest.raises(RecordError, match=r"served\.json:1: not JSON"):
        published(tmp_path, served=str(tmp_path / "served.json"))


def test_pods_that_ended_say_their_count_in_their_last_words() -> None:
    told = run(bad=[(10, 11, "reset")])
    figure = result(told)["variants"][0]["figures"]
    ended = {"race": {"pods": [{"pod": "web-1", "requests": 1083}, {"pod": "web-0", "requests": None}]}}
    for counts, total, note in (
        ({"web-2": 100}, 1183, "the server's counts leave out web-0: not used"),
        ({"web-2": 100, "web-0": 1}, 1184, ""),
        (None, None, ""),
    ):
        found = costs([replace(told, explained=ended, served=counts)], figure, MONTHLY)["executed"]
        assert (found["served"], found["note"]) == (total, note)
    assert found["lost_answers"] == {"at_least": 0, "at_most": 20}


def test_with_the_log_the_retry_is_counted_by_request(tmp_path: Path) -> None:
    lines = [
        {
            "due_s": n / 20,
            "sent_s": n / 20,
            "service_ms": 5,
            "lane": "new",
            "outcome": "reset" if 200 <= n < 220 else "ok",
        }
        for n in range(1200)
    ]
    (tmp_path / "attempts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = published(tmp_path, attempts=str(tmp_path / "attempts.jsonl"))["one_retry"]
    assert (found["basis"], found["rescued"]) == ("attempts", 1), "the last failure is followed by a good answer"
