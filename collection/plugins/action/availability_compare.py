# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""availability_compare runs on the controller, where the results folder is."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.availability.lab.plugins.module_utils.report.compare.compared import (
    compare_files,
    compare_with_history,
)
from ansible_collections.availability.lab.plugins.module_utils.report.compare.observed import ComparisonError
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError

ARGUMENTS = {
    "baseline": {"type": "list", "elements": "str"},
    "history": {"type": "list", "elements": "dict"},
    "candidate": {"type": "list", "elements": "str", "required": True},
    "variants": {"type": "list", "elements": "str", "default": []},
    "fail_on_regression": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Arguments in, one call into module_utils/report, result out."""

    TRANSFERS_FILES = False
    _supports_check_mode = True  # it only reads
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(
            ARGUMENTS, mutually_exclusive=[["baseline", "history"]], required_one_of=[["baseline", "history"]]
        )
        sides = {}
        for name in ("baseline", "candidate"):
            if arguments[name] == []:
                raise AnsibleActionFail(f"{name}: expected at least one result.json")
            sides[name] = [self._loader.path_dwim(path) for path in arguments[name] or ()]
        try:
            if arguments["history"] is None:
                found = compare_files(sides["baseline"], sides["candidate"], arguments["variants"])
            else:
                found = compare_with_history(arguments["history"], sides["candidate"], arguments["variants"])
        except (RecordError, ComparisonError) as error:
            raise AnsibleActionFail(str(error)) from error
        # Text of its own: too little history must be seen, not found in a value. It is one line, a comparison a table.
        text = found["summary"].rstrip("\n")
        self._display.display(f"\n{text}\n\n" if "\n" in text else text)
        failed = arguments["fail_on_regression"] and found["verdict"] == "worse"
        return {"changed": False, "failed": failed, **found, **({"msg": found["summary"]} if failed else {})}
