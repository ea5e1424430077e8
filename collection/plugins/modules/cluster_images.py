#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Get images into the nodes of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_images
short_description: Get images of the local Docker engine into the nodes of a cluster
version_added: 0.1.0
description:
  - Loads images into nodes that are containers of the same Docker engine and run containerd, such as those of minikube
    with the docker driver. Each node gets only what it lacks.
  - Images are compared by reference. Use a tag that changes with the content, as
    M(availability.lab.workload_image) makes it.
author:
  - The Availability Lab founders (@availability-lab)
requirements:
  - a Docker engine on the same host
attributes:
  check_mode:
    description: Says what would be loaded, and loads nothing.
    support: full
  diff_mode:
    description: What was loaded is in RV(loaded).
    support: none
options:
  images:
    description: References of images that the engine holds.
    type: list
    elements: str
    required: true
  nodes:
    description: Names of the nodes' containers.
    type: list
    elements: str
    required: true
  docker_cli:
    description: The docker client to call.
    type: str
    default: docker
seealso:
  - module: availability.lab.workload_image
"""

EXAMPLES = r"""
- name: Load the hello image into both nodes
  availability.lab.cluster_images:
    images: ["availability-lab/hello:3f0c9e6a5b7d"]
    nodes: [minikube, minikube-m02]
"""

RETURN = r"""
loaded:
  description: What each node got, or would get in check mode.
  type: dict
  returned: always
  sample: {"minikube": ["availability-lab/hello:3f0c9e6a5b7d"]}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.cluster.images import ImageLoadError, NodeImages


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "nodes": {"type": "list", "elements": "str", "required": True},
            "docker_cli": {"type": "str", "default": "docker"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    loaded = {}
    try:
        # All nodes are asked before any is changed: a stopped one fails the task with nothing done.
        nodes = [NodeImages(name, asked["docker_cli"]) for name in asked["nodes"]]
        lacking = [(node, node.missing(asked["images"])) for node in nodes]
        for node, missing in lacking:
            if missing:
                if not module.check_mode:
                    node.load(missing)
                loaded[node.node] = missing
    except (ImageLoadError, OSError) as error:
        module.fail_json(msg=f"cluster_images: {error}", loaded=loaded)
    module.exit_json(changed=bool(loaded), loaded=loaded)


if __name__ == "__main__":
    main()
