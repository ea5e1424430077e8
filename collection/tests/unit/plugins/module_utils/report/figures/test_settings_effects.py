# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What each setting of a matrix buys."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.settings_effects import (
    SettingsError,
    settings_effects,
    settings_of,
)
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.render import markdown, text
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record

SCHEMA = json.loads((Path(__file__).resolve().parents[7] / "docs" / "result.schema.json").read_text())


def variant(failed, total_s, **settings):
    return {"settings": settings, "figures": {"failed": failed, "outages": {"total_s": total_s}}}


def test_a_full_matrix_gives_means_and_paired_differences():
    effects = settings_effects(
        [
            variant(40, 2.0, readiness=False, pre_stop=0),
            variant(30, 1.5, readiness=False, pre_stop=5),
            variant(8, 0.4, readiness=True, pre_stop=0),
            variant(0, 0.0, readiness=True, pre_stop=5),
        ]
    )
    assert effects[0] == {
        "setting": "readiness",
        "values": [
            {"value": False, "variants": 2, "failed_mean": 35.0, "outage_ms_mean": 1750.0},
            {"value": True, "variants": 2, "failed_mean": 4.0, "outage_ms_mean": 200.0},
        ],
        "pairs": [{"from": False, "to": True, "pairs": 2, "failed_difference": -31.0, "outage_ms_difference": -1550.0}],
    }
    assert effects[1]["pairs"] == [
        {"from": 0, "to": 5, "pairs": 2, "failed_difference": -9.0, "outage_ms_difference": -450.0}
    ]


def test_variants_that_differ_in_more_are_no_pair():
    bare, ready = variant(9, 1.0, readiness=False, pre_stop=0), variant(0, 0.0, readiness=True, pre_stop=5)
    effects = settings_effects([bare, ready])
    assert [effect["pairs"] for effect in effects] == [[], []]
    assert effects[0]["values"][0]["failed_mean"] == 9


def test_three_values_are_compared_each_with_each_and_repeats_with_all():
    runs = [variant(failed, 0.0, pre_stop=value) for value, failed in ((0, 10), (5, 4), (10, 0), (0, 20))]
    pairs = settings_effects(runs)[0]["pairs"]
    assert [(one["from"], one["to"], one["pairs"], one["failed_difference"]) for one in pairs] == [
        (0, 5, 2, -11.0),
        (0, 10, 2, -15.0),
        (5, 10, 1, -4.0),
    ]


def test_what_does_not_vary_has_no_effect_and_a_missing_setting_makes_no_pair():
    assert settings_effects([variant(1, 0.1, probes=True), variant(2, 0.1, probes=True)]) == []
    effects = settings_effects([variant(1, 0.1, a=1), variant(2, 0.1, a=2, b=1), variant(2, 0.1)])
    assert [(one["setting"], one["pairs"]) for one in effects] == [("a", [])]


def test_true_is_not_one():
    assert len(settings_effects([variant(1, 0.1, grace=True), variant(2, 0.1, grace=1)])[0]["values"]) == 2


def test_settings_that_cannot_be_used_are_refused():
    with pytest.raises(SettingsError, match=r"settings: bare: probes: expected text, a number or a boolean, got .1."):
        settings_of("bare", [{"probes": [1]}])
    with pytest.raises(SettingsError, match="settings: bare: probes: expected one value, got 1 and True"):
        settings_of("bare", [{"probes": 1}, None, {"probes": True}])


def test_the_effects_are_shown():
    runs = [
        Run("bare", "during", "a.json", probe_record(bad=[(31, 32, "refused")]), settings={"readiness": False}),
        Run("ready", "during", "b.json", probe_record(), settings={"readiness": True}),
    ]
    record = build("matrix", "", runs, [], {})
    jsonschema.validate(record, SCHEMA)
    shown = text.render(record)
    assert "what each setting buys: readiness" in shown
    line = "false → true, all else alike (1 pair): -20.0 failed requests, -1,000 ms without service"
    assert line in shown
    assert f"- {line}" in markdown.render(record)
    assert "| true | 1 | 0.0 | none |" in markdown.render(record)
