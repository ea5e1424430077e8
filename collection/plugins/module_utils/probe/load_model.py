# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The load that is asked for: requests at a rate (open), or users who wait for their answers (closed)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .arguments import OptionError, check_entries, seconds
from .schedule import Stage


def load_of(given: Mapping[str, Any]) -> tuple[str, list[Stage], float | None, int]:
    """The load model, from exactly one of rate, users and stages: (open or closed, stages, duration in s, users).

    Raises OptionError.
    """
    chosen = [name for name in ("rate", "users", "stages") if given[name] not in (None, [])]
    if len(chosen) != 1:
        said = " and ".join(chosen) or "none of them"
        raise OptionError(f"rate: expected exactly one of rate, users and stages, got {said}")
    duration = None if given["duration"] is None else seconds("duration", given["duration"])
    if chosen[0] == "stages":
        if duration is not None:
            raise OptionError("duration: the stages have durations of their own, expected only one of the two")
        return _in_stages(given["stages"])
    if duration is None and given["requests"] is None:
        raise OptionError("duration: expected duration or requests (or both), got neither")
    if chosen[0] == "rate":
        rate = float(given["rate"])
        length = duration if duration is not None else int(given["requests"]) / rate
        return "open", [Stage(length, rate, rate)], duration, 0
    users = int(given["users"])
    stages = [] if duration is None else [Stage(duration, users, users)]
    return "closed", stages, duration, users


def _in_stages(raw: Sequence[Mapping[str, Any]]) -> tuple[str, list[Stage], float | None, int]:
    """Stages go in a straight line from the value before (0 at first) to their own; a first one of no time sets it."""
    check_entries("stages", raw)
    kinds = {"rate" if stage.get("rate") is not None else "users" for stage in raw}
    if len(kinds) != 1 or any((s.get("rate") is None) == (s.get("users") is None) for s in raw):
        raise OptionError("stages: expected every stage to have a duration and a rate, or a duration and users")
    kind = kinds.pop()
    stages = []
    before = 0.0
    for stage in raw:
        length = seconds("stages.duration", stage["duration"], allow_zero=True)
        try:
            value = float(stage[kind])
        except (TypeError, ValueError) as error:
            raise OptionError(f"stages.{kind}: {stage[kind]!r} is no number, expected 0 or more") from error
        if not 0 <= value < math.inf:
            raise OptionError(f"stages.{kind}: {stage[kind]}, expected 0 or more")
        if length:
            stages.append(Stage(length, before, value))
        before = value
    if not stages or max(max(s.start, s.end) for s in stages) <= 0:
        raise OptionError(f"stages: expected some time with a {kind} above 0")
    total = sum(stage.duration_s for stage in stages)
    peak = int(max(max(s.start, s.end) for s in stages)) if kind == "users" else 0
    return ("open" if kind == "rate" else "closed"), stages, total, peak


def think_time_of(text: str) -> tuple[float, float]:
    """`1s` is fixed, `0-1s` or `200ms-1s` is uniform."""
    low, dash, high = str(text).partition("-")
    if not dash:
        fixed = seconds("think_time", low, allow_zero=True)
        return fixed, fixed
    unit = re.search(r"[a-z]+$", high.strip())
    if unit and re.fullmatch(r"[\d.]+", low.strip()):
        low = low.strip() + unit.group()  # 0-1s: the unit counts for both
    times = seconds("think_time", low, allow_zero=True), seconds("think_time", high)
    if times[0] > times[1]:
        raise OptionError(f"think_time: {text!r} goes down, expected the shorter time first")
    return times
