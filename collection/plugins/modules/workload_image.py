#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build the image of a workload folder."""

from __future__ import annotations

DOCUMENTATION = r"""
module: workload_image
short_description: Build the image of a workload folder, tagged by its content
version_added: 0.1.0
description:
  - Builds a Docker image from a folder with a C(Dockerfile). The tag is a digest of the folder's files and of the
    image it starts from, so an image whose content did not change is not built again.
  - The Python packages of C(requirements.txt) are unpacked on this host into C(python/) of the build context;
    the build itself runs without network.
  - The folders C(tests) and C(manifests) and the files C(README.md), C(base.yml) and C(defaults.yml) are no part of the
    image, and a change in them builds nothing.
author:
  - The Availability Lab founders (@availability-lab)
requirements:
  - a Docker engine on the same host
  - pip for this host's Python, where C(requirements.txt) names packages
attributes:
  check_mode:
    description: Returns the reference and says whether the image would be built, and builds nothing.
    support: full
  diff_mode:
    description: An image has no useful difference to show.
    support: none
options:
  repository:
    description: Name of the image without its tag, with the registry's address where it has one.
    type: str
    required: true
  path:
    description: The workload's folder on this host.
    type: path
    required: true
  base_image:
    description: Image to start from. The C(Dockerfile) gets it as build argument C(BASE_IMAGE).
    type: str
    required: true
  base_fingerprint:
    description: Digest of the base image's content, where its reference alone does not tell it.
    type: str
    default: ""
  python_version:
    description: Version of Python in the image, for which packages are chosen.
    type: str
    default: "3.11"
  cache_dir:
    description: Folder for unpacked packages and build contexts. It may vanish.
    type: path
    required: true
  docker_cli:
    description: The docker client to call.
    type: str
    default: docker
seealso:
  - module: availability.lab.cluster_images
  - module: availability.lab.debian_image
"""

EXAMPLES = r"""
- name: Build the image of the hello service
  availability.lab.workload_image:
    repository: availability-lab/hello
    path: workloads/hello
    base_image: availability-lab/python-base:0f3c9e6a5b7d
    cache_dir: /var/cache/availability-lab/images
  register: hello_image
"""

RETURN = r"""
image:
  description: Full reference of the image.
  type: str
  returned: always
  sample: availability-lab/hello:3f0c9e6a5b7d
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.host.debian_image import ImageError
from ansible_collections.availability.lab.plugins.module_utils.host.workload_image import WorkloadImage


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "repository": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "base_image": {"type": "str", "required": True},
            "base_fingerprint": {"type": "str", "default": ""},
            "python_version": {"type": "str", "default": "3.11"},
            "cache_dir": {"type": "path", "required": True},
            "docker_cli": {"type": "str", "default": "docker"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    image = WorkloadImage(
        repository=asked["repository"],
        folder=asked["path"],
        base_image=asked["base_image"],
        base_fingerprint=asked["base_fingerprint"],
        python_version=asked["python_version"],
        cache_dir=asked["cache_dir"],
        docker=asked["docker_cli"],
    )
    try:
        reference = image.reference()
        present = image.exists()
        if not present and not module.check_mode:
            image.build()
    except (ImageError, OSError) as error:
        module.fail_json(msg=f"workload_image {asked['repository']}: {error}")
    module.exit_json(changed=not present, image=reference)


if __name__ == "__main__":
    main()
