# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Patches of several causes become one a workload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import read_record
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.plugins.module_utils.report.cause.remedies import merged, remedies

RUNS = Path(__file__).parents[4] / "fixtures" / "recorded"


def cause(name: str, lost: int, patch: dict[str, Any], target: str = "Deployment/web") -> dict[str, Any]:
    return {"id": name, "requests_lost": lost, "change": {"text": f"cure {name}", "target": target, "patch": patch}}


def result(*causes: dict[str, Any], variant: str = "bare") -> dict[str, Any]:
    phases = [{"explained": [{"causes": list(causes)}]}]
    return {"record": "result", "variants": [{"name": variant, "phases": phases}]}


def container(**settings: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", **settings}]}}}}


def test_the_patches_of_a_workload_are_merged_the_costliest_first() -> None:
    found = remedies(
        result(
            cause("readiness", 3, container(readinessProbe={"periodSeconds": 1}, lifecycle="late")),
            cause("hook", 40, container(lifecycle="early")),
            cause("replicas", 2, {"spec": {"replicas": 2}}),
        )
    )
    assert found == [
        {
            "variant": "bare",
            "target": "Deployment/web",
            "cause": "hook",
            "causes": ["hook", "readiness", "replicas"],
            "requests_lost": 45,
            "patch": {**container(lifecycle="early", readinessProbe={"periodSeconds": 1})}
            | {"spec": {**container(lifecycle="early", readinessProbe={"periodSeconds": 1})["spec"], "replicas": 2}},
            "text": "cure hook; cure readiness; cure replicas",
        }
    ]


def test_each_workload_has_its_own() -> None:
    found = remedies(result(cause("a", 3, {"x": 1}), cause("b", 5, {"y": 1}, "StatefulSet/db")))
    assert [(one["target"], one["patch"]) for one in found] == [
        ("StatefulSet/db", {"y": 1}),
        ("Deployment/web", {"x": 1}),
    ]


def test_what_lost_nothing_or_has_no_patch_is_left_out() -> None:
    assert remedies(result(cause("a", 0, {"x": 1}), cause("b", 5, {}), cause("c", 5, {"x": 1}, ""))) == []


def test_lists_of_containers_merge_by_name_and_others_are_kept_whole() -> None:
    first = {"containers": [{"name": "web", "ports": [1]}], "args": ["a"]}
    second = {"containers": [{"name": "sidecar"}, {"name": "web", "image": "x", "ports": [2]}], "args": ["b", "c"]}
    assert merged(first, second) == {
        "containers": [{"name": "web", "ports": [1], "image": "x"}, {"name": "sidecar"}],
        "args": ["a"],
    }
    assert merged({"a": None}, {"a": 1, "b": None}) == {"a": None, "b": None}


def test_what_is_no_result() -> None:
    with pytest.raises(ValueError, match="expected a result record"):
        remedies({"record": "probe"})


def test_the_patches_of_the_recorded_rollout_are_the_ones_that_cured_it() -> None:
    probe = json.loads((RUNS / "rollout-naive.probe.json").read_text())
    explained = explain(probe, read_record(RUNS / "rollout-naive.cluster.jsonl"))
    whole = {"record": "result", "variants": [{"name": "naive", "phases": [{"explained": [explained]}]}]}
    (remedy,) = remedies(whole)
    assert (remedy["target"], remedy["cause"]) == ("Deployment/web", "added_before_listening")
    assert remedy["requests_lost"] == 110
    (patched,) = remedy["patch"]["spec"]["template"]["spec"]["containers"]
    assert patched["lifecycle"] == {"preStop": {"sleep": {"seconds": 3}}}
    assert "tcpSocket" in patched["readinessProbe"]
