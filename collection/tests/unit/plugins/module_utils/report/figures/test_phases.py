# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One record cut into phases: the parts add up, and the time to recovery is what happened."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.report import expectation
from ansible_collections.availability.lab.plugins.module_utils.report.figures.phases import NAMES, PhaseError
from ansible_collections.availability.lab.plugins.module_utils.report.figures.recovery import WindowError, window_of
from ansible_collections.availability.lab.plugins.module_utils.report.read.marks import MarkError
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run, Window
from ansible_collections.availability.lab.plugins.module_utils.report.render import junit, markdown, prometheus, text
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)
from hypothesis import given, settings
from hypothesis import strategies as st

UNIT = Path(__file__).resolve().parents[4]
SCHEMA = json.loads((UNIT.parents[2] / "docs" / "result.schema.json").read_text())
FIXTURE = json.loads((UNIT / "fixtures" / "probe-record.json").read_text())
NS = 10**9


def disturbed(from_s=20.0, to_s=30.0, stable_s=5.0, variant="rolling", **options):
    probe = probe_record(**options)
    start_ns = probe["started_unix_ns"]
    window = Window(start_ns + int(from_s * NS), start_ns + int(to_s * NS), stable_s)
    return Run(variant, "during", f"{variant}.json", probe, None, window)


def result(*runs, expected=()):
    phases = {run.variant: NAMES for run in runs}
    record = build("blue-green", "", runs, [expectation.parse(line, phases) for line in expected], {})
    jsonschema.validate(record, SCHEMA)
    return record


def variant_of(*runs):
    return result(*runs)["variants"][0]


def phases_of(variant):
    return {phase["name"]: phase["figures"] for phase in variant["phases"]}


def assert_adds_up(variant):
    parts = phases_of(variant).values()
    whole = variant["figures"]
    for name in ("attempts", "ok", "failed", "not_sent"):
        assert sum(part[name] for part in parts) == whole[name], name
    for edge in ("good", "of") if not whole["not_sent"] else ():  # the sample calls a step with an unsent one not good
        assert sum(part["availability"]["time"][edge] for part in parts) == whole["availability"]["time"][edge]
    assert sum(part["duration_s"] for part in parts) == pytest.approx(whole["duration_s"], abs=1e-5)
    return [one for phase in variant["phases"] for one in phase["outages"]]


def test_the_four_phases_and_the_time_to_recovery():
    variant = variant_of(disturbed(bad=[(22, 23, "refused"), (31, 33, "reset")]))
    parts = phases_of(variant)
    assert list(parts) == list(NAMES)
    assert [(part["attempts"], part["failed"]) for part in parts.values()] == [(400, 0), (200, 20), (60, 40), (540, 0)]
    assert [part["outages"]["count"] for part in parts.values()] == [0, 1, 1, 0]
    assert [part["duration_s"] for part in parts.values()] == [20, 10, 3, 27]
    recovery = variant["recovery"]
    assert recovery["stable_unix_ns"] == START_NS + 33 * NS
    assert recovery["time_to_recovery_s"] == variant["figures"]["time_to_recovery_s"] == 13.0
    assert_adds_up(variant)


def test_rows_of_a_second_as_in_a_long_run_tell_the_same():
    run = disturbed(bad=[(22, 23, "refused"), (31, 33, "reset")])
    fine = result(run)
    wide: dict = {}
    for row in run.probe["timeline"]["rows"]:
        one = wide.setdefault(row["i"] // 10, {**copy.deepcopy(row), "i": row["i"] // 10, "outcomes": {}})
        for name, count in row["outcomes"].items():
            one["outcomes"][name] = one["outcomes"].get(name, 0) + count
    run.probe["timeline"] = {"bucket_ms": 1000, "rows": list(wide.values())}
    coarse = result(run)
    (before,), (after,) = fine["variants"], coarse["variants"]
    assert after["recovery"] == before["recovery"]
    for name, part in phases_of(before).items():
        for figure in ("attempts", "ok", "failed", "duration_s"):
            assert phases_of(after)[name][figure] == part[figure], (name, figure)
    for figure in ("step_s", "t_s", "due", "outcomes"):
        assert after["over_time"][figure] == before["over_time"][figure]


def test_the_variants_own_figures_are_those_of_the_whole_record():
    run = disturbed(bad=[(22, 23, "refused")])
    whole = build("blue-green", "", [Run("rolling", "during", "rolling.json", run.probe)], [], {})
    cut = build("blue-green", "", [run], [], {})
    for key in ("verdict", "reasons"):
        assert cut[key] == whole[key]
        assert cut["variants"][0][key] == whole["variants"][0][key]
    figures = [one["variants"][0]["figures"] for one in (cut, whole)]
    for figure in figures:
        figure.pop("time_to_recovery_s")
    assert figures[0] == figures[1]
    assert cut["variants"][0]["over_time"] == whole["variants"][0]["over_time"]
    assert junit.render(cut) == junit.render(whole)


def test_a_service_that_never_failed_recovered_at_once():
    variant = variant_of(disturbed())
    assert list(phases_of(variant)) == ["before", "during", "after"]
    assert variant["figures"]["time_to_recovery_s"] == 0
    assert variant["recovery"]["stable_unix_ns"] == START_NS + 30 * NS


def test_a_failure_of_the_time_before_is_none_of_the_disturbance():
    variant = variant_of(disturbed(bad=[(5, 6, "refused")]))
    assert phases_of(variant)["before"]["failed"] == 20
    assert variant["figures"]["time_to_recovery_s"] == 0


def test_never_stable_has_no_time_to_recovery_and_satisfies_nothing():
    lines = ["time_to_recovery < 300s", "time_to_recovery >= 0", "rolling.after: failed == 0"]
    run = disturbed(bad=[(25, 26, "refused"), (57, 57.5, "refused")], stable_s=40)
    record = result(run, expected=lines)
    variant = record["variants"][0]
    assert list(phases_of(variant)) == ["before", "during", "recover"]
    assert phases_of(variant)["recover"]["duration_s"] == 30
    assert variant["figures"]["time_to_recovery_s"] is None
    assert [row["ok"] for row in record["expectations"]] == [False] * 3
    why = "no data: only 2.5 s without a failure until the end, of 40 s asked for"
    assert record["expectations"][0]["found"] == why
    assert record["verdict"] == "fail"
    assert why in text.render(record)


@pytest.mark.parametrize(
    ("to_s", "bad", "why"),
    [
        (62, [], "the measurement ended before the disturbance did"),
        (30, [(32, 60, "refused")], "requests failed until the end"),
        (57, [], "only 3.0 s without a failure until the end, of 5 s asked for"),
    ],
)
def test_why_there_is_no_time_to_recovery_is_said(to_s, bad, why):
    assert variant_of(disturbed(to_s=to_s, bad=bad))["recovery"]["text"] == f"no data: {why}"


def test_single_failures_keep_a_service_from_being_stable():
    bad = [(second, second + 0.01, "refused") for second in (31, 34, 38)]
    variant = variant_of(disturbed(bad=bad))
    assert variant["recovery"]["stable_unix_ns"] == START_NS + int(38.05 * NS)
    assert variant["figures"]["time_to_recovery_s"] == 18.05
    assert phases_of(variant)["recover"]["outages"]["isolated_failures"] == 3


def test_a_failure_after_the_stable_point_belongs_to_after():
    variant = variant_of(disturbed(bad=[(31, 32, "refused"), (45, 46, "refused")]))
    assert phases_of(variant)["after"]["failed"] == 20
    assert variant["figures"]["time_to_recovery_s"] == 12


def test_unsent_requests_say_nothing_of_the_service():
    variant = variant_of(disturbed(bad=[(31, 32, "not_sent")]))
    assert variant["figures"]["time_to_recovery_s"] == 0
    assert phases_of(variant)["after"]["not_sent"] == 20


def test_expectations_speak_of_phases():
    lines = ["rolling.during: availability == 100", "rolling.before.failed == 0", "time_to_recovery < 30s"]
    record = result(disturbed(bad=[(22, 23, "refused")]), expected=lines)
    assert [row["ok"] for row in record["expectations"]] == [False, True, True]
    assert record["expectations"][2]["found"] == "3 s"
    assert 'name="expected rolling.during: availability == 100"' in junit.render(record)
    with pytest.raises(expectation.ExpectationError, match="a figure of a variant, not of one of its phases"):
        expectation.parse("rolling.during: time_to_recovery < 1s", {"rolling": NAMES})


def test_a_variant_that_was_not_disturbed_has_no_time_to_recovery():
    run = Run("calm", "during", "calm.json", probe_record())
    record = build("x", "", [run], [expectation.parse("time_to_recovery < 1s", {"calm": ["during"]})], {})
    jsonschema.validate(record, SCHEMA)
    assert record["expectations"][0]["found"] == "no data: disturbed_from was not given"
    assert not record["expectations"][0]["ok"]


def test_latency_of_a_phase_is_known_to_a_bucket():
    run = disturbed(latency_ms=7, seed=3)
    parts = phases_of(variant_of(run))
    assert parts["before"]["latency_ms"]["p99"] == pytest.approx(
        sorted(exact_ms(run, 0, 200))[int(0.99 * 400) - 1], rel=0.03
    )
    assert parts["before"]["service_time_ms"]["p50"] is None


def exact_ms(run, first, end):
    """The middles of the rows' buckets: what a phase can know."""
    values = []
    for row in run.probe["timeline"]["rows"]:
        if first <= row["i"] < end:
            for index, count in zip(row["latency"][::2], row["latency"][1::2]):
                fine = index * 16 + 8
                shift = max(0, fine // 1024 - 1)
                values += [((fine - 1024 * shift) << shift) / 1e6] * count
    return values


def test_versions_of_a_phase():
    parts = phases_of(variant_of(disturbed(versions=[(0, "blue"), (25, "green")])))
    assert [one["name"] for one in parts["before"]["versions"]] == ["blue"]
    assert [one["name"] for one in parts["during"]["versions"]] == ["blue", "green"]
    assert parts["after"]["versions"][0] | {"first_unix_ns": 0, "last_unix_ns": 0} == {
        "name": "green", "requests": 600, "failed": None, "share_percent": 100.0, "p50_ms": None, "p99_ms": None,
        "first_unix_ns": 0, "last_unix_ns": 0,
    }  # fmt: skip


def test_a_measured_record_with_two_lanes_adds_up():
    window = Window(FIXTURE["started_unix_ns"] + 20 * NS, FIXTURE["started_unix_ns"] + 40 * NS, 5.0)
    run = Run("rolling", "during", "p.json", FIXTURE, None, window)
    outages = assert_adds_up(variant_of(run))
    assert len(outages) == len(FIXTURE["outages"]["list"])


def test_two_probes_are_stable_together():
    one = disturbed(bad=[(31, 32, "refused")])
    two = disturbed(bad=[(35, 36, "refused")], seed=2)
    variant = variant_of(one, two)
    assert variant["figures"]["time_to_recovery_s"] == 16
    assert phases_of(variant)["recover"]["attempts"] == 2 * 120
    assert_adds_up(variant)


def test_more_outages_than_listed_are_seen_in_the_timeline():
    run = disturbed(bad=[(31, 32, "refused"), (34, 35, "refused")])
    del run.probe["outages"]["list"][1]
    run.probe["outages"]["list_truncated"] = 1
    assert variant_of(run)["figures"]["time_to_recovery_s"] == 15


def test_a_probe_that_ended_before_the_disturbance_is_all_before():
    variant = variant_of(disturbed(from_s=70, to_s=80))
    assert list(phases_of(variant)) == ["before"]
    assert variant["recovery"]["text"] == "no data: the disturbance began after the last request"


def test_no_data_stays_no_data():
    record = result(disturbed(duration_s=0))
    assert record["verdict"] == "inconclusive"


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(PhaseError, match="rolling: expected one disturbance for all records"):
        result(disturbed(), disturbed(to_s=31))
    plain = Run("rolling", "during", "plain.json", probe_record())
    with pytest.raises(PhaseError, match=r"plain\.json: expected disturbed_from as for the variant's other records"):
        result(disturbed(), plain)
    short = disturbed()
    short.probe["timeline"]["rows"].pop()
    with pytest.raises(PhaseError, match=r"rolling\.json: its timeline holds 1198 of 1200 requests"):
        result(short)


@pytest.mark.parametrize(
    ("source", "error", "problem"),
    [
        ({"disturbed_from": 1795244400}, WindowError, "disturbed_to: expected a time, because disturbed_from is given"),
        ({"disturbed_to": 1795244400}, WindowError, "disturbed_from: expected a time"),
        ({"disturbed_from": 1795244401, "disturbed_to": 1795244400}, WindowError, "expected a time after"),
        ({"disturbed_from": 1795244400, "disturbed_to": 1795244400, "stable": 0}, WindowError, "stable: expected sec"),
        ({"disturbed_from": "soon", "disturbed_to": 1795244400}, MarkError, "disturbed_from is 'soon'; expected RFC"),
    ],
)
def test_times_that_cannot_be_used_are_named(source, error, problem):
    with pytest.raises(error, match=problem):
        window_of(source)


def test_a_window_is_read_in_both_forms():
    told = {"disturbed_from": "2026-11-21T07:00:20.5Z", "disturbed_to": str(1795244430), "stable": 2.5}
    assert window_of(told) == Window(START_NS + int(20.5 * NS), START_NS + 30 * NS, 2.5)
    assert window_of({"disturbed_from": None, "disturbed_to": None, "stable": 5}) is None


def test_phases_are_shown():
    record = result(disturbed(bad=[(22, 23, "refused"), (31, 33, "reset")]))
    shown = text.render(record)
    table = shown[shown.index("  phases") :].split("\n\n", maxsplit=1)[0].splitlines()
    assert [line.split()[0] for line in table[1:5]] == list(NAMES)
    assert " ".join(table[3].split()).startswith("recover 30 s 3 s 60 40 0 33.33 %")
    assert "rolling: time to recovery: 13 s" in shown
    metric = 'availability_lab_time_to_recovery_seconds{scenario="blue-green",variant="rolling"} 13.0'
    assert metric in prometheus.render(record).splitlines()
    assert "| during | 20 s | 10 s | 200 | 20 | 0 | 90.00 % |" in markdown.render(record)
    assert "Phases" not in markdown.render(build("x", "", [Run("a", "during", "p", probe_record())], [], {}))


spans = st.tuples(
    st.integers(0, 190).map(lambda tenth: tenth / 10 + 0.02),
    st.integers(1, 40),
    st.sampled_from(["refused", "timeout_headers", "not_sent", "wrong_status"]),
).map(lambda one: (one[0], one[0] + one[1] / 20, one[2]))


@settings(max_examples=40, deadline=None)
@given(st.lists(spans, max_size=6), st.floats(-5, 25), st.floats(0, 20), st.floats(0.1, 10))
def test_parts_always_add_up(bad, from_s, length_s, stable_s):
    run = disturbed(from_s=from_s, to_s=from_s + length_s, stable_s=stable_s, bad=bad, duration_s=20, rate=20)
    before = copy.deepcopy(run.probe)
    variant = build("x", "", [run], [], {})["variants"][0]
    assert run.probe == before
    listed = assert_adds_up(variant)
    assert len(listed) == len(run.probe["outages"]["list"])
    stable_ns = variant["recovery"]["stable_unix_ns"]
    if stable_ns is not None:
        calm = (stable_ns, stable_ns + int(stable_s * NS))
        failed_ns = [
            START_NS + round(number * NS / 20)
            for number in range(400)
            if next((name for low, high, name in bad if low <= number / 20 < high), "ok") not in ("ok", "not_sent")
        ]
        assert not [at for at in failed_ns if calm[0] <= at < calm[1]]
        recovery_s = variant["figures"]["time_to_recovery_s"]
        assert recovery_s >= 0
        assert (recovery_s == 0) == (not [at for at in failed_ns if run.window.from_ns <= at < stable_ns])
