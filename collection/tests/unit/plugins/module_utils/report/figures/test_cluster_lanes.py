# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import read_record
from ansible_collections.availability.lab.plugins.module_utils.report.figures.cluster_lanes import (
    cluster_marks,
    cluster_view,
    joined_views,
    most_replicas,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_cluster import (
    NS,
    SampleCluster,
    rolling_update,
)

START = 1_795_244_400 * NS
SCHEMA = Path(__file__).resolve().parents[7] / "docs" / "cluster-record.schema.json"


def read(tmp_path, cluster, end_s=60.0):
    path = tmp_path / "cluster.jsonl"
    path.write_text(cluster.text(end_s))
    return read_record(path)


@pytest.fixture
def record(tmp_path):
    return read(tmp_path, rolling_update(START))


def names(record):
    return [((mark["at_unix_ns"] - START) / NS, mark["name"]) for mark in cluster_marks(record)]


def test_the_sample_satisfies_the_schema():
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    for line in rolling_update(START).text(60).splitlines()[1:-1]:
        validator.validate(json.loads(line))


def test_a_rollout_and_a_warning_are_marked(record):
    assert names(record) == [
        (30.2, "hello: blue → green"),
        (32.0, "Unhealthy: hello-green-1: Liveness probe failed: connection refused"),
    ]


def test_pods_are_lanes_of_their_states(record):
    view = cluster_view(record)
    lanes = {
        pod["name"]: [((one["from"] - START) / NS, (one["to"] - START) / NS, one["state"]) for one in pod["spans"]]
        for pod in view["pods"]
    }
    assert lanes["hello-blue-1"] == [(-2.0, 31.6, "ready"), (31.6, 33.4, "terminating")]
    assert lanes["hello-green-1"] == [(30.4, 31.3, "waiting"), (31.3, 60.0, "ready")]
    assert [pod["version"] for pod in view["pods"]] == ["blue", "blue", "green", "green"]


def test_lanes_of_one_owner_stand_together(tmp_path):
    """Of two ReplicaSets and a StatefulSet that start side by side, of a bare pod, and in a record that follows."""
    cluster = SampleCluster(START)
    for at_s, name, owner in (
        (-3, "old-1", "ReplicaSet/old"),
        (-2, "db-0", "StatefulSet/db"),
        (-1, "shell", ""),
        (5, "new-1", "ReplicaSet/new"),
        (6, "old-2", "ReplicaSet/old"),
        (7, "db-1", "StatefulSet/db"),
    ):
        cluster.pod(at_s, name, "1", "listed" if at_s < 0 else "added", ready=True, owner=owner)
    view = cluster_view(read(tmp_path, cluster))
    wanted = [
        ("old-1", "ReplicaSet old"),
        ("old-2", "ReplicaSet old"),
        ("db-0", "StatefulSet db"),
        ("db-1", "StatefulSet db"),
        ("shell", ""),
        ("new-1", "ReplicaSet new"),
    ]
    assert [(pod["name"], pod["owner"]) for pod in view["pods"]] == wanted
    later = SampleCluster(START)
    later.pod(20, "db-2", "1", "added", ready=True, owner="StatefulSet/db")
    whole = joined_views([view, cluster_view(read(tmp_path, later))])
    assert [pod["name"] for pod in whole["pods"]] == ["old-1", "old-2", "db-0", "db-1", "db-2", "shell", "new-1"]


def test_ready_endpoints_replicas_and_cpu_are_lines(record):
    view = cluster_view(record)
    points = [((at - START) / NS, count) for at, count in view["endpoints"]["hello"]]
    assert points == [(-2, 1), (-2, 2), (31.4, 3), (32.0, 2), (35.0, 3), (35.6, 2)]
    assert [wanted for _unused, wanted, _unused in view["replicas"]["hello"]] == [2, 2]
    assert view["cpu"]["hello-blue-1"][0] == [START, 20.0]


@pytest.mark.parametrize(("from_s", "to_s", "most"), [(0, 60, 4), (11, 60, 4), (31, 60, 2), (0, 9, 1), (-9, -5, 0)])
def test_the_most_replicas_while_it_was_measured(tmp_path, from_s, to_s, most):
    cluster = SampleCluster(START)
    for at_s, ready in ((-1, 1), (10, 4), (30, 2)):
        cluster.change(at_s, "Deployment", "web", "modified", {"replicas": 5, "ready": ready})
    cluster.change(0, "Deployment", "debug", "listed", {"replicas": 1, "ready": 1})
    assert most_replicas(cluster_view(read(tmp_path, cluster)), START + from_s * NS, START + to_s * NS) == most


def test_the_loss_of_the_last_endpoint_and_its_return_are_marked(tmp_path):
    cluster = SampleCluster(START)
    cluster.endpoint(0, "a", True)
    cluster.endpoint(5, "a", False)
    cluster.endpoint(9, "a", True)
    assert names(read(tmp_path, cluster)) == [
        (5.0, "Service hello has no ready endpoint"),
        (9.0, "Service hello has a ready endpoint again"),
    ]


def test_what_is_of_the_proxy_in_front_is_named_with_its_namespace(record):
    """And its replicas are no copies of the service."""
    record.header["front"] = {"namespace": "ingress", "service": "nginx"}
    record.changes[:] = [replace(change, namespace="ingress") for change in record.changes]
    view = cluster_view(record)
    assert {pod["name"].partition("/")[0] for pod in view["pods"]} == {"ingress"}
    assert (list(view["endpoints"]), view["replicas"]) == (["ingress/hello"], {})
    assert names(record)[0] == (30.2, "ingress/hello: blue → green")


def test_a_warning_that_repeats_is_one_mark(tmp_path):
    cluster = SampleCluster(START)
    for at_s in (1, 4, 7, 20):
        cluster.warning(at_s, "web", "BackOff", "Back-off " + "x" * 300)
    marks = names(read(tmp_path, cluster))
    assert [at_s for at_s, _unused in marks] == [1.0, 20.0]
    assert len(marks[0][1]) < 200


@pytest.mark.parametrize(
    ("kind", "old", "new", "text"),
    [
        ("Deployment", {"replicas": 4}, {"replicas": 3}, "x: 4 → 3 replicas"),
        ("Service", {"selector": {"tag": "blue"}}, {"selector": {"tag": "green"}}, "Service x selects tag=green"),
        ("Node", {"ready": "True"}, {"ready": "Unknown"}, "node x is not ready"),
        ("HorizontalPodAutoscaler", {"desired": 1}, {"desired": 4}, "autoscaler x: 1 → 4 replicas"),
        (
            "Pod",
            {"restarts": 0},
            {"restarts": 1, "containers": [{"last": {"reason": "OOMKilled", "exit_code": 137}}]},
            "x restarted (OOMKilled, exit code 137)",
        ),
    ],
)
def test_other_changes_that_are_marked(tmp_path, kind, old, new, text):
    cluster = SampleCluster(START)
    cluster.change(1, kind, "x", "listed", old)
    cluster.change(2, kind, "x", "modified", old)
    cluster.change(3, kind, "x", "modified", new)
    assert names(read(tmp_path, cluster)) == [(3.0, text)]


def test_records_of_two_phases_join_into_one_view(record):
    view = cluster_view(record)
    both = joined_views([view, view])
    assert [pod["name"] for pod in both["pods"]] == [pod["name"] for pod in view["pods"]]
    assert len(both["endpoints"]["hello"]) == 12
