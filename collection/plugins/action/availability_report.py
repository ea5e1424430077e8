# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""availability_report runs on the controller, where the results folder and the charting libraries are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import (
    RecordError as ClusterRecordError,
)
from ansible_collections.availability.lab.plugins.module_utils.report.compare.cures import CureError
from ansible_collections.availability.lab.plugins.module_utils.report.expectation import ExpectationError
from ansible_collections.availability.lab.plugins.module_utils.report.figures.error_budget import (
    BudgetError,
    ServiceLevel,
)
from ansible_collections.availability.lab.plugins.module_utils.report.figures.phases import PhaseError
from ansible_collections.availability.lab.plugins.module_utils.report.figures.recovery import WindowError
from ansible_collections.availability.lab.plugins.module_utils.report.figures.settings_effects import SettingsError
from ansible_collections.availability.lab.plugins.module_utils.report.figures.writes import WritesError
from ansible_collections.availability.lab.plugins.module_utils.report.publish import FORMATS, publish
from ansible_collections.availability.lab.plugins.module_utils.report.read.marks import MarkError
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.plugins.module_utils.report.render.lost import lost_by_cause
from ansible_collections.availability.lab.plugins.module_utils.report.render.png import MatplotlibMissing

ARGUMENTS = {
    "scenario": {"type": "str", "required": True},
    "title": {"type": "str", "default": ""},
    "directory": {"type": "str", "required": True},
    "runs": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "variant": {"type": "str", "required": True},
            "phase": {"type": "str", "default": "during"},
            "probe": {"type": "str", "required": True},
            "cluster": {"type": "str"},
            "attempts": {"type": "str"},
            "service": {"type": "str"},
            "events": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": {"type": "str", "required": True}, "at": {"type": "raw", "required": True}},
            },
            "disturbed_from": {"type": "raw"},
            "disturbed_to": {"type": "raw"},
            "stable": {"type": "float", "default": 5},
            "stored": {"type": "str"},
            "settings": {"type": "dict", "default": {}},
            "served": {"type": "str"},
            "cure_of": {"type": "str"},
            "experiment": {"type": "str"},
        },
    },
    "slo": {"type": "float", "default": 99.9},
    "monthly_requests": {"type": "int"},
    "expectations": {"type": "list", "elements": "str", "default": []},
    "failures": {"type": "list", "elements": "str", "default": []},
    "formats": {"type": "list", "elements": "str", "choices": list(FORMATS), "default": list(FORMATS)},
}


class ActionModule(ActionBase):
    """Arguments in, one call into module_utils/report, result out."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(ARGUMENTS)
        if not arguments["runs"]:
            raise AnsibleActionFail("runs: expected at least one probe record")
        try:
            published = publish(
                scenario=arguments["scenario"],
                title=arguments["title"],
                directory=Path(self._loader.path_dwim(arguments["directory"])),
                sources=[{**run, **self._local_paths(run)} for run in arguments["runs"]],
                expectations=arguments["expectations"],
                formats=arguments["formats"],
                failures=arguments["failures"],
                level=ServiceLevel(arguments["slo"], arguments["monthly_requests"]),
                check_mode=self._task.check_mode,
            )
        except (RecordError, ClusterRecordError) as error:
            raise AnsibleActionFail(f"runs: {error}") from error
        except BudgetError as error:
            raise AnsibleActionFail(str(error)) from error
        except ExpectationError as error:
            raise AnsibleActionFail(f"expectations: {error}") from error
        except MarkError as error:
            raise AnsibleActionFail(f"runs: {error}") from error
        except (WindowError, PhaseError, WritesError, SettingsError, CureError) as error:
            raise AnsibleActionFail(f"runs: {error}") from error
        except MatplotlibMissing as error:
            raise AnsibleActionFail(f"formats: {error}") from error
        except OSError as error:
            raise AnsibleActionFail(f"directory: cannot be written: {error}") from error
        # Text of its own: as a value of the result it would be quoted and folded.
        self._display.display(f"\n{published.summary}\n")
        return {
            "changed": published.changed,
            "scenario": arguments["scenario"],
            "verdict": published.record["verdict"],
            "reasons": published.record["reasons"],
            "summary": published.summary,
            "files": published.files,
            "figures": {
                variant["name"]: {
                    "all": variant["figures"],
                    **{phase["name"]: phase["figures"] for phase in variant["phases"]},
                }
                for variant in published.record["variants"]
            },
            "expectations": published.record["expectations"],
            "lost_by_cause": lost_by_cause(published.record["variants"]),
            "urls": published.urls,
        }

    def _local_paths(self, run: dict[str, Any]) -> dict[str, str | None]:
        """Paths are relative to the playbook, as for copy and template."""
        names = ("probe", "cluster", "attempts", "stored", "served", "experiment")
        return {name: self._loader.path_dwim(run[name]) if run[name] else None for name in names}
