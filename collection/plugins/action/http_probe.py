# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""http_probe runs on the target; this checks its options on the controller first, and shows a line a second."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import (
    ARGUMENTS,
    TASK_ARGUMENTS,
    OptionError,
)
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.progress import SUFFIX
from ansible_collections.availability.lab.plugins.plugin_utils.live import Live

#: Only the target can tell whether these files are there.
ON_TARGET = ("ca_file", "client_cert", "client_key", "result", "attempts")
display = Display()


class ActionModule(ActionBase):
    """Runs the module as it is; without async, shows how it goes."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec({**ARGUMENTS, **TASK_ARGUMENTS})
        try:
            parse({name: arguments[name] for name in ARGUMENTS if name not in ON_TARGET})
        except OptionError as error:
            raise AnsibleActionFail(str(error)) from error
        if self._task.async_val or self._task.check_mode:
            result.update(self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val))
            return result
        result.update(self._with_live_line(task_vars or {}))
        return result

    def _with_live_line(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run to the end; a progress file in the target's temporary folder where no result is asked for."""
        arguments = dict(self._task.args)
        asked = arguments.get("result")
        if asked:
            path = self._remote_expand_user(asked)
        else:
            path = self._connection._shell.join_path(self._make_tmp_path(), "probe.json")
        arguments["result"] = path
        host = task_vars.get("inventory_hostname", "")
        with Live(self._connection, path + SUFFIX, lambda line: display.display(f"{host}: {line}")):
            told: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars)
        if not asked:
            self._remove_tmp_path(self._connection._shell.tmpdir)
            told.pop("result", None)
            if told.get("changed"):
                told["changed"] = bool(arguments.get("attempts"))
        return told
