# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A situation, its right answer, and what is named for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation

#: What a cause has to cost beside the costliest before it counts as named, as for the planted ones (bench/causes.py).
SHARE = 0.1


@dataclass(frozen=True)
class Situation:
    """right: the causes that may be named. most: those of which one has to be the costliest (default: any right one).
    innocent: subjects that no cause may name."""

    name: str
    story: str
    right: frozenset[str]
    most: frozenset[str]
    innocent: frozenset[str]
    build: Callable[[], Operation]


@dataclass(frozen=True)
class Judged:
    situation: Situation
    named: tuple[str, ...]  # "cause (confidence)", the costliest first
    verdict: str  # right, unknown or wrong


ALL: list[Situation] = []


def situation(story: str, right: str, most: str = "", innocent: str = "") -> Callable[[Callable[[], Operation]], None]:
    """right, most, innocent: words parted by blanks."""

    def keep(build: Callable[[], Operation]) -> None:
        name = build.__name__.replace("_", "-")
        allowed = frozenset(right.split())
        ALL.append(
            Situation(name, story, allowed, frozenset(most.split()) or allowed, frozenset(innocent.split()), build)
        )

    return keep


def judge(one: Situation) -> Judged:
    """Wrong: a cause that is not right, or one of an innocent. Unknown: nothing wrong was named, but not enough."""
    found: dict[str, Any] = one.build().explained()
    lines = [line for line in found["causes"] if line["requests_lost"] >= max(1, SHARE * found["failed_requests"])]
    ids = {line["id"] for line in lines}
    blamed = {row["cause"]["subject"] for row in found["failures"] if row["cause"]["id"] in ids}
    if blamed & one.innocent or not ids <= {*one.right, "unknown"}:
        verdict = "wrong"
    elif ids <= one.right and lines and lines[0]["id"] in one.most:
        verdict = "right"
    else:
        verdict = "unknown" if "unknown" in ids or not lines else "wrong"
    sure = [max(line["confidence"], key=line["confidence"].get) for line in lines]
    named = tuple(f"{line['id']} ({word})" for line, word in zip(lines, sure, strict=True))
    return Judged(one, named, verdict)
