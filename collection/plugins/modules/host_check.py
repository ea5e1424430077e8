#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_check
short_description: Tell whether a host can hold the lab
version_added: 0.1.0
description:
  - Measures cores, memory, free disk, cgroup controllers, kernel features and ports of the target, and fails with
    everything that is missing, in one message with the numbers found and needed.
  - Nothing on the host is changed, no kernel module is loaded and no port is opened.
options:
  min_cores:
    description: Cores that the host must have. A container's CPU quota counts.
    type: int
    default: 2
  min_memory_mb:
    description: Memory that the host must have, in MiB. A container's memory limit counts.
    type: int
    default: 3500
  min_disk_gb:
    description: Free disk space in GiB that must be left at O(disk_path).
    type: float
    default: 20
  disk_path:
    description: Where the space is needed. A folder that does not exist yet counts as the nearest one above it.
    type: path
    default: /var/lib/docker
  architectures:
    description: Machine names, as C(uname -m) prints them, that the lab's binaries exist for.
    type: list
    elements: str
    default: [x86_64, aarch64]
  required_cgroup_controllers:
    description: Cgroup controllers that must be there, of version 1 or 2.
    type: list
    elements: str
    default: [cpu, cpuacct, cpuset, memory, pids]
  required_kernel_features:
    description:
      - Kernel features that must be there. One whose module could be loaded is good enough; one of which this host
        does not show whether it is there gives a warning.
    type: list
    elements: str
    choices: [overlay, bridge, br_netfilter, veth, packet_filter, conntrack, nat]
    default: [overlay, bridge, br_netfilter, veth, packet_filter, conntrack, nat]
  ports:
    description: TCP ports that must be free, or held by the lab's own service.
    type: list
    elements: dict
    default: []
    suboptions:
      port:
        description: The port, from 1 to 65535.
        type: int
        required: true
      address:
        description: The address that the service will listen on. A listener on another address is not in its way.
        type: str
        default: 0.0.0.0
      purpose:
        description: What the port is for, said in the error.
        type: str
        required: true
      variable:
        description: The variable that moves the port, said in the error.
        type: str
        required: true
      owner:
        description:
          - Text that the command line of the lab's own service contains. A port held by such a process is in order.
          - Empty means that any holder is foreign.
        type: str
        default: ""
  cores:
    description: Take this number instead of measuring, for a test or a host that does not show it.
    type: int
  memory_mb:
    description: Take this amount in MiB instead of measuring.
    type: int
  disk_gb:
    description: Take this free space in GiB instead of measuring.
    type: float
  cgroup_controllers:
    description: Take these controllers instead of looking.
    type: list
    elements: str
attributes:
  check_mode:
    description: Nothing is changed in either mode.
    support: full
  diff_mode:
    description: There is never a difference to show.
    support: none
notes:
  - Only root sees which process holds a port. Without it, a port that the lab's own service holds counts as taken.
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Is this host big enough, and is etcd's port free?
  availability.lab.host_check:
    min_cores: 2
    min_memory_mb: 3500
    min_disk_gb: 10
    ports:
      - port: 2379
        purpose: etcd clients
        variable: etcd_client_port
        owner: /etc/availability-lab-etcd
  become: true
"""

RETURN = r"""
found:
  description: What was found, also when the module fails.
  returned: always
  type: dict
  contains:
    architecture: {description: Machine name., type: str, sample: x86_64}
    cores: {description: Usable cores., type: int, sample: 2}
    memory_mb: {description: Memory in MiB., type: int, sample: 7950}
    disk_gb: {description: Free space in GiB., type: float, sample: 41.5}
    cgroup_controllers: {description: Controllers., type: list, elements: str, sample: [cpu, memory, pids]}
    kernel_features:
      description: Each feature as C(present), C(loadable), C(absent) or C(unknown).
      type: dict
      sample: {overlay: present, veth: loadable}
    ports_taken: {description: Wanted ports that a process listens on., type: list, elements: int, sample: [2379]}
missing:
  description: Everything that is missing, a line each; empty on success.
  returned: always
  type: list
  elements: str
  sample: ["cores: 1 found, 2 needed (min_cores)"]
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.host.capacity import (
    free_disk_gb,
    memory_mb,
    usable_cores,
)
from ansible_collections.availability.lab.plugins.module_utils.host.cgroups import cgroup_controllers
from ansible_collections.availability.lab.plugins.module_utils.host.kernel import FEATURES, feature_states
from ansible_collections.availability.lab.plugins.module_utils.host.listeners import holder, listeners
from ansible_collections.availability.lab.plugins.module_utils.host.requirements import (
    Found,
    Needs,
    PortUse,
    doubts,
    shortcomings,
)

PORT = {
    "port": {"type": "int", "required": True},
    "address": {"type": "str", "default": "0.0.0.0"},  # noqa: S104 - the widest wish, nothing is bound
    "purpose": {"type": "str", "required": True},
    "variable": {"type": "str", "required": True},
    "owner": {"type": "str", "default": ""},
}

ARGUMENTS = {
    "min_cores": {"type": "int", "default": 2},
    "min_memory_mb": {"type": "int", "default": 3500},
    "min_disk_gb": {"type": "float", "default": 20},
    "disk_path": {"type": "path", "default": "/var/lib/docker"},
    "architectures": {"type": "list", "elements": "str", "default": ["x86_64", "aarch64"]},
    "required_cgroup_controllers": {
        "type": "list",
        "elements": "str",
        "default": ["cpu", "cpuacct", "cpuset", "memory", "pids"],
    },
    "required_kernel_features": {
        "type": "list",
        "elements": "str",
        "choices": list(FEATURES),
        "default": list(FEATURES),
    },
    "ports": {"type": "list", "elements": "dict", "default": [], "options": PORT},
    "cores": {"type": "int"},
    "memory_mb": {"type": "int"},
    "disk_gb": {"type": "float"},
    "cgroup_controllers": {"type": "list", "elements": "str"},
}


def wanted_ports(module: AnsibleModule) -> list[PortUse]:
    """The port list of the task; ends the module on a number that is no port."""
    for entry in module.params["ports"]:
        if not 1 <= entry["port"] <= 65535:
            module.fail_json(
                msg=f"{entry['variable']} is {entry['port']}, expected a port number from 1 to 65535",
                found={},
                missing=[],
            )
    return [PortUse(**entry) for entry in module.params["ports"]]


def measure(params: dict[str, Any], ports: list[PortUse]) -> Found:
    """Everything the check needs to know of this host; what the task gave is not measured."""
    given = {name: params[name] for name in ("cores", "memory_mb", "disk_gb", "cgroup_controllers")}
    sockets = listeners()
    taken = []
    for use in ports:
        in_the_way = [socket for socket in sockets if socket.conflicts_with(use.address, use.port)]
        if in_the_way:
            taken.append((use, holder(in_the_way[0].inode)))
    return Found(
        cores=usable_cores() if given["cores"] is None else given["cores"],
        memory_mb=memory_mb() if given["memory_mb"] is None else given["memory_mb"],
        disk_gb=free_disk_gb(params["disk_path"]) if given["disk_gb"] is None else given["disk_gb"],
        architecture=os.uname().machine,
        cgroup_controllers=(
            cgroup_controllers() if given["cgroup_controllers"] is None else given["cgroup_controllers"]
        ),
        kernel_features=feature_states(params["required_kernel_features"]),
        taken=taken,
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    ports = wanted_ports(module)
    found = measure(params, ports)
    missing = shortcomings(
        found,
        Needs(
            cores=params["min_cores"],
            memory_mb=params["min_memory_mb"],
            disk_gb=params["min_disk_gb"],
            disk_path=params["disk_path"],
            cgroup_controllers=params["required_cgroup_controllers"],
            architectures=params["architectures"],
        ),
    )
    for doubt in doubts(found):
        module.warn(doubt)
    result = {
        "changed": False,
        "missing": missing,
        "found": {
            "architecture": found.architecture,
            "cores": found.cores,
            "memory_mb": found.memory_mb,
            "disk_gb": found.disk_gb,
            "cgroup_controllers": found.cgroup_controllers,
            "kernel_features": found.kernel_features,
            "ports_taken": [use.port for use, _unused in found.taken],
        },
    }
    if missing:
        module.fail_json(msg="This host cannot hold the lab:\n" + "\n".join(f"- {line}" for line in missing), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
