#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A minikube cluster as a desired state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: minikube_cluster
short_description: Create, heal, stop or remove a minikube cluster
version_added: 0.1.0
description:
  - Brings a minikube cluster into the wanted state and changes nothing when it is there already.
  - A stopped node or a dead API server is started again. A cluster that was made from another specification
    (version, nodes, node image, network) and one that does not come up again are replaced by a new one.
author:
  - The Availability Lab founders (@availability-lab)
requirements:
  - minikube
  - the driver's engine, such as Docker
attributes:
  check_mode:
    description: Reads the cluster's status and says what would be done.
    support: full
  diff_mode:
    description: Returns the planned action instead.
    support: none
options:
  profile:
    description: Name of the cluster.
    type: str
    default: minikube
  state:
    description: The wanted state. V(absent) removes the cluster and leaves minikube's download cache.
    type: str
    choices: [started, stopped, absent]
    default: started
  nodes:
    description: Number of nodes, the control plane included.
    type: int
    default: 1
  kubernetes_version:
    description: Kubernetes version with its C(v). Needed for O(state=started).
    type: str
  driver:
    description: minikube's driver.
    type: str
    default: docker
  container_runtime:
    description: Container runtime in the nodes.
    type: str
    default: containerd
  base_image:
    description: Image of the nodes. Empty takes minikube's own.
    type: str
    default: ""
  fingerprint:
    description: Digest of O(base_image). Another digest makes a new cluster.
    type: str
    default: ""
  cni:
    description: Network plugin, as C(minikube start --cni) takes it. A path to a manifest is possible.
    type: str
    default: ""
  cpus:
    description: Cores of a node. 0 takes minikube's default.
    type: int
    default: 0
  memory_mb:
    description: Memory of a node in MiB. 0 takes minikube's default.
    type: int
    default: 0
  options:
    description: Further arguments of C(minikube start).
    type: list
    elements: str
    default: []
  binary:
    description: The minikube program.
    type: path
    default: minikube
  home:
    description: Folder for minikube's own state (C(MINIKUBE_HOME)).
    type: path
    required: true
  kubeconfig:
    description: File that minikube writes the access to the cluster into.
    type: path
    required: true
  timeout_s:
    description: A start that takes longer than this many seconds is stuck, and is ended.
    type: int
    default: 240
"""

EXAMPLES = r"""
- name: Have a cluster of two nodes
  availability.lab.minikube_cluster:
    profile: lab
    nodes: 2
    kubernetes_version: v1.33.1
    home: /var/lib/lab/minikube
    kubeconfig: /var/lib/lab/kubeconfig

- name: Remove it
  availability.lab.minikube_cluster:
    profile: lab
    state: absent
    home: /var/lib/lab/minikube
    kubeconfig: /var/lib/lab/kubeconfig
"""

RETURN = r"""
action:
  description: What was done, or would be in check mode.
  type: str
  returned: always
  sample: start
nodes:
  description: Names of the nodes as the engine knows them.
  type: list
  elements: str
  returned: when O(state=started)
  sample: [lab, lab-m02]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.cluster.minikube import (
    ClusterSpec,
    Minikube,
    MinikubeError,
)


def reach(minikube: Minikube, spec: ClusterSpec | None, state: str, check_mode: bool) -> str:
    """Bring the cluster into `state`; the action that was needed. Raises MinikubeError."""
    if state == "started" and spec is not None:
        action = minikube.plan(spec)
        if action != "nothing" and not check_mode:
            if action == "recreate":
                minikube.delete()
            minikube.start(spec)
        return action
    nodes = minikube.status()
    if state == "absent":
        action = "delete" if nodes or minikube.made_from() else "nothing"
        if action == "delete" and not check_mode:
            minikube.delete()
        return action
    action = "stop" if any(node.host == "Running" for node in nodes) else "nothing"
    if action == "stop" and not check_mode:
        minikube.stop()
    return action


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "profile": {"type": "str", "default": "minikube"},
            "state": {"type": "str", "choices": ["started", "stopped", "absent"], "default": "started"},
            "nodes": {"type": "int", "default": 1},
            "kubernetes_version": {"type": "str"},
            "driver": {"type": "str", "default": "docker"},
            "container_runtime": {"type": "str", "default": "containerd"},
            "base_image": {"type": "str", "default": ""},
            "fingerprint": {"type": "str", "default": ""},
            "cni": {"type": "str", "default": ""},
            "cpus": {"type": "int", "default": 0},
            "memory_mb": {"type": "int", "default": 0},
            "options": {"type": "list", "elements": "str", "default": []},
            "binary": {"type": "path", "default": "minikube"},
            "home": {"type": "path", "required": True},
            "kubeconfig": {"type": "path", "required": True},
            "timeout_s": {"type": "int", "default": 240},
        },
        required_if=[("state", "started", ("kubernetes_version",))],
        supports_check_mode=True,
    )
    asked = module.params
    if asked["nodes"] < 1:
        module.fail_json(msg=f"nodes: expected 1 or more, got {asked['nodes']}")
    minikube = Minikube(asked["binary"], asked["profile"], asked["home"], asked["kubeconfig"], asked["timeout_s"])
    spec = None
    if asked["state"] == "started":
        fields = ("nodes", "kubernetes_version", "driver", "container_runtime", "base_image", "fingerprint", "cni")
        spec = ClusterSpec(
            **{name: asked[name] for name in fields},
            cpus=asked["cpus"],
            memory_mb=asked["memory_mb"],
            options=tuple(asked["options"]),
        )
    try:
        action = reach(minikube, spec, asked["state"], module.check_mode)
        nodes = [node.name for node in minikube.status()] if spec else []
    except MinikubeError as error:
        module.fail_json(msg=str(error), log=minikube.log)
    module.exit_json(changed=action != "nothing", action=action, nodes=nodes)


if __name__ == "__main__":
    main()
