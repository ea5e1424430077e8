# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An outage that begins in one way and goes on in another has more than one cause."""

from __future__ import annotations

from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import explain
from ansible_collections.availability.lab.plugins.module_utils.report.cause.failure import failures_of
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import NS, START_NS, Story


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


def flapping() -> dict[str, Any]:
    """Refused from 30 to 40 s, ten times a second."""
    story = Story()
    story.fail(30, "refused", count=101, until_s=40)
    probe = story.probe()
    probe["timeline"]["rows"] = [{"i": i, "outcomes": {"refused": 1}} for i in range(300, 401)]
    return probe


def test_an_outage_is_cut_where_the_service_lost_its_endpoints_anew() -> None:
    spans = [(20, 25), (30, 33), (35.05, 38), (39, None)]
    empty = [(START_NS + int(start * NS), end and START_NS + int(end * NS)) for start, end in spans]
    found = failures_of(flapping(), empty)
    assert [round((one.first_bad_ns - START_NS) / NS, 1) for one in found] == [30, 35, 39]
    assert [one.requests_lost for one in found] == [50, 40, 11]
    assert {one.outage_ns for one in found} == {START_NS + 30 * NS}


def test_one_time_without_endpoints_or_one_that_the_rows_do_not_tell_of_cuts_nothing() -> None:
    late = [(START_NS + 31 * NS, START_NS + 33 * NS), (START_NS + 35 * NS, None)]
    assert len(failures_of(flapping(), late[:1])) == 1
    probe = flapping()
    probe["timeline"]["rows"] = probe["timeline"]["rows"][5:]
    assert len(failures_of(probe, late)) == 1
