#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Apply what a cluster needs, and wait until it can be worked with."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_ready
short_description: Apply what a cluster needs, and wait until it can be worked with
version_added: 0.1.0
description:
  - Applies manifests and then waits until every node is ready, with the daemonsets of priority
    C(system-node-critical) that make it usable (pod network, proxy), and the named deployments are available. All in
    one process and with C(kubectl), which starts in a tenth of the time that the Python client takes.
  - Nothing is changed when the objects are as the manifests say.
author:
  - The Availability Lab founders (@availability-lab)
requirements:
  - kubectl
attributes:
  check_mode:
    description: Asks the cluster what the manifests would change, and does not wait.
    support: full
  diff_mode:
    description: What was changed is in RV(changes).
    support: none
options:
  manifests:
    description: Texts with one or more objects each.
    type: list
    elements: str
    default: []
  deployments:
    description: Deployments that have to be available.
    type: list
    elements: dict
    default: []
    suboptions:
      namespace:
        description: Its namespace.
        type: str
        required: true
      name:
        description: Its name.
        type: str
        required: true
  kubectl:
    description: The kubectl program.
    type: path
    default: kubectl
  kubeconfig:
    description: File that gives access to the cluster.
    type: path
    required: true
  timeout_s:
    description: Seconds that the cluster may take until it is ready.
    type: int
    default: 240
seealso:
  - module: availability.lab.minikube_cluster
"""

EXAMPLES = r"""
- name: Have the metrics server and wait for it
  availability.lab.cluster_ready:
    kubeconfig: /var/lib/lab/kubeconfig
    manifests:
      - "{{ lookup('ansible.builtin.template', 'metrics.yml.j2') }}"
    deployments:
      - {namespace: kube-system, name: metrics-server}
"""

RETURN = r"""
changes:
  description: Objects that were changed, or would be in check mode.
  type: list
  elements: str
  returned: always
  sample: ["deployment.apps/metrics-server configured"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.cluster.kubectl import Kubectl, KubectlError
from ansible_collections.availability.lab.plugins.module_utils.cluster.readiness import NotReadyError, wait_until_ready


def main() -> None:
    deployment = {"namespace": {"type": "str", "required": True}, "name": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "manifests": {"type": "list", "elements": "str", "default": []},
            "deployments": {"type": "list", "elements": "dict", "default": [], "options": deployment},
            "kubectl": {"type": "path", "default": "kubectl"},
            "kubeconfig": {"type": "path", "required": True},
            "timeout_s": {"type": "int", "default": 240},
        },
        supports_check_mode=True,
    )
    asked = module.params
    kubectl = Kubectl(asked["kubectl"], asked["kubeconfig"])
    wanted = [(entry["namespace"], entry["name"]) for entry in asked["deployments"]]
    try:
        changes = kubectl.apply("\n---\n".join(asked["manifests"]), module.check_mode) if asked["manifests"] else []
        if not module.check_mode:
            wait_until_ready(kubectl, wanted, asked["timeout_s"])
    except (KubectlError, NotReadyError) as error:
        module.fail_json(msg=f"cluster_ready: {error}")
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
