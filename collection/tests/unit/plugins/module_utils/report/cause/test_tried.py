# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Advice says whether the cluster would take its patch; one that it refused is no patch any more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.remedies import remedies
from ansible_collections.availability.lab.plugins.module_utils.report.publish import publish
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_cluster import rolling_update
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)


def report(folder: Path, *, advice: Any) -> dict[str, Any]:
    """Of a rollout that lost requests, with an experiment's record that tells of dry runs."""
    experiment: dict[str, Any] = {"record": "experiment", "schema_version": 1, "address": "", "service": "hello"}
    experiment.update(steps=[], problems=[])
    if advice is not None:
        experiment["advice"] = advice
    probe = probe_record(versions=[(0, "blue"), (30, "green")], bad=[(31.3, 32.5, "refused")])
    texts = {
        "probe": json.dumps(probe),
        "cluster": rolling_update(START_NS).text(60),
        "experiment": json.dumps(experiment),
    }
    source: dict[str, Any] = {"variant": "a", "phase": "during", "attempts": None, "events": [], "stable": 1}
    for name, text in texts.items():
        source[name] = str(folder / name)
        (folder / name).write_text(text)
    made = publish(
        scenario="s", title="", directory=folder / "out", sources=[source], expectations=[], formats=["json"]
    )
    return made.record


def changes(record: dict[str, Any]) -> list[dict[str, Any]]:
    (explained,) = record["variants"][0]["phases"][0]["explained"]
    return [line["change"] for line in explained["causes"]]


def tries(folder: Path, *, taken: bool | None, said: str = "") -> list[dict[str, Any]]:
    plain = [change for change in changes(report(folder, advice=None)) if change["patch"]]
    assert plain
    return [{"target": one["target"], "patch": one["patch"], "taken": taken, "said": said} for one in plain]


def test_the_cluster_would_take_it(tmp_path: Path) -> None:
    record = report(tmp_path, advice=tries(tmp_path, taken=True))
    for change in changes(record):
        assert change["tried"] == "taken"
        assert change["patch"]
        assert change["text"].endswith("(the cluster would take this patch: a dry run)")
    (remedy,) = remedies(record)
    assert "the cluster would take" in remedy["text"]


def test_a_refused_patch_is_advised_in_words_alone(tmp_path: Path) -> None:
    record = report(tmp_path, advice=tries(tmp_path, taken=False, said="422 must be less"))
    for change in changes(record):
        assert (change["tried"], change["patch"]) == ("refused", {})
        assert "422 must be less" in change["text"]
    assert remedies(record) == []


@pytest.mark.parametrize("known", [True, False])
def test_nobody_tried(tmp_path: Path, known: bool) -> None:
    """No right to, or a patch of which the experiment's record does not tell."""
    advice = tries(tmp_path, taken=None, said="403 cannot patch resource") if known else []
    record = report(tmp_path, advice=advice)
    for change in changes(record):
        assert change["tried"] == "not tried"
        assert change["patch"]
        assert "nobody tried" in change["text"]
        assert ("403 cannot patch resource" in change["text"]) is known
    assert len(remedies(record)) == 1


def test_a_record_without_advice_says_nothing(tmp_path: Path) -> None:
    for change in changes(report(tmp_path, advice=None)):
        assert "tried" not in change
        assert "dry run" not in change["text"]
