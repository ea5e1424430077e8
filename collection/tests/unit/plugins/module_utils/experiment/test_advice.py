# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Advised patches are tried as dry runs, and what the API says to them is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.api import ClusterApi
from ansible_collections.availability.lab.plugins.module_utils.cluster.changes import Changes
from ansible_collections.availability.lab.plugins.module_utils.experiment.advice import tried_patches
from ansible_collections.availability.lab.plugins.module_utils.experiment.journal import Journal
from ansible_collections.availability.lab.plugins.module_utils.experiment.stage import Stage
from ansible_collections.availability.lab.plugins.module_utils.report.cause.advised import advised_patches
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.experiment.fake_cluster import FakeCluster

RECORDED = Path(__file__).parents[3] / "fixtures" / "recorded"
WEBHOOK = 'admission webhook "policy.example" denied the request: no hooks here'
NO_RIGHT = 'deployments.apps "web" is forbidden: User "lab" cannot patch resource "deployments" in API group "apps"'
NO_DRY_RUN = 'admission webhook "old.example" does not support dry run'


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as fake:
        yield fake


@pytest.fixture
def stage(cluster: FakeCluster, tmp_path: Path) -> Iterator[Stage]:
    api = ClusterApi.from_kubeconfig(str(cluster.kubeconfig(tmp_path)))
    yield Stage("shop", Journal(str(tmp_path / "undo")), Changes(api))
    api.close()


def record_of(folder: Path, run: str = "rollout-naive") -> str:
    """The records of a real run, whose advice is two patches of Deployment web: a readiness probe, and a hook."""
    for end in ("probe.json", "cluster.jsonl"):
        shutil.copy(RECORDED / f"{run}.{end}", folder / f"rolling.{end}")
    return str(folder / "rolling")


def web(cluster: FakeCluster) -> dict[str, Any]:
    spec = {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}}
    return cluster.put("deployments", "web", spec=spec)


def test_a_patch_that_the_cluster_would_take_changes_nothing(
    cluster: FakeCluster, stage: Stage, tmp_path: Path
) -> None:
    before = web(cluster)
    found = tried_patches(stage, advised_patches(record_of(tmp_path), "web"))
    assert {(one["target"], one["taken"], one["said"]) for one in found} == {("Deployment/web", True, "")}
    text = str([one["patch"] for one in found])
    assert "readinessProbe" in text
    assert "preStop" in text
    assert [patch for _query, patch in cluster.dry_runs] == [one["patch"] for one in found]
    assert all("fieldValidation=Strict" in query for query, _patch in cluster.dry_runs)
    assert cluster.objects["deployments", "web"] == before


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ((422, 'Deployment.apps "web" is invalid: spec.template: must be less'), False),
        (
            (400, 'strict decoding error: unknown field "containers[0].lifecycle.preStop.nap"'),
            False,
        ),
        ((403, WEBHOOK), False),
        ((403, NO_RIGHT), None),
        ((401, "Unauthorized"), None),
        ((400, NO_DRY_RUN), None),
        ((500, "etcd is away"), None),
    ],
)
def test_what_the_api_says_to_a_patch(
    cluster: FakeCluster, stage: Stage, tmp_path: Path, answer: tuple[int, str], taken: bool | None
) -> None:
    web(cluster)
    cluster.refusals["web"] = answer
    found = tried_patches(stage, advised_patches(record_of(tmp_path), "web"))
    assert found
    for one in found:
        assert one["taken"] is taken
        assert answer[1] in one["said"]


def test_an_object_that_is_gone_was_not_tried(stage: Stage, tmp_path: Path) -> None:
    found = tried_patches(stage, advised_patches(record_of(tmp_path), "web"))
    assert found
    assert {one["taken"] for one in found} == {None}
    assert "404" in found[0]["said"]


def test_where_nothing_was_lost_nothing_is_advised(tmp_path: Path) -> None:
    assert advised_patches(record_of(tmp_path, "rollout-patched"), "web") == []


def test_without_records_there_is_no_advice(tmp_path: Path) -> None:
    assert advised_patches(str(tmp_path / "rolling"), "web") == []
