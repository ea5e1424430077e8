# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The condensed screen: one line a step instead of one a task."""

from __future__ import annotations

DOCUMENTATION = r"""
name: condensed
type: stdout
short_description: A line a step with its time, failures whole, and at the end what was found
version_added: 0.1.0
description:
  - A step is a role of the play with all that it includes, or a task of the play itself. Its line has the time that it
    took and the tasks that changed something. A part of a role that takes long has a line of its own.
  - Failures are shown whole, as text. Warnings, text that tasks print, messages of M(ansible.builtin.debug) and the
    recap stay as they are; retries and polls are not shown.
  - After a run that made a report (M(availability.lab.availability_report)) the verdict, the availability, the lost
    requests by cause, the service's address and the path of the report stand at the end.
  - In a terminal the last line tells which task runs now.
  - With C(-v) and more it does what P(ansible.builtin.default#callback) does.
options:
  long_step:
    description: A part of a role that takes at least so many seconds has a line of its own.
    type: float
    default: 10
    env:
      - name: AVAILABILITY_LAB_LONG_STEP
    ini:
      - {section: callback_condensed, key: long_step}
  short_step:
    description: A task of the play itself that takes less and changes nothing is not told.
    type: float
    default: 1
    env:
      - name: AVAILABILITY_LAB_SHORT_STEP
    ini:
      - {section: callback_condensed, key: short_step}
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in the configuration
author:
  - the Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
# In ansible.cfg:
#   [defaults]
#   stdout_callback = availability.lab.condensed
#
# Every part of a role that takes two seconds:
#   AVAILABILITY_LAB_LONG_STEP=2 ansible-playbook site.yml
"""

import functools
import shutil
import sys
import textwrap
import time
from typing import Any, Callable

from ansible import constants as C
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.availability.lab.plugins.plugin_utils.ending import Ending
from ansible_collections.availability.lab.plugins.plugin_utils.failure_text import (
    INDENT,
    details_of,
    is_rescued,
    message_of,
    wrapped,
)
from ansible_collections.availability.lab.plugins.plugin_utils.status_line import StatusLine
from ansible_collections.availability.lab.plugins.plugin_utils.steps import Step, Steps, line_of, place_of

WIDTH = 120
REPORT = "availability_report"
NO_TRACEBACK = "(traceback unavailable)"  # ansible-core's own words, where its display_traceback is off
COLORS = {"pass": C.COLOR_OK, "fail": C.COLOR_ERROR, "inconclusive": C.COLOR_WARN}
Method = Callable[..., None]


def unless_verbose(method: Method) -> Method:
    """With -v the default callback's method of the same name is called instead."""

    @functools.wraps(method)
    def chosen(self: CallbackModule, *arguments: Any, **options: Any) -> None:
        if self._display.verbosity:
            getattr(super(CallbackModule, self), method.__name__)(*arguments, **options)
        else:
            method(self, *arguments, **options)

    return chosen


class CallbackModule(Default):
    """Books results under steps, and tells each step when it has ended."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "availability.lab.condensed"

    def __init__(self) -> None:
        super().__init__()
        self._status = StatusLine(self._display, sys.stdout)
        self._ending = Ending()
        self._steps = Steps(0, 0)

    def set_options(self, *arguments: Any, **options: Any) -> None:
        super().set_options(*arguments, **options)
        self._steps = Steps(self.get_option("long_step"), self.get_option("short_step"))

    @unless_verbose
    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._tell(self._steps.end(time.monotonic()))
        self._play = play
        marked = " [CHECK MODE]" if play.check_mode and self.get_option("check_mode_markers") else ""
        self._display.display(f"{play.get_name().strip() or 'Play'}{marked}")

    @unless_verbose
    def _task_start(self, task: Any, prefix: str | None = None) -> None:
        # The default keeps these for the banner, which --diff still prints.
        self._task_type_cache[task._uuid] = prefix
        self._last_task_name = task.get_name().strip()
        self._tell(self._steps.begin(place_of(task), time.monotonic()))
        self._status.show(f"  … {task.get_name().strip()}")

    @unless_verbose
    def v2_runner_on_ok(self, result: Any) -> None:
        self._handle_warnings(result._result)
        step = self._steps.current
        step.ran += 1
        if result._result.get("changed"):
            step.changed[str(result._task.name or result._task.action)] += 1
        if not (result._task.loop and "results" in result._result):
            self._show_what_it_says(result)
        self._keep_report(result)

    @unless_verbose
    def v2_runner_on_skipped(self, result: Any) -> None:
        self._handle_warnings(result._result)

    @unless_verbose
    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._keep_report(result)
        if result._task.loop and "results" in result._result:
            self._handle_warnings(result._result)  # its items were told one by one
        else:
            self._show_failure(result, "FAILED")
        self._book_failure(result, ignore_errors)

    @unless_verbose
    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._show_failure(result, "UNREACHABLE")
        self._book_failure(result, result._task.ignore_unreachable)

    @unless_verbose
    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._handle_warnings(result._result)
        self._show_what_it_says(result)
        self._keep_report(result)
        self._status.show(f"  … {result._task.get_name().strip()} ({self._get_item_label(result._result)} done)")

    @unless_verbose
    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._show_failure(result, "FAILED", f" (item={self._get_item_label(result._result)})")

    @unless_verbose
    def v2_runner_item_on_skipped(self, result: Any) -> None:
        self._handle_warnings(result._result)

    @unless_verbose
    def v2_runner_retry(self, result: Any) -> None:
        left = result._result["retries"] - result._result["attempts"]
        self._status.show(f"  … {result._task.get_name().strip()} (not yet; {left} tries left)")

    @unless_verbose
    def v2_runner_on_async_poll(self, result: Any) -> None:
        self._status.show(f"  … {result._task.get_name().strip()} (still running)")

    @unless_verbose
    def v2_runner_on_async_ok(self, result: Any) -> None:
        """Its result is told as any other's."""

    @unless_verbose
    def v2_runner_on_async_failed(self, result: Any) -> None:
        """Its failure is told as any other's."""

    @unless_verbose
    def v2_playbook_on_no_hosts_remaining(self) -> None:
        self._tell(self._steps.end(time.monotonic()))
        self._display.display("No host is left to go on with.", color=C.COLOR_ERROR)

    @unless_verbose
    def v2_playbook_on_include(self, included_file: Any) -> None:
        """What is included belongs to the step that includes it."""

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._tell(self._steps.end(time.monotonic()))
        self._status.clear()
        super().v2_playbook_on_stats(stats)
        for verdict, text in self._ending.blocks():
            head, _newline, rest = text.partition("\n")
            self._display.display(head, color=COLORS[verdict])
            self._display.display(f"{rest}\n\n")

    def _tell(self, steps: list[Step]) -> None:
        for step in steps:
            color = C.COLOR_ERROR if step.failed else C.COLOR_CHANGED if step.changed else C.COLOR_OK
            self._display.display(line_of(step), color=color)

    def _keep_report(self, result: Any) -> None:
        if result._task.action.rpartition(".")[2] == REPORT and "lost_by_cause" in result._result:
            self._ending.add(dict(result._result))

    def _show_what_it_says(self, result: Any) -> None:
        """What ansible.builtin.debug was asked to show is for the reader, not for a log."""
        if not self._run_is_verbose(result):
            return
        self._clean_results(result._result, result._task.action)
        said = result._result.get("msg")
        text = said if isinstance(said, str) else textwrap.dedent(self._dump_results(result._result).strip("\n"))
        self._display.display(wrapped(text, self._width()))

    def _show_failure(self, result: Any, what: str, item: str = "") -> None:
        self._handle_warnings(result._result)
        stderr = self.get_option("display_failed_stderr")
        head = f"{what} {result._task.get_name().strip()} [{self.host_label(result)}]{item}"
        self._display.display(head, color=C.COLOR_ERROR, stderr=stderr)
        text = [wrapped(message_of(result._result), self._width())]
        if details := details_of(result._result):
            text.append(wrapped(textwrap.dedent(self._dump_results(details).strip("\n")), self._width()))
        traceback = str(result._result.get("exception") or "").strip()
        if traceback != NO_TRACEBACK:
            text.append(wrapped(traceback, self._width()))
        if path := result._task.get_path():
            text.append(f"{INDENT}in {path}")
        self._display.display("\n".join(part for part in text if part), stderr=stderr)

    def _book_failure(self, result: Any, ignored: bool) -> None:
        self._steps.current.ran += 1
        if ignored:
            self._display.display(f"{INDENT}...ignoring", color=C.COLOR_SKIP)
        elif is_rescued(result._task):
            self._display.display(f"{INDENT}...going on with its rescue", color=C.COLOR_SKIP)
        else:
            self._steps.current.failed += 1

    @staticmethod
    def _width() -> int:
        return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
