# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Tasks cut into steps, by a clock of the test's own."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.plugin_utils.steps import Place, Steps, line_of, time_text


def place(role: str, part: str) -> Place:
    return Place(role, part, f"{role}/{part}")


def told(*tasks: tuple[str, str, float], changed: str = "") -> list[tuple[str, float]]:
    """(name, seconds) of the steps of these tasks (role, part, how long), with parts of 10 s and tasks of 1 s told."""
    steps, now, found = Steps(10, 1), 0.0, []
    for role, part, seconds in tasks:
        found += steps.begin(place(role, part), now)
        steps.current.ran += 1
        if part == changed:
            steps.current.changed[part] += 1
        now += seconds
    return [(step.name, round(step.seconds, 3)) for step in [*found, *steps.end(now)]]


def test_the_times_of_a_role_add_up() -> None:
    assert told(("a", "x", 2), ("a", "y", 15), ("a", "y", 5), ("a", "z", 3), ("b", "x", 0.1)) == [
        ("a: y", 20),
        ("a", 5),
        ("b", 0.1),
    ]


def test_a_role_whose_long_parts_were_told_is_told_again_only_for_a_reason() -> None:
    assert told(("a", "x", 0.1), ("a", "y", 20)) == [("a: y", 20)]
    assert told(("a", "x", 0.1), ("a", "y", 20), changed="x") == [("a: y", 20), ("a", 0.1)]


def test_tasks_of_the_play_are_told_when_they_take_time_or_change() -> None:
    assert told(("", "glance", 0.2), ("", "wait", 3), ("", "turn", 0.2), changed="turn") == [("wait", 3), ("turn", 0.2)]


def test_a_role_that_comes_again_is_a_step_again() -> None:
    assert told(("a", "x", 2), ("b", "x", 2), ("a", "x", 2)) == [("a", 2), ("b", 2), ("a", 2)]


def test_a_changed_task_is_named_with_its_count() -> None:
    steps = Steps(10, 1)
    steps.begin(place("a", "x"), 0)
    steps.current.changed.update(["turn", "turn", "write"])
    (step,) = steps.end(75)
    assert line_of(step).split("  ")[-1] == "changed 3: turn (2 times); write"
    assert " 75 s  changed" in line_of(step)


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (119, "119 s"), (653, "10 min 53 s")])
def test_a_time_is_short(seconds: float, text: str) -> None:
    assert time_text(seconds) == text
