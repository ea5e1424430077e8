# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run as steps: which step a task belongs to, how long each took, and what it changed.

A step is what a reader of the playbook knows by name: a role with all it includes, or a task of the play itself. A part
of a role that takes long is a step of its own; a part is a task in the role's main.yml with all that it includes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Place:
    """Where a task stands: in which role of the play ("": none), and in which part of it."""

    role: str
    part: str
    key: str


@dataclass
class Step:
    """What is told in one line."""

    name: str
    seconds: float = 0.0
    ran: int = 0
    failed: int = 0
    changed: Counter[str] = field(default_factory=Counter)

    def add(self, other: Step) -> None:
        """Take in a step that is too small for a line of its own."""
        self.seconds += other.seconds
        self.ran += other.ran
        self.failed += other.failed
        self.changed.update(other.changed)

    def worth_a_line(self, short_s: float) -> bool:
        """Whether something was done or time went by; what was skipped on every host is not told."""
        return bool(self.changed or self.failed) or (self.ran > 0 and self.seconds >= short_s)


class Steps:
    """Cuts the tasks, as they begin, into steps."""

    def __init__(self, long_s: float, short_s: float) -> None:
        self._long_s = long_s
        self._short_s = short_s
        self._place: Place | None = None
        self._began = 0.0
        self._rest = Step("")
        self._parts_told = 0
        self.current = Step("")

    def begin(self, place: Place, now: float) -> list[Step]:
        """A task begins: return the steps that have ended with this."""
        if self._place is not None and place.key == self._place.key:
            return []
        ended = self._end_part(now)
        if self._place is None or place.role != self._place.role:
            ended += self._end_role()
            self._rest = Step(place.role)
        self._place, self._began = place, now
        self.current = Step(f"{place.role}: {place.part}" if place.role else place.part)
        return ended

    def end(self, now: float) -> list[Step]:
        """The play ends."""
        ended = self._end_part(now) + self._end_role()
        self._place, self.current = None, Step("")
        return ended

    def _end_part(self, now: float) -> list[Step]:
        if self._place is None:
            return []
        done = self.current
        done.seconds = now - self._began
        if not self._place.role:
            return [done] if done.worth_a_line(self._short_s) else []
        if done.seconds >= self._long_s:
            self._parts_told += 1
            return [done]
        self._rest.add(done)
        return []

    def _end_role(self) -> list[Step]:
        rest, told = self._rest, self._parts_told
        self._rest, self._parts_told = Step(""), 0
        # A role that ran has a line, however short it was; what is left beside its long parts only where it counts.
        return [rest] if rest.name and rest.worth_a_line(self._short_s if told else 0) else []


def place_of(task: Any) -> Place:
    """The step that a task of ansible-core belongs to."""
    nodes = list(_ancestry(task))
    role = next((node._role for node in reversed(nodes) if node._role is not None), None)
    part = next((node for node in reversed(nodes) if hasattr(node, "action") and node._role is role), task)
    label = _item_label(part) if part is not task else ""
    name = str(part.name or part.action) + (f" ({label})" if label else "")
    return Place(str(role.get_name()).rpartition(".")[2] if role else "", name, f"{part._uuid} {label}")


def _ancestry(task: Any) -> Iterator[Any]:
    """The task, the block around it, the include that brought that, and so on."""
    node = task
    while node is not None:
        yield node
        node = node._parent


def _item_label(include: Any) -> str:
    """The item of a loop over an include; "" where there is none, or none that fits into a line."""
    label = include.vars.get("_ansible_item_label", "")
    return str(label) if isinstance(label, (str, int)) else ""


def time_text(seconds: float) -> str:
    """A time as short as a glance needs."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def line_of(step: Step) -> str:
    """A step as it is told: its name, its time, and what it changed by task."""
    told = [f"failed {step.failed}"] if step.failed else []
    if step.changed:
        tasks = "; ".join(f"{name} ({times} times)" if times > 1 else name for name, times in step.changed.items())
        # A task of the play itself has its name at the beginning of the line already.
        told.append(f"changed {step.changed.total()}" + ("" if list(step.changed) == [step.name] else f": {tasks}"))
    return f"  {step.name:<58} {time_text(step.seconds):>11}  {', '.join(told)}".rstrip()
