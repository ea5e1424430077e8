# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The whole answer: sums, the race, notes, and what was executed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import (
    START_NS,
    Story,
)


def last_words(sigterm_s: float, last_request_s: float, requests: int) -> str:
    """What a workload of the lab leaves; times from the story's start."""
    start_s = START_NS / 10**9
    return json.dumps(
        {"sigterm_at": start_s + sigterm_s, "last_request_at": start_s + last_request_s, "requests": requests}
    )


def rollout(hook: str | None = None) -> Story:
    """Three pods replaced one after the other; each loses requests in its race."""
    story = Story()
    for number in range(3):
        story.serving_pod(f"old-{number}", pre_stop=hook)
        story.serving_pod(f"new-{number}")
    for number in range(3):
        story.answered(f"old-{number}", 0, 20.4 + 10 * number)
        story.delete(20 + 10 * number, f"old-{number}", dropped_s=0.1 + 0.1 * number, exit_s=0.5)
        story.fail(20.2 + 10 * number, "refused", count=2, until_s=20.3 + 10 * number)
    return story


def test_sums_and_share() -> None:
    story = rollout()
    story.fail(80, "reset", count=1)
    found = explain(story.probe(), story.cluster)
    assert (found["service"], found["failed_requests"], found["unknown_requests"]) == ("web", 7, 1)
    assert found["explained_share"] == 6 / 7
    first, second = found["causes"]
    assert (first["id"], first["failures"], first["requests_lost"]) == ("terminated_while_routed", 3, 6)
    assert first["confidence"] == {"high": 6, "medium": 0, "low": 0}
    assert first["subjects"] == ["old-0", "old-1", "old-2"]
    assert first["change"]["target"] == "Deployment/web"
    assert (second["id"], second["requests_lost"]) == ("unknown", 1)
    json.dumps(found)


def test_nothing_failed_is_nothing_to_explain() -> None:
    story = Story()
    found = explain(story.probe(), story.cluster)
    assert (found["failures"], found["causes"], found["explained_share"]) == ([], [], None)
    assert found["race"]["smallest_safe_pre_stop_s"] is None


def test_the_race_from_the_timeline() -> None:
    race = explain(rollout().probe(), rollout().cluster)["race"]
    assert [row["endpoint_dropped_ms"] for row in race["pods"]] == [100, 200, 300]
    assert [row["last_request_ms"] for row in race["pods"]] == [300, 300, 300]
    assert all(row["sigterm_ms"] is None for row in race["pods"])
    assert [row["last_lost_ms"] for row in race["pods"]] == [300, 300, 300]
    assert race["slowest_ms"] == 300
    assert race["smallest_safe_pre_stop_s"] == 2
    assert "3 pods are too few" in race["basis"]
    assert not race["exact"]


def test_the_race_from_the_per_request_log() -> None:
    story = rollout("sleep 5 s")
    attempts: list[dict[str, Any]] = [
        {"sent_s": 20.05, "service_ms": 10.0, "identity": {"pod": "old-0", "draining": ""}},
        {"sent_s": 20.20, "service_ms": 10.0, "identity": {"pod": "old-0", "draining": "0.190"}},
        {"sent_s": 20.37, "service_ms": 30.0, "identity": {"pod": "old-0", "draining": "0.385"}},
        {"sent_s": None, "service_ms": 0.0, "identity": {}},
        {"sent_s": 28.00, "service_ms": 30.0, "identity": {"pod": "old-1"}},
    ]
    race = explain(story.probe(), story.cluster, attempts)["race"]
    assert race["exact"]
    assert race["pods"][0]["sigterm_ms"] == 15.0
    assert race["pods"][0]["last_request_ms"] == 370.0
    assert race["pods"][0]["pre_stop"] == "sleep 5 s"
    assert race["pods"][1]["last_request_ms"] == -2000.0
    assert race["slowest_ms"] == 370.0


def test_the_race_by_the_applications_last_words() -> None:
    story = Story()
    for name, words in (("web-1", last_words(20.02, 20.25, 400)), ("web-2", "bye")):
        story.serving_pod(name)
        story.answered(name, 0, 19.9)
        story.delete(20, name, words=words)
    told, silent = explain(story.probe(), story.cluster)["race"]["pods"]
    assert (told["sigterm_ms"], told["last_request_ms"], told["requests"]) == (20.0, 250.0, 400)
    assert (silent["sigterm_ms"], silent["last_request_ms"], silent["requests"]) == (None, -200.0, None)


def test_a_container_did_not_end_before_what_it_said_last() -> None:
    """Its end is known to a second, its words to the microsecond."""
    story = Story()
    for name, words in (("web-1", last_words(20.7, 20.6, 400)), ("web-2", "bye")):
        story.serving_pod(name)
        story.delete(20, name, exit_s=0.9, words=words)
    told, silent = explain(story.probe(), story.cluster)["race"]["pods"]
    assert (told["exit_ms"], silent["exit_ms"]) == (700.0, 500.0)


@pytest.mark.parametrize(("first", "sum_of_both"), [('{"requests": 30}', 42), ("", None)])
def test_the_counts_of_a_restarted_container_add_up(first: str, sum_of_both: int | None) -> None:
    story = Story()
    story.serving_pod("web-1")
    story.exit(30, "web-1", "Error", 1, words=first)
    story.delete(60, "web-1", words='{"requests": 12}')
    (row,) = explain(story.probe(), story.cluster)["race"]["pods"]
    assert row["requests"] == sum_of_both


def test_the_advised_hook_outlasts_the_last_lost_request_of_the_slowest_pod() -> None:
    story = rollout()
    story.fail(42.3, "timeout_connecting")
    found = explain(story.probe(), story.cluster)
    assert found["race"]["pods"][2]["last_lost_ms"] == 2300
    assert found["race"]["smallest_safe_pre_stop_s"] == 4
    for row in found["failures"]:
        container = row["cause"]["change"]["patch"]["spec"]["template"]["spec"]["containers"][0]
        assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == 4


def test_a_connection_cut_after_the_hook_is_no_late_arrival() -> None:
    story = Story()
    story.serving_pod("web-a", pre_stop="sleep 5 s")
    story.serving_pod("web-b")
    story.delete(20, "web-a", dropped_s=0.1, exit_s=5.2)
    story.fail(25.3, "reset")
    assert explain(story.probe(), story.cluster)["race"]["slowest_ms"] == 100


def test_an_answer_long_after_the_drop_came_over_a_kept_connection() -> None:
    story = Story()
    story.serving_pod("web-a")
    story.answered("web-a", 0, 28)
    story.delete(20, "web-a", dropped_s=0.1, exit_s=8)
    race = explain(story.probe(), story.cluster)["race"]
    assert race["pods"][0]["last_request_ms"] == 7900
    assert race["slowest_ms"] == 100


def test_lost_requests_are_told_from_lost_answers() -> None:
    story = Story()
    story.fail(5, "refused", count=3, outcomes={"refused": 1, "closed_early": 1, "reset": 1})
    row = explain(story.probe(), story.cluster)["failures"][0]
    assert row["executed"] == {"no": 1, "yes": 1, "unknown": 1}


def test_failures_that_the_list_cut_off_come_from_the_timeline() -> None:
    story = Story()
    story.fail(5)
    story.truncated = 1
    probe = story.probe()
    probe["timeline"]["rows"] = [
        {"i": 50, "outcomes": {"refused": 1}, "lanes": {"new": {"refused": 1}}},
        {"i": 70, "outcomes": {"ok": 3, "reset": 2}, "lanes": {"new": {"ok": 3, "reset": 2}}},
    ]
    rows = explain(probe, story.cluster)["failures"]
    assert [(row["first_bad_unix_ns"] - START_NS, row["requests_lost"]) for row in rows] == [
        (5_000_000_000, 1),
        (7_000_000_000, 2),
    ]


def test_another_service_is_left_out_and_behind_a_foreign_url_the_service_is_a_guess() -> None:
    story = Story()
    story.serving_pod("web-a")
    story.delete(20, "web-a")
    story.fail(20.2)
    probe = story.probe()
    assert explain(probe, story.cluster, service="other")["failures"][0]["cause"]["id"] == "unknown"
    probe["options"]["url"] = ["http://127.0.0.1:9/"]
    found = explain(probe, story.cluster)
    assert found["service"] == "web"  # the only one: a guess, hence less confident
    cause = found["failures"][0]["cause"]
    assert (cause["id"], cause["confidence"]) == ("terminated_while_routed", "medium")
    assert "name it (service)" in cause["evidence"][-1]["text"]
    for url in ("http://web.shop.svc/", "http://10.96.0.9/"):
        probe["options"]["url"] = [url]
        assert explain(probe, story.cluster)["service"] == "web"


def test_notes_say_what_limits_the_explanation() -> None:
    story = Story()
    story.gap(1, 3)
    story.cluster.end = None
    story.cluster.skipped["Node"] = "403"
    probe = {**story.probe(), "vantage": {"host": "elsewhere"}}
    notes = " | ".join(explain(probe, story.cluster)["notes"])
    for words in ("no end line", "the watch of Pod was down for 2.0 s", "Node was not recorded: 403", "their clocks"):
        assert words in notes
