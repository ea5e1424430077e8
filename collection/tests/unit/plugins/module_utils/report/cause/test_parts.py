# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An outage that begins in one way and goes on in another has more than one cause."""

from __future__ import annotations

from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story


def test_three_resets_of_a_race_and_then_timeouts_of_something_else(story: Story) -> None:
    story.delete(20, "web-a", dropped_s=0.1, exit_s=0.4)
    mixed = {"reset": 3, "timeout_headers": 200}
    story.fail(20.2, "reset", count=203, until_s=60.1, outcomes=mixed)
    probe = story.probe()
    rows = [{"i": 202, "outcomes": {"ok": 1, "reset": 3}}]
    rows += [{"i": i, "outcomes": {"timeout_headers": 1}} for i in range(400, 600)]
    probe["timeline"]["rows"] = rows
    found = explain(probe, story.cluster)["failures"]
    assert [(row["cause"]["id"], row["requests_lost"], row["outcomes"]) for row in found] == [
        ("terminated_while_routed", 3, {"reset": 3}),
        ("unknown", 200, {"timeout_headers": 200}),
    ]
    assert len({row["outage_unix_ns"] for row in found}) == 1


def test_what_the_timeline_does_not_tell_apart_stays_whole(story: Story) -> None:
    story.fail(20.2, "reset", count=203, until_s=60.1, outcomes={"reset": 3, "timeout_headers": 200})
    assert len(explain(story.probe(), story.cluster)["failures"]) == 1
