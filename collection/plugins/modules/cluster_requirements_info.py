#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks what a cluster has to offer, before anything is changed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_requirements_info
short_description: Check that a cluster has what a scenario needs
version_added: 0.1.0
description:
  - Asks a cluster whether it has the nodes, the rights in namespaces and the metrics that a scenario needs, and fails
    with everything that is missing at once. Nothing is changed.
options:
  kubeconfig:
    description: The kubeconfig file.
    type: path
    required: true
  context:
    description: Its context, instead of the current one.
    type: str
  namespaces:
    description:
      - Namespaces in which workloads are applied and disturbed. The user needs the right to do so, and the right to
        create those that do not exist.
    type: list
    elements: str
    default: []
  nodes:
    description: How many nodes have to be ready.
    type: int
    default: 1
  fronts:
    description: >-
      Proxies that answer in front of services, each as namespace/service of its own Service, with a port at the nodes.
    type: list
    elements: str
    default: []
  metrics:
    description: Whether figures of pods have to be served, as a HorizontalPodAutoscaler needs.
    type: bool
    default: false
requirements:
  - kubernetes (Python client)
attributes:
  check_mode:
    description: It only asks.
    support: full
  diff_mode:
    description: It changes nothing.
    support: none
author:
  - the Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Check that two nodes are there, and that the namespace may be used
  availability.lab.cluster_requirements_info:
    kubeconfig: "{{ lab_kubeconfig }}"
    namespaces: [shop]
    nodes: 2
"""

RETURN = r"""
nodes:
  description: Every node, control planes first; empty where the user may not list nodes.
  returned: always
  type: list
  elements: dict
  sample: [{"name": "minikube", "address": "192.168.49.2", "ready": true, "control_plane": true}]
problems:
  description: What is missing, one line each.
  returned: failure
  type: list
  elements: str
"""

import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from ansible_collections.availability.lab.plugins.module_utils.cluster.api import ClusterError
    from ansible_collections.availability.lab.plugins.module_utils.cluster.requirements import ClusterLook, problems
    from kubernetes.client.exceptions import ApiException
except ImportError:
    MISSING_LIBRARY = traceback.format_exc()
else:
    MISSING_LIBRARY = ""


def main() -> None:
    """Arguments in, questions, answer out."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "context": {"type": "str"},
            "namespaces": {"type": "list", "elements": "str", "default": []},
            "nodes": {"type": "int", "default": 1},
            "metrics": {"type": "bool", "default": False},
            "fronts": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    if MISSING_LIBRARY:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=MISSING_LIBRARY)
    wanted = module.params
    try:
        look = ClusterLook(wanted["kubeconfig"], wanted["context"])
        missing, nodes = problems(look, wanted["namespaces"], wanted["nodes"], wanted["metrics"], wanted["fronts"])
    except ClusterError as error:
        module.fail_json(msg=str(error))
    except ApiException as error:
        module.fail_json(msg=f"the cluster refused a question: {error.status} {error.reason}")
    if missing:
        module.fail_json(msg="; ".join(missing), problems=missing, nodes=nodes)
    module.exit_json(nodes=nodes)


if __name__ == "__main__":
    main()
