# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Runs recorded on a real cluster (Kubernetes v1.33.1, one node, a heavily loaded 2-core machine).

The probe records are cut to what the causes need. In each run one thing was done to a naive server; those named
scenario-... are runs of the scenario playbooks, those named planted-... of playbooks/planted-causes.yml, on two nodes,
with their labels as they were planted.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import ClusterRecord, read_record
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.plugins.module_utils.report.compare.proof import proof

RUNS = Path(__file__).parents[4] / "fixtures" / "recorded"
SCHEMA = Path(__file__).parents[7] / "docs" / "cluster-record.schema.json"
SERVICES = {"scenario-rolling": "simpleprobe"} | dict.fromkeys(
    ("scenario-limits", "scenario-liveness", "scenario-persistence"), "frontend"
)
NAMES = sorted(path.name.removesuffix(".cluster.jsonl") for path in RUNS.glob("*.cluster.jsonl"))


def load(name: str) -> tuple[dict[str, Any], ClusterRecord]:
    probe: dict[str, Any] = json.loads((RUNS / f"{name}.probe.json").read_text())
    return probe, read_record(RUNS / f"{name}.cluster.jsonl")


@pytest.mark.parametrize(
    ("name", "costliest", "others"),
    [
        ("rollout-naive", "added_before_listening", {"terminated_while_routed"}),
        ("scale-to-zero", "replicas_zero", {"terminated_while_routed"}),
        ("out-of-memory", "oom_killed", set()),
        ("liveness-path", "liveness_restart", set()),
        ("image-missing", "image_not_pulled", {"terminated_while_routed"}),
        ("eviction", "evicted", set()),
        ("cpu-limit", "cpu_throttled", set()),
        ("scenario-rolling", "terminated_while_routed", {"added_before_listening"}),
        ("scenario-limits", "cpu_throttled", set()),
        ("scenario-liveness", "liveness_restart", set()),
        # of the store behind the service that is asked: first its StatefulSet was deleted, then its only pod
        ("scenario-persistence", "deleted", {"no_ready_endpoint", "terminated_while_routed"}),
    ],
)
def test_the_right_cause_of_each_run(name: str, costliest: str, others: set[str]) -> None:
    found = explain(*load(name))
    assert found["service"] == SERVICES.get(name, "web")
    assert found["explained_share"] >= 0.95
    named = [line["id"] for line in found["causes"] if line["requests_lost"]]
    assert named[0] == costliest
    assert set(named[1:]) <= others
    assert found["causes"][0]["change"]["text"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("autoscaler-at-limit", "too_little_capacity"),  # its pod was too busy for its readiness probe
        ("bad-release", "bad_release"),
        ("command-missing", "container_not_created"),  # its container "ended" with StartError, and never ran
        ("cpu-limit", "cpu_throttled"),  # its readiness probe failed too
        ("disk-limit", "evicted"),  # its process ended with exit code 0: only an Event tells of the eviction
        ("init-fails", "container_crashed"),
        ("other-nodes-traffic", "unknown"),  # recorded before externalTrafficPolicy was
        ("readiness-path", "readiness_failed"),  # a volume was mounted at the second try only
        ("service-deleted", "service_changed"),  # and its EndpointSlice with it
        ("startup-path", "liveness_restart"),  # the outage began with the end of the old pods
    ],
)
def test_the_planted_cause_costs_the_most(name: str, label: str) -> None:
    probe, cluster = load(f"planted-{name}")
    found = explain(probe, cluster)
    assert found["service"] == "web"
    assert found["failed_requests"] == probe["totals"]["failed"]
    named = {line["id"]: line["requests_lost"] for line in found["causes"]}
    assert named[label] >= 0.8 * found["failed_requests"]


def test_what_a_record_with_the_policy_of_the_service_would_have_told() -> None:
    """The run of other-nodes-traffic: its play set externalTrafficPolicy to Local 3.6 s after the probe began."""
    probe, cluster = load("planted-other-nodes-traffic")
    for index, change in enumerate(cluster.changes):
        if (change.kind, change.name) == ("Node", "minikube"):
            change.state["addresses"] = ["192.168.49.2", "minikube"]
        if change.kind == "Service":
            state = {**change.state, "external_traffic_policy": "Local"}
            patched = replace(change, t_ns=probe["started_unix_ns"] + 3_600_000_000, via="watch", state=state)
            change.state["external_traffic_policy"] = "Cluster"
            last = index
    cluster.changes.insert(last + 1, patched)
    (line,) = explain(probe, cluster)["causes"]
    assert (line["id"], line["subjects"], line["confidence"]["high"]) == ("no_local_endpoint", ["minikube"], 465)


def test_every_failed_request_of_the_naive_rollout_is_explained_with_evidence() -> None:
    probe, cluster = load("rollout-naive")
    found = explain(probe, cluster)
    assert found["failed_requests"] == probe["totals"]["failed"] == 110
    assert found["unknown_requests"] == 0
    for row in found["failures"]:
        assert row["cause"]["evidence"]
        assert abs(row["cause"]["delta_ms"]) < 15_000
    race = found["race"]
    assert len(race["pods"]) == 9
    assert race["smallest_safe_pre_stop_s"] == 3
    for row in race["pods"]:
        assert 0 <= row["endpoint_dropped_ms"] <= row["gone_ms"]


def test_the_patches_of_the_naive_rollout_cured_it() -> None:
    """The second run is the same rollouts after `kubectl patch` with the two patches that the first one gave."""
    before, cluster = load("rollout-naive")
    patches = [line["change"]["patch"] for line in explain(before, cluster)["causes"] if line["requests_lost"]]
    container: dict[str, Any] = {}
    for patch in patches:
        container.update(patch["spec"]["template"]["spec"]["containers"][0])
    after, patched = load("rollout-patched")
    spec = next(change.spec for change in reversed(patched.of_kind("Pod")) if change.spec)["containers"][0]
    assert spec["pre_stop"] == f"sleep {container['lifecycle']['preStop']['sleep']['seconds']} s"
    assert spec["readiness"].startswith(f"TCP :{container['readinessProbe']['tcpSocket']['port']}")
    assert after["totals"]["failed"] == 0
    found = proof([before], [after])
    assert (found["before"]["failed"], found["after"]["failed"]) == (110, 0)
    assert (found["verdict"], found["pairs_needed"]) == ("no evidence", 4), "one run of each, whatever its blocks"
    assert found["difference"] < 0


@pytest.mark.parametrize("name", NAMES)
def test_real_records_fit_the_schema(name: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    lines = (RUNS / f"{name}.cluster.jsonl").read_text().splitlines()
    for line in lines[:: max(1, len(lines) // 60)] + lines[-1:]:  # every kind of line, in a tenth of the time
        validator.validate(json.loads(line))
