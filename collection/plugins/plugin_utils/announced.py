# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Steps that may take minutes: looked at first, so that only what has to be made is announced, and timed as it ends."""

from __future__ import annotations

import time
from typing import Any, Callable

from ansible.plugins.action import ActionBase


def look(action: ActionBase, task_vars: dict[str, Any], arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the task's module would change, by its own check mode."""
    asked_for = action._task.check_mode
    action._task.check_mode = True
    try:
        predicted: dict[str, Any] = action._execute_module(module_args=arguments, task_vars=task_vars)
    finally:
        action._task.check_mode = asked_for
    return predicted


def timed(
    action: ActionBase,
    task_vars: dict[str, Any],
    show: Callable[[str], None],
    what: str,
    arguments: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Run the task's module for real, and show how long it took when it went well."""
    started = time.monotonic()
    done: dict[str, Any] = action._execute_module(module_args=arguments, task_vars=task_vars)
    if not done.get("failed"):
        show(f"{what}: made in {in_words(time.monotonic() - started)}")
    return done


def in_words(seconds: float) -> str:
    """A length of time for people.

    >>> in_words(12.4), in_words(290)
    ('12 s', '4 min 50 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class OneStep(ActionBase):
    """An action for a module that makes one thing. Subclasses say what it is and about how long it takes."""

    _supports_check_mode = True
    #: On two idle cores.
    expected_s = 60.0
    display: Any

    def what(self) -> str:
        """Name of the thing, from the task's arguments."""
        return str(self._task.args.get("name", ""))

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        host = (task_vars or {}).get("inventory_hostname", "")

        def show(text: str) -> None:
            self.display.display(f"{host}: {text}")

        found = look(self, task_vars or {})
        if self._task.check_mode or found.get("failed") or not found.get("changed"):
            return {**result, **found}
        show(f"{self.what()}: about {in_words(self.expected_s)} on two idle cores")
        return {**result, **timed(self, task_vars or {}, show, self.what())}
