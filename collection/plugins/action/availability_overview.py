# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""availability_overview runs on the controller, where the results folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.plugins.module_utils.report.render.overview import make_overview

ARGUMENTS = {
    "directories": {"type": "list", "elements": "str", "required": True},
    "directory": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    """Arguments in, one call into module_utils/report, result out."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(ARGUMENTS)
        if not arguments["directories"]:
            raise AnsibleActionFail("directories: expected at least one folder of a scenario run")
        try:
            made = make_overview(
                [Path(self._loader.path_dwim(path)) for path in arguments["directories"]],
                Path(self._loader.path_dwim(arguments["directory"])),
                self._task.check_mode,
            )
        except RecordError as error:
            raise AnsibleActionFail(f"directories: {error}") from error
        except OSError as error:
            raise AnsibleActionFail(f"directory: cannot be written: {error}") from error
        # Text of its own: as a value of the result it would be quoted and folded.
        self._display.display(f"\n{made.summary}\n")
        return {
            "changed": made.changed,
            "verdict": made.record["verdict"],
            "rows": made.record["rows"],
            "summary": made.summary,
            "files": made.files,
        }
