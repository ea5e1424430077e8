# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""experiment_plan runs on the controller, where the workloads' templates and the user's own task files are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.availability.lab.plugins.module_utils.experiment.fields import PlanError
from ansible_collections.availability.lab.plugins.plugin_utils.manifests import WorkloadError, Workloads
from ansible_collections.availability.lab.plugins.plugin_utils.plans import Planned, chosen, expected, plan_of

ARGUMENTS: dict[str, dict[str, Any]] = {
    "scenario": {"type": "str", "required": True},
    "profile": {"type": "str", "default": "quick"},
    "directory": {"type": "path", "required": True},
    "journal": {"type": "path", "required": True},
    "variants": {"type": "list", "elements": "dict", "required": True},
    "only": {"type": "list", "elements": "str", "default": []},
    "workload": {"type": "str", "default": ""},
    "workload_dir": {"type": "path"},
    "images": {"type": "dict"},
    "beside": {"type": "list", "elements": "dict", "default": []},
    "values_common": {"type": "dict", "default": {}},
    "disturbances": {"type": "list", "elements": "dict", "default": []},
    "service": {"type": "str", "default": ""},
    "front": {"type": "str", "default": ""},
    "address_from": {"type": "str", "default": "node"},
    "host": {"type": "str", "default": ""},
    "cluster": {"type": "bool", "default": True},
    "kubeconfig": {"type": "path"},
    "context": {"type": "str", "default": ""},
    "namespace": {"type": "str", "default": ""},
    "keep": {"type": "bool", "default": False},
    "probe": {"type": "dict", "default": {}},
    "probe_profiles": {"type": "dict", "default": {}},
    "attempts": {"type": "bool", "default": False},
    "steady_requests": {"type": "int", "default": 20},
    "steady_timeout_s": {"type": "float", "default": 60},
    "before_s": {"type": "float", "default": 5},
    "between_s": {"type": "float", "default": 5},
    "after_s": {"type": "float", "default": 5},
    "limit_s": {"type": "float", "default": 1800},
    "stable_s": {"type": "float", "default": 5},
    "expectations": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):
    """Data in, checked plans out; nothing is changed."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _result, data = self.validate_argument_spec(ARGUMENTS)
        variables = task_vars or {}
        workloads = Workloads(data["workload_dir"] or "", data["images"], self._templar, self._loader)
        try:
            variants = chosen(data["variants"], data["only"], data["scenario"])
            planned = [
                plan_of(data, one, lambda name, space, values: workloads.render(name, space, values, variables))
                for one in variants
            ]
            self._check_files(planned, variables)
            wanted = expected(data["expectations"], data["variants"], planned)
        except (PlanError, WorkloadError) as error:
            raise AnsibleActionFail(str(error)) from error
        return {
            "changed": False,
            "plans": [
                {"plan": one.plan, "report": one.report, "root": one.root, "tasks": one.tasks, "shown": one.shown}
                for one in planned
            ],
            "fronts": sorted({one.front_needed for one in planned} - {""}),
            "namespaces": sorted({one.plan["namespace"] for one in planned} - {""}),
            "expectations": wanted,
            "_ansible_no_log": any(one.secret for one in planned),  # hidden on screens, not in what is registered
        }

    def _check_files(self, planned: list[Planned], variables: dict[str, Any]) -> None:
        """The user's task files, relative to the playbook."""
        base = Path(str(variables.get("playbook_dir", ".")))
        for one in planned:
            for step in one.tasks:
                if not (base / step["file"]).is_file():
                    raise PlanError(
                        f"{one.plan['variant']}: steps[{step['index']}] (tasks).file: there is no file "
                        f"{base / step['file']}; expected one of Ansible tasks, relative to the playbook"
                    )
