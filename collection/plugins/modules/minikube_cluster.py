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
  - A stopped node or a dead API server is started again.
  - A cluster that was made from another specification (version, nodes, node image, network) and one that does not come
    up again are only replaced by a new one with O(recreate=true), for all that is in them goes with them. Without it
    the module fails and leaves them. One that has never come up, and one whose nodes are gone, are made anew.
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
    description: Number of nodes, the control plane included. Unset is what the cluster that is there has, else 1.
    type: int
  recreate:
    description: Whether a cluster that is other than wanted, or does not come up again, is replaced by a new one.
    type: bool
    default: false
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
  cni_manifest:
    description: Text of the network's manifest. It is written to the file O(cni) before a start.
    type: str
    default: ""
  binaries:
    description:
      - Binaries of Kubernetes (C(kubeadm), C(kubelet), C(kubectl)) by name, linked to where minikube looks before it
        downloads them.
    type: dict
    default: {}
  cpus:
    description: Cores of a node. 0 is what the cluster that is there was given, else minikube's default.
    type: int
    default: 0
  memory_mb:
    description: Memory of a node in MiB. 0 is what the cluster that is there was given, else minikube's default.
    type: int
    default: 0
  options:
    description: Further arguments of C(minikube start).
    type: list
    elements: str
    default: []
  bounded_options:
    description: More of them on a host whose processes cannot have CAP_SYS_RESOURCE.
    type: list
    elements: str
    default: []
  binary:
    description: The minikube program.
    type: path
    default: minikube
  home:
    description: Folder for minikube's own state (C(MINIKUBE_HOME)). It is made, and private.
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
made_from:
  description: The specification of the cluster that is there; empty when none is.
  type: dict
  returned: always
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.cluster.minikube import (
    ClusterSpec,
    Minikube,
    MinikubeError,
    NameTakenError,
    NeedsNewClusterError,
)
from ansible_collections.availability.lab.plugins.module_utils.cluster.minikube_home import (
    lay_binaries,
    lay_folder,
    lay_text,
    may_raise_limits,
)

GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def wanted_spec(module: AnsibleModule, minikube: Minikube) -> ClusterSpec:
    """The specification that the arguments come to on this host, with this cluster."""
    asked = module.params
    was = {
        name: int(str(value)) for name, value in minikube.made_from().items() if name in ("nodes", "cpus", "memory_mb")
    }
    bounded = not may_raise_limits(Path("/proc/self/status").read_text(encoding="ascii"))
    fields = ("kubernetes_version", "driver", "container_runtime", "base_image", "fingerprint", "cni")
    return ClusterSpec(
        **{name: asked[name] for name in fields},
        nodes=asked["nodes"] or was.get("nodes", 1),
        cpus=asked["cpus"] or was.get("cpus", 0),
        memory_mb=asked["memory_mb"] or was.get("memory_mb", 0),
        options=(*asked["options"], *(asked["bounded_options"] if bounded else ())),
    )


def lay_out(module: AnsibleModule) -> bool:
    """Have what minikube reads before it starts; whether something was (or would be) written."""
    asked, check = module.params, module.check_mode
    home = Path(asked["home"])
    laid = [lay_folder(home, check)]
    if asked["binaries"]:
        machine = os.uname().machine
        arch = GO_ARCHITECTURES.get(machine, machine)
        laid.append(lay_binaries(home, arch, asked["kubernetes_version"], asked["binaries"], check))
    if asked["cni_manifest"]:
        laid.append(lay_text(Path(asked["cni"]), asked["cni_manifest"], check))
    return any(laid)


def take_down(minikube: Minikube, state: str, check_mode: bool) -> str:
    """Bring the cluster into the state "absent" or "stopped"; the action that was needed. Raises MinikubeError."""
    nodes = minikube.status()
    if state == "absent":
        action = "delete" if nodes or minikube.made_from() else "nothing"
        if action == "delete" and not check_mode:
            minikube.delete()
        return action
    if not minikube.installed():
        raise MinikubeError(f"binary: there is no program {minikube.binary}, which stopping a cluster takes")
    action = "stop" if any(node.host == "Running" for node in nodes) else "nothing"
    if action == "stop" and not check_mode:
        minikube.stop()
    return action


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "profile": {"type": "str", "default": "minikube"},
            "state": {"type": "str", "choices": ["started", "stopped", "absent"], "default": "started"},
            "nodes": {"type": "int"},
            "recreate": {"type": "bool", "default": False},
            "kubernetes_version": {"type": "str"},
            "driver": {"type": "str", "default": "docker"},
            "container_runtime": {"type": "str", "default": "containerd"},
            "base_image": {"type": "str", "default": ""},
            "fingerprint": {"type": "str", "default": ""},
            "cni": {"type": "str", "default": ""},
            "cni_manifest": {"type": "str", "default": ""},
            "binaries": {"type": "dict", "default": {}},
            "cpus": {"type": "int", "default": 0},
            "memory_mb": {"type": "int", "default": 0},
            "options": {"type": "list", "elements": "str", "default": []},
            "bounded_options": {"type": "list", "elements": "str", "default": []},
            "binary": {"type": "path", "default": "minikube"},
            "home": {"type": "path", "required": True},
            "kubeconfig": {"type": "path", "required": True},
            "timeout_s": {"type": "int", "default": 240},
        },
        required_if=[("state", "started", ("kubernetes_version",))],
        supports_check_mode=True,
    )
    asked = module.params
    if asked["nodes"] is not None and asked["nodes"] < 1:
        module.fail_json(msg=f"nodes: expected 1 or more, got {asked['nodes']}")
    minikube = Minikube(asked["binary"], asked["profile"], asked["home"], asked["kubeconfig"], asked["timeout_s"])
    result: dict[str, object] = {}
    laid = False
    try:
        if asked["state"] == "started":
            spec = wanted_spec(module, minikube)
            plan = minikube.plan(spec, asked["recreate"])
            laid = lay_out(module)
            nodes = plan.nodes if module.check_mode else minikube.carry_out(plan, spec)
            action = plan.action
            result["nodes"] = [node.name for node in nodes]
        else:
            action = take_down(minikube, asked["state"], module.check_mode)
    except NeedsNewClusterError as error:
        module.fail_json(
            msg=f"{error}. That takes a new cluster, and all that is in the old one goes: set recreate (of the role: "
            f"minikube_recreate) to have it made anew, or wish for what is there",
            log=minikube.log,
        )
    except NameTakenError as error:
        module.fail_json(
            msg=f"{error}. Nothing was changed. Set another profile (of the role: minikube_profile), or, if they are "
            f"what is left of a lab whose state was removed, remove them with docker rm --force and docker volume rm",
            log=minikube.log,
        )
    except (MinikubeError, OSError) as error:
        module.fail_json(msg=str(error), log=minikube.log)
    module.exit_json(changed=laid or action != "nothing", action=action, made_from=minikube.made_from(), **result)


if __name__ == "__main__":
    main()
