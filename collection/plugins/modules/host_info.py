#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at files, packages and node containers of a host in one run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Look at files, packages and node containers of a host in one run
version_added: 0.1.0
description:
  - Tells of each path whether it is there, what it is, whose, and of files the SHA-256 and, where wished, the text; and
    which packages are not installed. On request, what the Docker engine holds under a minikube profile's name.
  - A role that knows all of it from one run can leave out the tasks that would find everything as it is.
options:
  paths:
    description: Paths to look at. Links are followed.
    type: list
    elements: str
    default: []
  read:
    description: Those of them whose text is wanted, too. It is taken for UTF-8.
    type: list
    elements: str
    default: []
  packages:
    description: Names of packages of the distribution (dpkg, rpm, pacman).
    type: list
    elements: str
    default: []
  profile:
    description: A minikube profile, whose nodes' containers and volumes are asked for.
    type: str
attributes:
  check_mode:
    description: Nothing is changed in either mode.
    support: full
  diff_mode:
    description: There is never a difference to show.
    support: none
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Look at what is there
  availability.lab.host_info:
    paths: [/etc/hostname, /etc/nowhere]
    read: [/etc/hostname]
    packages: [curl]
  register: there

- name: Say it
  ansible.builtin.debug:
    msg: "{{ there.files['/etc/hostname'].text }} lacks {{ there.packages_lacking }}"
"""

RETURN = r"""
files:
  description: Each path, in a dictionary.
  returned: always
  type: dict
  contains:
    exists: {description: Whether it is there. The others are only there when it is., type: bool}
    kind: {description: "What it is: file, directory or other.", type: str, sample: file}
    mode: {description: Permission bits., type: str, sample: "0644"}
    owner: {description: "Its owner's name, or number.", type: str, sample: root}
    group: {description: "Its group's name, or number.", type: str, sample: root}
    mtime: {description: "When it was last written, in seconds since 1970.", type: float}
    sha256: {description: SHA-256 of a file., type: str}
    text: {description: Text of a file of O(read)., type: str}
packages_lacking:
  description: Those of O(packages) that are not installed.
  returned: always
  type: list
  elements: str
node_containers:
  description:
    - Containers and volumes under the names of the profile's nodes, whoever made them. None without an engine.
  returned: when O(profile) is given
  type: list
  elements: str
  sample: [minikube, minikube-m02]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.cluster import node_containers
from ansible_collections.availability.lab.plugins.module_utils.host.files import describe
from ansible_collections.availability.lab.plugins.module_utils.host.packages import lacking


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "str", "default": []},
            "read": {"type": "list", "elements": "str", "default": []},
            "packages": {"type": "list", "elements": "str", "default": []},
            "profile": {"type": "str"},
        },
        supports_check_mode=True,
    )
    files = {}
    for path in module.params["paths"]:
        try:
            files[path] = describe(path, path in module.params["read"])
        except OSError as error:
            module.fail_json(msg=f"host_info {path}: {error.strerror}")
    told: dict[str, object] = {"files": files, "packages_lacking": lacking(module.params["packages"])}
    if module.params["profile"]:
        told["node_containers"] = node_containers.names(module.params["profile"])
    module.exit_json(changed=False, **told)


if __name__ == "__main__":
    main()
