# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Each cause on a constructed run of its own, and runs in which it must not be named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import RULES, TITLES, explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story, rfc3339


def causes(story: Story) -> list[tuple[str, str, str]]:
    rows = explain(story.probe(), story.cluster)["failures"]
    return [(row["cause"]["id"], row["cause"]["confidence"], row["cause"]["subject"]) for row in rows]


def only(story: Story) -> dict[str, Any]:
    rows = explain(story.probe(), story.cluster)["failures"]
    assert len(rows) == 1
    cause: dict[str, Any] = rows[0]["cause"]
    assert cause["evidence"], "a cause without evidence is a guess"
    return cause


@pytest.fixture
def story() -> Story:
    """Two pods behind the service, quiet."""
    found = Story()
    found.serving_pod("web-a")
    found.serving_pod("web-b")
    return found


def test_pod_killed_while_requests_were_sent_to_it(story: Story) -> None:
    story.delete(20, "web-a", dropped_s=0.1, exit_s=0.2)
    story.fail(20.35, "refused", count=4, until_s=20.6)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("terminated_while_routed", "high", "web-a")
    assert cause["delta_ms"] == 350
    assert cause["change"]["target"] == "Deployment/web"
    container = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]
    assert container["name"] == "web"
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] >= 2
    texts = " ".join(one["text"] for one in cause["evidence"])
    assert "dropped it 0.10 s after" in texts


def test_with_a_pre_stop_hook_the_application_is_told_to_end_gracefully(story: Story) -> None:
    story.pod(5, "web-c", pre_stop="sleep 5 s")
    story.ready(6, "web-c")
    story.delete(20, "web-c", dropped_s=0.1, exit_s=5.2)
    story.fail(25.3, "reset")
    cause = only(story)
    assert (cause["id"], cause["subject"]) == ("terminated_while_routed", "web-c")
    assert "finish what it has on SIGTERM" in cause["change"]["text"]
    assert cause["change"]["patch"] == {}


def test_a_hook_that_is_too_short_is_said_to_be(story: Story) -> None:
    story.pod(5, "web-c", pre_stop="sleep 1 s")
    story.ready(6, "web-c")
    story.delete(20, "web-c", dropped_s=0.1, exit_s=1.1)
    story.fail(21.2, "refused")
    assert "too short" in only(story)["change"]["text"]


def test_endpoint_added_before_the_application_listened(story: Story) -> None:
    story.pod(20, "web-c", readiness=None)
    story.ready(21, "web-c")
    story.fail(21.2, "refused", count=5, until_s=22.1)
    story.answered("web-c", 22.5, 60)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("added_before_listening", "high", "web-c")
    container = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]
    assert container["readinessProbe"]["tcpSocket"]["port"] == 5000


def test_with_a_readiness_probe_it_is_not_the_missing_readiness(story: Story) -> None:
    story.pod(20, "web-c")
    story.ready(21, "web-c")
    story.fail(21.2)
    assert only(story)["id"] == "unknown"


def test_a_pod_that_has_answered_already_did_listen(story: Story) -> None:
    story.pod(20, "web-c", readiness=None)
    story.ready(21, "web-c")
    story.answered("web-c", 21.2, 60)
    story.fail(40)
    assert only(story)["id"] == "unknown"


def test_no_ready_endpoint(story: Story) -> None:
    story.unready(30, "web-a")
    story.unready(31, "web-b")
    story.ready(35, "web-a")
    story.fail(31.2, count=70, until_s=35.2)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("no_ready_endpoint", "high", "web")
    assert "no ready endpoint for 4.00 s" in cause["evidence"][0]["text"]
    assert cause["change"]["patch"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_readiness_probe_failed(story: Story) -> None:
    story.event(30, "web-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    story.unready(30, "web-a")
    story.unready(31, "web-b")
    story.fail(31.2, count=70, until_s=35.2)
    rows = explain(story.probe(), story.cluster)["failures"]
    assert [rows[0]["cause"]["id"], *(one["id"] for one in rows[0]["also"])] == [
        "no_ready_endpoint",
        "readiness_failed",
    ]


def test_one_unready_pod_of_two_is_no_missing_endpoint(story: Story) -> None:
    story.unready(30, "web-a")
    story.fail(31)
    assert only(story)["id"] == "unknown"


def test_terminating_but_serving_pods_are_endpoints_still(story: Story) -> None:
    story.endpoint(30, "web-a", ready=False, terminating=True)
    story.endpoint(30, "web-b", ready=False, terminating=True)
    story.fail(35)
    assert only(story)["id"] == "unknown"


def test_replicas_zero(story: Story) -> None:
    story.workload(30, "Deployment", "web", replicas=0)
    story.delete(30.1, "web-a")
    story.delete(30.1, "web-b")
    story.fail(30.3, count=500, until_s=60)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("replicas_zero", "high", "Deployment/web")
    assert cause["change"]["patch"] == {"spec": {"replicas": 2}}


def test_another_deployment_at_zero_is_not_the_cause(story: Story) -> None:
    story.workload(29, "Deployment", "other", replicas=0)
    story.unready(30, "web-a")
    story.unready(30, "web-b")
    story.fail(31)
    assert only(story)["id"] == "no_ready_endpoint"


def test_oom_killed(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": None, "memory_bytes": 64 * 2**20})
    story.ready(6, "web-c")
    story.used(25, "web-c", 10, 60 * 2**20)
    story.exit(30.2, "web-c", "OOMKilled", 137)
    story.fail(30.4, "reset", count=3, until_s=30.5)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("oom_killed", "high", "web-c")
    assert "64 Mi" in cause["evidence"][0]["text"]
    assert "60 Mi in use" in cause["evidence"][1]["text"]
    limits = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"memory": "128Mi"}


def test_new_pods_that_are_oom_killed_before_they_are_ready(story: Story) -> None:
    """A rollout to too small a limit: the outage begins with the end of the old pods, seconds before the first kill."""
    for name in ("web-a", "web-b"):
        story.delete(20, name, dropped_s=0.1, exit_s=0.3)
    story.pod(20.5, "web-c")
    story.container(25, "web-c", state="terminated", reason="OOMKilled", exit_code=137, finished_at=rfc3339(24.8))
    story.endpoint(25, "web-c", ready=False)
    story.fail(20.4, "refused", count=100, until_s=60)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("oom_killed", "high", "web-c")


def test_an_oom_kill_long_before_is_not_the_cause(story: Story) -> None:
    story.exit(30, "web-a", "OOMKilled", 137, up_s=2)
    story.fail(60)
    assert only(story)["id"] == "unknown"


def test_restart_by_the_liveness_probe(story: Story) -> None:
    story.pod(5, "web-c", liveness="GET :5000/wrong every 15 s")
    story.ready(6, "web-c")
    story.event(38, "web-c", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404")
    story.event(38, "web-c", "Killing", "Container web failed liveness probe, will be restarted")
    story.exit(38.5, "web-c", "Error", 143)
    story.fail(38.7, "refused", count=9, until_s=39.5)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("liveness_restart", "high", "web-c")
    assert "404" in cause["change"]["text"]
    assert "GET :5000/wrong" in cause["change"]["text"]
    assert "404" in cause["evidence"][0]["text"]


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("Liveness probe failed: Get: context deadline exceeded", "longer timeoutSeconds"),
        ("Liveness probe failed: dial tcp: connect: connection refused", "startupProbe"),
        ("Liveness probe failed: HTTP probe failed with statuscode: 500", "that the process hangs"),
        ("Liveness probe failed: command said no", "correct the liveness probe"),
    ],
)
def test_the_advice_follows_what_the_probe_said(story: Story, message: str, advice: str) -> None:
    story.event(38, "web-a", "Unhealthy", message)
    story.event(38, "web-a", "Killing", "Container web failed liveness probe, will be restarted")
    story.exit(38.5, "web-a", "Error", 137)
    story.fail(38.7)
    assert advice in only(story)["change"]["text"]


def test_container_ended_by_itself(story: Story) -> None:
    story.exit(40, "web-a", "Error", 1)
    story.fail(40.3, "reset")
    cause = only(story)
    assert (cause["id"], cause["subject"]) == ("container_crashed", "web-a")
    assert "exit code 1" in cause["evidence"][0]["text"]


def test_a_container_that_is_down_among_others_is_named_with_less_confidence(story: Story) -> None:
    story.exit(40, "web-a", "Error", 1, up_s=20)
    story.fail(50, "refused")
    assert causes(story) == [("container_crashed", "medium", "web-a")]


def test_image_cannot_be_pulled(story: Story) -> None:
    story.delete(29, "web-a")
    story.delete(29, "web-b")
    story.pod(30, "web-c", image="web:nope")
    story.container(31, "web-c", state="waiting", reason="ErrImagePull", message="not found")
    story.fail(33.9, count=99, until_s=50)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("image_not_pulled", "high", "web-c")
    assert "web:nope" in cause["change"]["text"]


def test_an_image_that_cannot_be_pulled_harms_nobody_while_others_serve(story: Story) -> None:
    story.pod(30, "web-c", image="web:nope")
    story.container(31, "web-c", state="waiting", reason="ErrImagePull", message="not found")
    story.fail(33)
    assert only(story)["id"] == "unknown"


def test_no_node_for_the_pod(story: Story) -> None:
    story.delete(29, "web-a")
    story.delete(29, "web-b")
    story.pod(30, "web-c")
    story.update(30.1, "web-c", unscheduled="0/1 nodes are available: 1 Insufficient cpu.")
    story.fail(33.9, count=99, until_s=50)
    cause = only(story)
    assert (cause["id"], cause["subject"]) == ("unschedulable", "web-c")


def test_node_not_ready(story: Story) -> None:
    story.node(0, "n2", via="list")
    story.serving_pod("web-c", node="n2")
    story.node(75, "n2", ready="Unknown")
    story.fail(30, "timeout_connecting", count=40, until_s=80)
    story.fail(90, "timeout_connecting", count=4, until_s=91)
    assert causes(story) == [("node_not_ready", "high", "n2")] * 2
    cause = explain(story.probe(), story.cluster)["failures"][0]["cause"]
    assert "noticed 45.00 s after the first failure; on it: web-c" in cause["evidence"][0]["text"]


def test_a_node_without_pods_of_the_service_is_not_the_cause(story: Story) -> None:
    story.node(0, "n2", via="list")
    story.node(75, "n2", ready="False")
    story.fail(76, "timeout_connecting")
    assert only(story)["id"] == "unknown"


@pytest.mark.parametrize("reason", ["Evicted", "EvictionByEvictionAPI"])
def test_evicted(story: Story, reason: str) -> None:
    story.update(40, "web-a", reason=reason, message="The node was low on resource: memory.")
    story.delete(40, "web-a")
    story.fail(40.2, "reset")
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("evicted", "high", "web-a")


def test_cpu_throttled(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.ready(6, "web-c")
    story.throttled(30, "web-c/web", 100, 10)
    story.throttled(40, "web-c/web", 200, 105)
    story.fail(35, "timeout_headers", count=20, until_s=39)
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("cpu_throttled", "high", "web-c")
    assert "throttled in 95% of 100 CPU periods" in cause["evidence"][0]["text"]
    limits = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "40m"}


def test_a_stall_of_a_throttled_container(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.throttled(30, "web-c/web", 100, 10)
    story.throttled(40, "web-c/web", 200, 40)
    story.fail(35, "ok", count=0, until_s=39, kind="stall", requests_slow=20)
    assert causes(story) == [("cpu_throttled", "medium", "web-c")]


def test_without_counters_the_average_use_says_it_with_less_confidence(story: Story) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.used(36, "web-c", 9.9)
    story.fail(35, "timeout_headers", count=20, until_s=39)
    assert causes(story) == [("cpu_throttled", "medium", "web-c")]


@pytest.mark.parametrize(("held", "outcome"), [(20, "timeout_headers"), (95, "refused")])
def test_little_throttling_or_a_refusal_is_not_blamed_on_the_limit(story: Story, held: int, outcome: str) -> None:
    story.pod(5, "web-c", limits={"cpu_m": 10, "memory_bytes": None})
    story.throttled(30, "web-c/web", 100, 0)
    story.throttled(40, "web-c/web", 200, held)
    story.fail(35, outcome)
    assert only(story)["id"] == "unknown"


@pytest.mark.parametrize(("load_1m", "pressure"), [(1.0, 95.0), (6.0, None)])
def test_slow_answers_on_an_overloaded_machine(story: Story, load_1m: float, pressure: Any) -> None:
    story.load(36, load_1m, pressure)
    story.fail(35, "timeout_headers", count=20, until_s=39)
    assert causes(story) == [("host_overloaded", "medium", "machine")]


@pytest.mark.parametrize(("load_1m", "outcome"), [(1.0, "timeout_headers"), (6.0, "refused")])
def test_a_refusal_or_a_calm_machine_is_not_overload(story: Story, load_1m: float, outcome: str) -> None:
    story.load(36, load_1m)
    story.fail(35, outcome)
    assert only(story)["id"] == "unknown"


def test_a_kill_by_the_liveness_probe_counts_before_its_end_is_reported(story: Story) -> None:
    story.event(38, "web-a", "Killing", "Container web failed liveness probe, will be restarted")
    story.fail(38.7)
    assert causes(story) == [("liveness_restart", "high", "web-a")]


def test_a_hook_between_the_kubelets_decision_and_the_end_does_not_hide_the_probe(story: Story) -> None:
    story.event(38, "web-a", "Killing", "Container web failed liveness probe, will be restarted")
    story.exit(43, "web-a", "Completed", 0)
    story.fail(43.4, "refused", count=9)
    assert causes(story) == [("liveness_restart", "high", "web-a")]


def test_a_scale_to_zero_is_named_though_the_first_request_fell_into_the_race(story: Story) -> None:
    story.workload(30, "Deployment", "web", replicas=0)
    story.delete(30.1, "web-a", dropped_s=0.6)
    story.delete(30.1, "web-b", dropped_s=0.6)
    story.fail(30.15, count=500, until_s=60)
    assert causes(story) == [("replicas_zero", "high", "Deployment/web")]


def test_a_long_outage_is_not_the_race_of_a_pod(story: Story) -> None:
    story.delete(30, "web-a")
    story.fail(30.2, count=500, until_s=60)
    assert causes(story) == [("terminated_while_routed", "medium", "web-a")]


def test_while_its_hook_sleeps_a_pod_serves_as_ever(story: Story) -> None:
    story.pod(5, "web-c", pre_stop="sleep 5 s")
    story.ready(6, "web-c")
    story.delete(20, "web-c", dropped_s=0.1, exit_s=5.2)
    story.fail(22, "timeout_headers")
    assert only(story)["id"] == "unknown"


@pytest.mark.parametrize(("outcome", "kind"), [("timeout_headers", "outage"), ("ok", "stall")])
def test_a_late_answer_was_accepted_by_somebody(story: Story, outcome: str, kind: str) -> None:
    story.delete(20, "web-a", exit_s=5)
    story.unready(20, "web-b")
    story.fail(20.5, outcome, kind=kind)
    assert only(story)["id"] == "unknown"


def test_a_deletion_that_was_heard_late_counts_from_the_apis_own_time(story: Story) -> None:
    story.delete(20.9, "web-a")
    story.fail(20.3, "reset")
    assert causes(story) == [("terminated_while_routed", "medium", "web-a")]


def test_a_reused_port_still_leads_to_the_dead_pod(story: Story) -> None:
    story.delete(20, "web-a", dropped_s=0.3, exit_s=0.2)
    story.fail(75, "unreachable")
    cause = only(story)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("stale_connection", "medium", "web-a")
    assert "had ended 5" in cause["evidence"][0]["text"]
    container = cause["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]
    assert 3 <= container["lifecycle"]["preStop"]["sleep"]["seconds"] <= 5


@pytest.mark.parametrize(
    ("outcome", "exit_s", "until_s"), [("refused", 0.2, 75), ("unreachable", 6.0, 75), ("unreachable", 0.2, 78)]
)
def test_a_refusal_a_pod_that_outlived_its_routes_or_a_long_outage_is_no_stale_connection(
    story: Story, outcome: str, exit_s: float, until_s: float
) -> None:
    story.delete(20, "web-a", dropped_s=0.3, exit_s=exit_s)
    story.fail(75, outcome, count=2, until_s=until_s)
    assert [cause for cause, _confidence, _subject in causes(story)] == ["unknown"]


def test_the_service_was_switched(story: Story) -> None:
    story.service(40, app="web", tag="green")
    story.fail(40.5, "reset")
    cause = only(story)
    assert (cause["id"], cause["confidence"]) == ("selector_changed", "medium")


@pytest.mark.parametrize("outcome", ["ports_exhausted", "descriptors_exhausted", "not_sent"])
def test_the_probes_own_fault(story: Story, outcome: str) -> None:
    story.delete(20, "web-a")
    story.unsent(20.1, outcome, 7)
    assert causes(story) == [("probe_fault", "high", "probe")]


def test_a_failed_control_target_is_the_probes_fault(story: Story) -> None:
    story.delete(20, "web-a")
    story.fail(20.2, "refused", control_failed=True)
    story.fail(40, "dns")
    assert causes(story) == [("probe_fault", "high", "probe")] * 2


def test_an_answer_of_the_application_is_not_blamed_on_the_cluster(story: Story) -> None:
    story.delete(20, "web-a")
    story.fail(20.2, "wrong_status")
    assert causes(story) == [("application_error", "medium", "application")]


def test_an_error_answered_while_a_service_behind_lost_its_pod_names_that_pod(story: Story) -> None:
    behind = {"service": "redis", "ports": [6379]}
    member = {"pod": "redis-0", "uid": "redis-0", "ready": True, "serving": True, "terminating": False}
    story.change(0, "EndpointSlice", "redis-x", {**behind, "endpoints": [member]}, via="list")
    story.change(30, "EndpointSlice", "redis-x", {**behind, "endpoints": []})
    story.change(35, "EndpointSlice", "redis-x", {**behind, "endpoints": [member]})
    story.fail(31, "wrong_status", count=50, until_s=35)
    story.fail(50, "wrong_status")
    assert causes(story) == [("no_ready_endpoint", "medium", "redis"), ("application_error", "medium", "application")]
    row = explain(story.probe(), story.cluster)["failures"][0]
    assert "befell Service redis, not web itself" in row["cause"]["evidence"][-1]["text"]
    assert row["executed"] == {"no": 0, "yes": 50, "unknown": 0}


def test_a_service_that_never_had_an_endpoint_explains_nothing(story: Story) -> None:
    story.change(0, "EndpointSlice", "idle-x", {"service": "idle", "ports": [1], "endpoints": []}, via="list")
    story.fail(31)
    assert only(story)["id"] == "unknown"


def test_what_no_rule_explains_is_unknown_and_says_what_was_near(story: Story) -> None:
    story.delete(20, "web-a")
    story.fail(27)
    story.fail(80)
    rows = explain(story.probe(), story.cluster)["failures"]
    assert [row["cause"]["id"] for row in rows] == ["unknown", "unknown"]
    assert "the nearest: Pod web-a deleted" in rows[0]["cause"]["evidence"][0]["text"]
    assert "0 changes were recorded" in rows[1]["cause"]["evidence"][0]["text"]


def test_a_failure_before_its_cause_is_unknown(story: Story) -> None:
    story.fail(19)
    story.delete(20, "web-a")
    assert only(story)["id"] == "unknown"


def test_outside_the_record_nothing_is_claimed(story: Story) -> None:
    story.unready(100, "web-a")
    story.unready(100, "web-b")
    story.fail(130)
    cause = only(story)
    assert cause["id"] == "unknown"
    assert "does not cover this time" in cause["evidence"][0]["text"]


def test_a_gap_of_the_watch_lowers_the_confidence_and_is_said(story: Story) -> None:
    story.delete(20, "web-a")
    story.gap(19, 21)
    story.fail(20.3)
    cause = only(story)
    assert (cause["id"], cause["confidence"]) == ("terminated_while_routed", "medium")
    assert "the watch of Pod was down" in cause["evidence"][-1]["text"]


def test_of_two_dying_pods_the_nearer_is_named(story: Story) -> None:
    story.delete(20, "web-a")
    story.delete(22, "web-b")
    story.fail(20.2)
    story.fail(22.2)
    assert [subject for _unused, _unused, subject in causes(story)] == ["web-a", "web-b"]


def test_every_rule_has_a_test_here_and_a_paragraph_in_the_docs() -> None:
    text = Path(__file__).read_text()
    docs = (Path(__file__).parents[7] / "docs" / "causes.md").read_text()
    for name in TITLES:
        assert f'"{name}"' in text
        assert f"`{name}`" in docs
    assert set(RULES) | {"unknown"} == set(TITLES)
