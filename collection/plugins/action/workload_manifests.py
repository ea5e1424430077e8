# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""workload_manifests runs on the controller, where the workloads' templates are."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.availability.lab.plugins.plugin_utils.manifests import WorkloadError, Workloads, not_made

ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "namespace": {"type": "str", "required": True},
    "variables": {"type": "dict", "default": {}},
    "image": {"type": "str", "default": ""},
    "images": {"type": "dict", "default": {}},
    "image_needed": {"type": "bool", "default": True},
}


class ActionModule(ActionBase):
    """Templates in, manifests out; nothing is changed."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _result, told = self.validate_argument_spec(ARGUMENTS)
        images = told["images"] if told["image_needed"] else None
        workloads = Workloads(told["directory"], images, self._templar, self._loader)
        try:
            manifests = workloads.render(
                told["name"], told["namespace"], told["variables"], task_vars or {}, told["image"]
            )
        except WorkloadError as error:
            raise AnsibleActionFail(str(error)) from error
        return {"changed": False, "manifests": manifests, "images_not_made": not_made(manifests)}
