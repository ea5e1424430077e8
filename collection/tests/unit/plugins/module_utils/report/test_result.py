# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.report import expectation
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)

UNIT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((UNIT.parents[2] / "docs" / "result.schema.json").read_text())
FIXTURE = json.loads((UNIT / "fixtures" / "probe-record.json").read_text())


def run(variant="rolling", phase="during", **options):
    return Run(variant, phase, f"{variant}-{phase}.json", probe_record(**options))


def result(*runs, expected=()):
    phases = {}
    for one in runs:
        phases.setdefault(one.variant, []).append(one.phase)
    record = build("blue-green", "", runs, [expectation.parse(text, phases) for text in expected], {})
    jsonschema.validate(record, SCHEMA)
    for variant in record["variants"]:
        figure = variant["figures"]
        assert figure["attempts"] == figure["ok"] + figure["failed"] + figure["not_sent"]
    return record


def test_the_figures_of_one_record_are_the_engines_own():
    record = result(Run("rolling", "during", "p.json", FIXTURE))
    figure = record["variants"][0]["figures"]
    totals = FIXTURE["totals"]
    for edge in ("planned", "sent", "time"):
        share = totals["availability"][edge]
        assert figure["availability"][edge]["percent"] == pytest.approx(100 * share["value"])
        assert figure["availability"][edge]["lower_percent"] == pytest.approx(100 * share["lower"], abs=1e-5)
    for group in ("latency", "service_time", "failure_time"):
        for name in ("p50", "p90", "p95", "p99", "p999", "mean"):
            assert figure[f"{group}_ms"][name] == pytest.approx(totals[group][f"{name}_ms"], abs=1e-6)
    assert [row["name"] for row in figure["versions"]] == ["blue", "green"]
    assert figure["shortest_visible_outage_s"] == 0.05
    assert record["verdict"] == "fail"
    assert record["reasons"] == ["rolling: during: availability is 99.3750 %, expected >= 99.9 %"]


def test_phases_add_and_percentiles_come_from_the_sum():
    quick = run(phase="before", duration_s=50, latency_ms=1)
    slow = run(phase="during", start_ns=START_NS + 50 * 10**9, duration_s=50, latency_ms=100, bad=[(10, 11, "refused")])
    variant = result(quick, slow)["variants"][0]
    figure = variant["figures"]
    assert (figure["attempts"], figure["failed"], figure["duration_s"]) == (2000, 20, 100)
    before, during = (phase["figures"]["latency_ms"] for phase in variant["phases"])
    assert before["p50"] < 2 < during["p50"]
    assert figure["latency_ms"]["p99"] > 0.9 * during["p95"]  # 990 of 1,000 slow ones are above half of all
    assert figure["availability"]["planned"]["percent"] == 99.0
    assert figure["outages"]["count"] == 1
    assert figure["outages"]["longest_s"] == 1.0
    series = variant["over_time"]
    assert (len(series["t_s"]), sum(series["due"]), sum(series["outcomes"]["refused"])) == (100, 2000, 20)
    assert series["t_s"][series["outcomes"]["refused"].index(20)] == 60


def test_two_probes_of_one_phase_add_requests_but_not_outages():
    bad = [(10, 11, "refused")]
    figure = result(run(bad=bad), run(bad=bad, seed=2))["variants"][0]["figures"]
    assert (figure["attempts"], figure["failed"], figure["duration_s"]) == (2400, 40, 60)
    assert (figure["outages"]["count"], figure["outages"]["total_s"]) == (1, 1.0)


def test_expectations_across_variants_decide_the_verdict():
    probes = run("probes", versions=[(0, "v1"), (30, "v2")])
    bare = run("bare", versions=[(0, "v1"), (30, "v2")], bad=[(31, 32, "refused")])
    good = result(
        probes, bare, expected=["probes: availability == 100", "bare.failed > probes.failed", "versions >= 2"]
    )
    assert (good["verdict"], good["reasons"]) == ("pass", [])
    poor = result(probes, bare, expected=["availability == 100"])
    assert poor["verdict"] == "fail"
    assert poor["reasons"] == ["expected availability == 100, found 98.33 % (bare)"]


def test_an_unsent_request_is_not_a_success():
    figure = result(run(bad=[(10, 11, "not_sent")]))["variants"][0]["figures"]
    assert (figure["failed"], figure["not_sent"]) == (0, 20)
    assert figure["availability"]["planned"]["percent"] < 100 == figure["availability"]["sent"]["percent"]


def test_a_probe_that_was_stopped_is_inconclusive():
    stopped = run()
    stopped.probe.update(complete=False, stopped_by="signal")
    record = result(stopped)
    assert record["verdict"] == "inconclusive"
    assert "stopped by signal" in record["reasons"][0]


def test_no_data_is_never_a_pass():
    record = result(run(duration_s=0), expected=["failed == 0", "availability == 100"])
    assert record["verdict"] == "inconclusive"
    assert record["variants"][0]["figures"]["availability"]["planned"]["percent"] is None
    assert [row["ok"] for row in record["expectations"]] == [True, False]


def test_a_broken_expectation_on_an_untrusted_measurement_is_inconclusive():
    unsure = run(bad=[(10, 11, "refused")])
    unsure.probe.update(verdict="inconclusive", reasons=["the probe was late"])
    assert result(unsure, expected=["availability == 100"])["verdict"] == "inconclusive"


def test_outages_stand_on_the_wall_clock():
    later = START_NS + 7 * 10**9
    phase = result(run(start_ns=later, bad=[(10, 11, "reset")]))["variants"][0]["phases"][0]
    outage = phase["outages"][0]
    assert outage["first_bad_unix_ns"] == later + 10 * 10**9
    assert outage["end_unix_ns"] == later + 11 * 10**9
    assert outage["requests_lost"] == 20


def test_the_order_of_variants_is_the_callers():
    record = result(run("b"), run("a"))
    assert [variant["name"] for variant in record["variants"]] == ["b", "a"]
