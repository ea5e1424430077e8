# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Failures of one kind that follow each other are one run."""

from __future__ import annotations

from ansible_collections.availability.lab.plugins.module_utils.report.cause.failure import failures_of
from ansible_collections.availability.lab.plugins.module_utils.report.cause.runs import Run, Runs
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import NS, START_NS, Story


def at(at_s: float) -> int:
    return START_NS + int(at_s * NS)


def test_a_silence_of_more_than_five_seconds_ends_a_run(story: Story) -> None:
    for at_s in (10, 12, 17, 23, 40):
        story.fail(at_s, "wrong_status", count=2, until_s=at_s)
    story.fail(19, "refused")
    failures = failures_of(story.probe())
    runs = Runs(failures)
    assert runs.of(["wrong_status"]) == [Run(at(10), at(17), 6), Run(at(23), at(23), 2), Run(at(40), at(40), 2)]
    assert [runs.with_(one).began_ns for one in failures] == [at(second) for second in (10, 10, 10, 19, 23, 40)]


def test_what_was_lost_within_a_span(story: Story) -> None:
    for at_s in (10, 12, 17):
        story.fail(at_s, "refused", count=3, until_s=at_s + 1)
    story.fail(11, "reset")
    runs = Runs(failures_of(story.probe()))
    assert runs.lost(["refused", "reset"], at(9), at(12)) == 7, "those that began after the first, until the second"
    assert runs.lost(["refused"], at(10), at(30)) == 6
    assert runs.lost(["dns"], at(0), at(30)) == 0
