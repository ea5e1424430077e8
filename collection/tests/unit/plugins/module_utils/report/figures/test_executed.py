# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Lost requests and lost answers: what the client knows, and what the server's count adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.executed import executed, read_served
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError


def figure(ok: int = 100, pods: tuple[str, ...] = ("a", "b"), **outcomes: int) -> dict[str, Any]:
    rows = [{"name": name, "count": count} for name, count in {"ok": ok, **outcomes}.items()]
    failed = sum(count for name, count in outcomes.items() if name != "not_sent")
    return {"ok": ok, "failed": failed, "outcomes": rows, "pods": [{"name": name} for name in pods]}


def bounds(found: dict[str, Any]) -> tuple[int, int, int, int]:
    lost, answers = found["lost_requests"], found["lost_answers"]
    return lost["at_least"], lost["at_most"], answers["at_least"], answers["at_most"]


MIXED = figure(refused=5, reset=4, closed_early=3, not_sent=9)


def test_what_the_client_knows() -> None:
    found = executed(MIXED, None)
    assert bounds(found) == (5, 9, 3, 7)
    assert (found["served"], found["note"]) == (None, "")


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        (103, (9, 9, 3, 3)),  # only the cut answers: no reset was carried out
        (105, (7, 9, 3, 5)),
        (107, (5, 9, 3, 7)),
        (500, (5, 9, 3, 7)),  # requests from before the run: the count bounds nothing
    ],
)
def test_the_servers_count_bounds_the_lost_answers(counted: int, expected: tuple[int, int, int, int]) -> None:
    found = executed(MIXED, {"a": counted - 40, "b": 40})
    assert bounds(found) == expected
    assert (found["served"], found["note"]) == (counted, "")


def test_counts_that_leave_out_a_pod_are_not_used() -> None:
    found = executed(MIXED, {"a": 103})
    assert bounds(found) == (5, 9, 3, 7)
    assert found["note"] == "the server's counts leave out b: not used"
    ended = executed(MIXED, {"a": 60, "b": 43}, ["c", "d", "e", "f"])
    assert ended["note"] == "the server's counts leave out c, d, e and 1 more: not used"


def test_counts_below_what_was_answered_are_not_used() -> None:
    found = executed(MIXED, {"a": 60, "b": 42})
    assert bounds(found) == (5, 9, 3, 7)
    assert found["note"].startswith("the server counted 102 requests, but 103 were answered: a container was restarted")


def test_nothing_failed() -> None:
    assert bounds(executed(figure(), {"a": 50, "b": 50})) == (0, 0, 0, 0)


def test_the_file_of_the_counts(tmp_path: Path) -> None:
    path = tmp_path / "served.json"
    path.write_text('{"a": 7, "b": 0}')
    assert read_served(path) == {"a": 7, "b": 0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1: the file is empty"),
        ('{"a": 7,\n', "2: not JSON"),
        ("[7]", "1: expected a JSON object {pod: requests served}"),
        ('{"a": 7,\n"b": "8"}', '2: "b" is not a number of requests'),
        ('{"a": -1}', '1: "a" is not a number of requests'),
        ('{"a": true}', '1: "a" is not a number of requests'),
    ],
)
def test_a_file_that_holds_none(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "served.json"
    path.write_text(text)
    with pytest.raises(RecordError) as caught:
        read_served(path)
    assert str(caught.value).startswith(f"{path}:{words}")
