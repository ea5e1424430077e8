# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The risk sheet: which pieces are missing, what that cost, and what the record does not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import read_record
from ansible_collections.availability.lab.plugins.module_utils.report.cause.risk_sheet import Risk, risk_sheet
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_cluster import SampleCluster
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import START_NS

Json = dict[str, Any]
READY = "GET :5000/ every 1 s, timeout 1 s, 3 failures, first after 0 s"
BUDGET = {"selector": {"app": "web"}, "min_available": 1, "max_unavailable": None, "allowed": 1}


def sheet(
    folder: Path, workload: Json, pods: list[Json], causes: dict[str, int], budget: Json | None = None
) -> dict[str, Risk]:
    cluster = SampleCluster(START_NS)
    for node in sorted({pod["node"] for pod in pods} | {"n1", "n2"}):
        cluster.change(-2, "Node", node, "listed", {"ready": "True"})
    cluster.change(-2, "ReplicaSet", "web-1", "listed", {"replicas": 2, "owner": "Deployment/web"})
    cluster.change(-2, "Deployment", "web", "listed", {"replicas": 2, **workload})
    for number, pod in enumerate(pods):
        container = {"name": "web", "readiness": pod.get("readiness"), "pre_stop": pod.get("pre_stop")}
        spec = {"labels": {"app": "web"}, "owner": "ReplicaSet/web-1", "termination_grace_s": pod.get("grace", 30),
                "containers": [container]}  # fmt: skip
        state = {"phase": "Running", "ready": True, "node": pod["node"], "deletion_timestamp": None, "restarts": 0,
                 "containers": []}  # fmt: skip
        cluster.change(-2, "Pod", f"web-1-{number}", "listed", state, spec=spec)
    ends = [
        {"pod": f"web-1-{number}", "uid": f"Pod-web-1-{number}", "ready": True, "serving": True, "terminating": False}
        for number, _pod in enumerate(pods)
    ]
    cluster.change(-2, "EndpointSlice", "web-x", "listed", {"service": "web", "ports": [5000], "endpoints": ends})
    if budget:
        cluster.change(-2, "PodDisruptionBudget", "web", "listed", budget)
    path = folder / "cluster.jsonl"
    path.write_text(cluster.text(60))
    explained = {"service": None, "causes": [{"id": name, "requests_lost": lost} for name, lost in causes.items()]}
    rows = risk_sheet(read_record(path), [explained])
    assert {row.workload for row in rows} == {"Deployment/web"}
    return {row.piece: row for row in rows}


def test_what_is_missing_and_what_it_cost(tmp_path: Path) -> None:
    pods = [{"node": "n1"}, {"node": "n1"}]
    causes = {"added_before_listening": 10, "terminated_while_routed": 5, "stale_connection": 2, "node_not_ready": 3}
    found = sheet(tmp_path, {"rolling_update": {"maxSurge": 1, "maxUnavailable": 1}, "replicas": 1}, pods, causes)
    assert {name: (row.state, row.found, row.lost) for name, row in found.items()} == {
        "readiness probe": ("missing", "none", 10),
        "preStop hook": ("missing", "none", 7),
        "grace period": ("set", "30 s", None),
        "replicas": ("missing", "1", 0),
        "surge": ("missing", "maxSurge 1, maxUnavailable 1", 0),
        "spread": ("missing", "on 1 of 2 nodes", 3),
        "disruption budget": ("missing", "none", 0),
    }


def test_what_is_set(tmp_path: Path) -> None:
    pods = [{"node": node, "readiness": READY, "pre_stop": "sleep 5 s"} for node in ("n1", "n2")]
    found = sheet(tmp_path, {"rolling_update": {"maxSurge": 1, "maxUnavailable": 0}}, pods, {"unknown": 9}, BUDGET)
    assert {row.state for row in found.values()} == {"set"}
    assert found["disruption budget"].found == "web: minAvailable 1"
    assert (found["readiness probe"].found, found["spread"].found) == (READY, "on 2 of 2 nodes")
    assert not [row for row in found.values() if row.lost is not None]


def test_a_piece_that_only_some_pods_have_is_missing(tmp_path: Path) -> None:
    pods = [{"node": "n1", "readiness": READY}, {"node": "n2"}]
    found = sheet(tmp_path, {}, pods, {})
    assert found["readiness probe"].found == f"{READY}; none in 1 of 2 pods"
    assert found["readiness probe"].state == "missing"
    assert found["surge"].state == "not recorded"


@pytest.mark.parametrize(("unavailable", "state"), [("25%", "set"), ("50%", "missing"), (0, "set"), ("0%", "set")])
def test_a_share_of_unavailable_pods_is_rounded_down(tmp_path: Path, unavailable: object, state: str) -> None:
    rolling = {"rolling_update": {"maxSurge": "25%", "maxUnavailable": unavailable}}
    assert sheet(tmp_path, rolling, [{"node": "n1"}], {})["surge"].state == state
