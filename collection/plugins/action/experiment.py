# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""experiment runs on the host that reaches the cluster; this shows a line a second of what it does."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.availability.lab.plugins.module_utils.probe.progress import SUFFIX
from ansible_collections.availability.lab.plugins.plugin_utils.live import Live

STATUS_SUFFIX = ".status.json"
display = Display()


class ActionModule(ActionBase):
    """Runs the module as it is, and shows how it goes."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        plan = arguments.get("plan")
        if self._task.check_mode or not isinstance(plan, dict) or not plan.get("record"):
            result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
            for line in result.get("shown", []):
                display.display(line)
            return result
        if self._connection.transport == "local":
            # This play's own process: when the user ends it, the experiment ends too, and puts everything back.
            arguments.setdefault("owner_pid", os.getppid())
        name, record = plan.get("variant", ""), plan["record"]
        show = lambda line: display.display(f"{name}: {line}")  # noqa: E731 - a def would be no shorter
        with Live(self._connection, f"{record}.probe.json{SUFFIX}", show, f"{record}{STATUS_SUFFIX}"):
            result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        return result
