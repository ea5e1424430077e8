#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Undoes what interrupted experiments left."""

from __future__ import annotations

DOCUMENTATION = r"""
module: experiment_restore
short_description: Undo what interrupted experiments left
version_added: 0.1.0
description:
  - Undoes what stands in the journal, the newest first. A note goes when it is undone; one that cannot be stays, and
    fails the task with its file and the way on.
  - An experiment that is still putting things back by itself is waited for.
  - The notes of older versions that name a workload of the checkout are returned, for the role workload to undo.
options:
  journal:
    description: Folder of the notes.
    type: path
    required: true
  kubeconfig:
    description: Kubeconfig of the cluster. Needed for notes that change one.
    type: path
  context:
    description: Its context, instead of the current one.
    type: str
requirements:
  - kubernetes (Python client)
attributes:
  check_mode:
    description: Tells which notes there are, and undoes none.
    support: full
  diff_mode:
    description: There is no text to compare.
    support: none
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Put right what a killed run left
  availability.lab.experiment_restore:
    journal: ~/.local/state/availability-lab/undo
    kubeconfig: ~/.local/state/availability-lab/kubeconfig
"""

RETURN = r"""
undone:
  description: Names of the notes that were undone; in check mode those that there are.
  returned: always
  type: list
  elements: str
workloads:
  description: Notes of older versions, each with the file that has to go when it was undone.
  returned: always
  type: list
  elements: dict
"""

import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.availability.lab.plugins.module_utils.experiment.journal import Journal, JournalError


def main() -> None:
    """Arguments in, what is left undone."""
    module = AnsibleModule(
        argument_spec={
            "journal": {"type": "path", "required": True},
            "kubeconfig": {"type": "path"},
            "context": {"type": "str"},
        },
        supports_check_mode=True,
    )
    journal = Journal(module.params["journal"])
    names = [path.name for path in journal.entries()]
    if module.check_mode or not journal.in_use():
        module.exit_json(changed=bool(names), undone=names, workloads=[])
    # There is seldom something to undo, and the Kubernetes client takes a second to load.
    try:
        from ansible_collections.availability.lab.plugins.module_utils.cluster.api import ClusterError  # noqa: PLC0415
        from ansible_collections.availability.lab.plugins.module_utils.experiment.undo import restore  # noqa: PLC0415
    except ImportError:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=traceback.format_exc())
    try:
        done, failed, workloads = restore(journal, module.params["kubeconfig"], module.params["context"])
    except (JournalError, ClusterError, OSError) as error:
        module.fail_json(msg=str(error))
    if failed:
        module.fail_json(msg="; ".join(failed), undone=done, workloads=workloads)
    module.exit_json(changed=bool(done), undone=done, workloads=workloads)


if __name__ == "__main__":
    main()
