# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Many failures in a large record: what all of them share is looked up once, not once a failure."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause import timeline
from ansible_collections.availability.lab.plugins.module_utils.report.cause.answers import Answers
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.plugins.module_utils.report.cause.failure import failures_of
from ansible_collections.availability.lab.plugins.module_utils.report.cause.front import Way
from ansible_collections.availability.lab.plugins.module_utils.report.cause.lives import PodLife, Steps
from ansible_collections.availability.lab.plugins.module_utils.report.cause.node_rules import node_not_ready
from ansible_collections.availability.lab.plugins.module_utils.report.cause.scene import Scene
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story

KINDS = ("refused", "reset", "timeout_headers", "closed_early", "wrong_status")


class Counted(list[Any]):
    """A list that counts how often somebody goes through all of it."""

    passes = 0

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        return super().__iter__()


def rollout(failures: int, pods: int = 20) -> Story:
    """Pods replaced one after the other, with CPU limits and samples, while requests fail at every moment."""
    story = Story(120)
    for number in range(pods):
        story.serving_pod(f"old-{number}", limits={"cpu_m": 200.0, "memory_bytes": None})
    for number in range(pods):
        story.answered(f"old-{number}", 0, 10 + 5 * number)
        story.delete(10 + 5 * number, f"old-{number}", dropped_s=0.2, exit_s=0.4)
    for at_s in range(0, 120, 5):
        for number in range(pods):
            story.throttled(at_s + number / 100, f"old-{number}/web", at_s * 10.0, at_s * 10.0 * (number % 2))
        story.used(at_s, "old-0", 50.0)
        story.load(at_s, 1.0, 10.0)
    for number in range(failures):
        story.fail(1 + number * 118 / failures, KINDS[number % len(KINDS)])
    return story


def passes(failures: int) -> dict[str, int]:
    """How often each part of the record was gone through."""
    story = rollout(failures)
    record = story.cluster
    for name in ("changes", "throttling", "usage", "load"):
        setattr(record, name, Counted(getattr(record, name)))
    found = explain(story.probe(), record)
    assert found["failed_requests"] == failures
    return {name: getattr(record, name).passes for name in ("changes", "throttling", "usage", "load")}


def test_ten_times_the_failures_need_no_further_look_at_the_record() -> None:
    assert passes(400) == passes(40)


def test_each_failure_is_explained_as_if_it_were_alone() -> None:
    together = rollout(60)
    rows = explain(together.probe(), together.cluster, service="web")["failures"]
    for number in range(0, 60, 7):
        alone = rollout(60)
        alone.outages = [alone.outages[number]]
        (row,) = explain(alone.probe(), alone.cluster, service="web")["failures"]
        assert row["cause"]["id"] == rows[number]["cause"]["id"]
        assert row["cause"]["evidence"] == rows[number]["cause"]["evidence"]


def test_a_pod_is_made_once_however_often_it_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(name: str, uid: str, t_ns: int) -> PodLife:
        made.append(uid)
        return PodLife(name, uid, t_ns)

    monkeypatch.setattr(timeline, "PodLife", counted)
    view = timeline.ClusterView(rollout(1).cluster)
    assert sorted(made) == sorted(view.pods)
    assert len(made) == 20


def test_silent_nodes_are_looked_at_before_the_pods_of_all_nodes() -> None:
    """A hundred nodes that are ready cost no look at the pods."""
    story = rollout(1)
    scene = Scene(timeline.ClusterView(story.cluster), Way("web"), Counted(), Answers(story.probe(), ()))
    for number in range(100):
        scene.view.nodes[f"n{number}"] = Steps()
        scene.view.nodes[f"n{number}"].set(0, "True")
    (failure,) = failures_of(story.probe())
    assert node_not_ready(failure, scene) is None
    assert isinstance(scene.pods, Counted)
    assert scene.pods.passes == 0


@pytest.mark.parametrize("collecting", [True, False])
def test_the_collector_is_left_as_it_was(collecting: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        timeline.ClusterView(rollout(1).cluster)
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()
