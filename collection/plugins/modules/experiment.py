#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs one experiment: one plan, by one process beside the cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: experiment
short_description: Run one experiment on a service in Kubernetes, every request and every step on one clock
version_added: 0.1.0
description:
  - Deploys what the plan says, waits until the service is steady, records the cluster, asks the service, does the
    plan's
    steps meanwhile, each stamped as it is sent to the API, ends the load after the last step, and puts everything back.
  - One process does all of it, on the host of the task, which has to reach the cluster. It is not touched by what
    happens
    to the task; when the playbook that owns it ends, it ends early, with whole records, and puts back what it changed.
  - What has to be undone is written to the plan's journal before it is done; M(availability.lab.experiment_restore)
    undoes what a killed process left.
  - While it runs, the task shows a line a second, with the step, rate, availability, p99, a current outage and
    versions.
  - In check mode the plan is checked and shown, nothing else.
options:
  plan:
    description:
      - The plan of one variant, as M(availability.lab.experiment_plan) makes it (docs/experiment.md lists its fields).
    type: dict
    required: true
  state:
    description:
      - V(started) runs the plan to its end, or to a step that the playbook has to do (C(do=tasks)).
      - V(continued) tells the experiment that the playbook has done its step, and goes on as V(started).
    type: str
    choices: [started, continued]
    default: started
  step_error:
    description: With V(continued), why the playbook's step failed. Empty when it did not.
    type: str
    default: ""
  owner_pid:
    description: Process of the same host to which the experiment belongs. When it ends, the experiment ends early.
    type: int
requirements:
  - kubernetes (Python client)
attributes:
  check_mode:
    description: Checks the plan and shows what would be done.
    support: full
  diff_mode:
    description: There is no text to compare.
    support: none
seealso:
  - module: availability.lab.experiment_plan
  - module: availability.lab.experiment_restore
  - module: availability.lab.availability_report
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Restart the shop while it is asked 20 times a second
  availability.lab.experiment:
    plan:
      scenario: shop
      variant: restart
      namespace: shop
      cluster: {kubeconfig: /home/me/.kube/config}
      service: web
      record: /tmp/shop/restart
      journal: /tmp/shop/undo
      probe: {rate: 20, timeout: 2s, path: /healthz}
      steps:
        - {do: restart, name: rollout restart, object: web}
  register: measured

- name: Report it
  availability.lab.availability_report:
    scenario: shop
    directory: /tmp/shop/report
    runs: ["{{ measured.run }}"]
"""

RETURN = r"""
run:
  description: >-
    The records, as O(availability.lab.availability_report#module:runs) takes them; empty when nothing was
    measured.
  returned: when the experiment has ended
  type: dict
  sample: {"variant": "restart", "probe": "/tmp/shop/restart.probe.json", "experiment":
  "/tmp/shop/restart.experiment.json"}
failures:
  description: >-
    What could not be done, one line each. The task itself does not fail for them, so that the rest is
    reported.
  returned: when the experiment has ended
  type: list
  elements: str
problems:
  description: What makes the measurement inconclusive, such as a step that did not happen.
  returned: when the experiment has ended
  type: list
  elements: str
phases_s:
  description: Seconds of each phase.
  returned: when the experiment has ended
  type: dict
  sample: {"deploy": 2.1, "steady": 1.2, "load": 24.6, "put back": 0.2}
tasks:
  description: The step that the playbook has to do, its number and its file; after it O(state=continued) goes on.
  returned: when a step is the playbook's
  type: dict
  sample: {"index": 0, "file": "backup.yml"}
shown:
  description: The plan in lines.
  returned: in check mode
  type: list
  elements: str
"""

import os
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.availability.lab.plugins.module_utils.probe.secret import values_of

try:
    from ansible_collections.availability.lab.plugins.module_utils.cluster.api import ClusterError
    from ansible_collections.availability.lab.plugins.module_utils.experiment.fields import PlanError
    from ansible_collections.availability.lab.plugins.module_utils.experiment.handover import follow, go_on
    from ansible_collections.availability.lab.plugins.module_utils.experiment.journal import Journal, JournalError
    from ansible_collections.availability.lab.plugins.module_utils.experiment.plan import Plan, parse
    from ansible_collections.availability.lab.plugins.module_utils.experiment.process import (
        ProcessError,
        await_probe,
        crash_of,
        start_detached,
    )
    from ansible_collections.availability.lab.plugins.module_utils.experiment.record import read_record, run_of
    from ansible_collections.availability.lab.plugins.module_utils.experiment.undo import restore
    from ansible_collections.availability.lab.plugins.module_utils.report.cause.advised import advised_patches
    from ansible_collections.availability.lab.plugins.module_utils.summary.words import write_text
except ImportError:
    MISSING_LIBRARY = traceback.format_exc()
else:
    MISSING_LIBRARY = ""


def ended(plan: Plan) -> dict[str, Any]:
    """What the records say. Raises OSError, ValueError."""
    record = read_record(plan.record)
    if record is None:
        return killed(plan)
    run = run_of(plan)
    report = plan.probe.get("report")
    if report and run and plan.engine == "http_probe":
        write_text(report, run["probe"], run.get("attempts"), f"{plan.record}.{report}.txt")
    return {
        "run": run,
        "failures": record["failures"],
        "problems": record["problems"],
        "phases_s": record["phases_s"],
    }


def killed(plan: Plan) -> dict[str, Any]:
    """What is left of an experiment whose process was killed: it is put right here, and what was measured is kept."""
    failures = [f"{plan.variant}: {crash_of(plan.record)}"]
    await_probe(plan.record)
    try:
        cluster = plan.cluster or {}
        _done, failed, _old = restore(Journal(plan.journal), cluster.get("kubeconfig"), cluster.get("context"))
        failures += [f"{plan.variant}: not put back: {reason}" for reason in failed]
    except (JournalError, ClusterError) as error:
        failures.append(f"{plan.variant}: not put back, see playbooks/restore.yml: {error}")
    return {"run": run_of(plan), "failures": failures, "problems": [], "phases_s": {}}


def main() -> None:
    """Arguments in, one run (or its next part), records out."""
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "dict", "required": True},
            "state": {"type": "str", "choices": ["started", "continued"], "default": "started"},
            "step_error": {"type": "str", "default": ""},
            "owner_pid": {"type": "int"},
        },
        supports_check_mode=True,
        no_log=True,  # not in the host's log: the probe's headers and addresses may hold secrets
    )
    probe = module.params["plan"].get("probe")
    module.no_log_values.update(values_of(probe) if isinstance(probe, dict) else ())
    if MISSING_LIBRARY:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=MISSING_LIBRARY)
    try:
        plan = parse(module.params["plan"])
        if module.check_mode:
            module.exit_json(changed=True, shown=plan.shown())
        if module.params["state"] == "started":
            os.makedirs(os.path.dirname(os.path.abspath(plan.record)), exist_ok=True)
            start_detached(plan, module.params["owner_pid"], advised_patches)
        else:
            go_on(plan.record, module.params["step_error"])
        waiting = follow(plan.record)
        if waiting is not None:
            module.exit_json(changed=True, tasks={"index": waiting.tasks, "file": waiting.file})
        module.exit_json(changed=True, **ended(plan))
    except PlanError as error:
        module.fail_json(msg=f"plan: {error}")
    except (ProcessError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
