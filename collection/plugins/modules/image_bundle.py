#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build several small images and save them into one tar file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_bundle
short_description: Build several small images and save them into one tar file
version_added: 0.1.0
description:
  - Builds each image from a Dockerfile given as text and a few files of this host, without a registry, and saves
    all of them into one tar file that C(ctr images import) or C(docker load) reads on every node.
  - The tar's name carries a fingerprint of everything in it. One that is there is left alone.
author:
  - The Availability Lab founders (@availability-lab)
requirements:
  - a Docker engine on the same host
attributes:
  check_mode:
    description: Says whether the bundle would be made, and makes nothing.
    support: full
  diff_mode:
    description: A tar file has no useful difference to show.
    support: none
options:
  name:
    description: First part of the tar's file name.
    type: str
    required: true
  images:
    description: The images of the bundle.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Full reference, as the cluster asks for it.
        type: str
        required: true
      dockerfile:
        description: Complete text of the Dockerfile. C(COPY) takes each file by its base name.
        type: str
        required: true
      files:
        description: Paths of this host that the build context holds.
        type: list
        elements: path
        default: []
  bases:
    description: Fingerprints of local images that the Dockerfiles start from, so that a new base makes a new bundle.
    type: list
    elements: str
    default: []
  cache_dir:
    description: Folder for the tar file.
    type: path
    required: true
  docker_cli:
    description: The docker client to call.
    type: str
    default: docker
"""

EXAMPLES = r"""
- name: Put one static binary into an image that the nodes can import
  availability.lab.image_bundle:
    name: tools
    cache_dir: /var/cache/availability-lab/images
    images:
      - name: example.test/tool:1.0
        files: [/usr/local/bin/tool]
        dockerfile: |
          FROM scratch
          COPY tool /tool
          ENTRYPOINT ["/tool"]
"""

RETURN = r"""
path:
  description: The tar file.
  type: str
  returned: always
  sample: /var/cache/availability-lab/images/tools-3f0c9e6a5b7d41f2a1c3d5e7f9a0b1c2.tar
fingerprint:
  description: Digest of all that went into the bundle.
  type: str
  returned: always
  sample: 3f0c9e6a5b7d41f2a1c3d5e7f9a0b1c2
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.host.debian_image import ImageError
from ansible_collections.availability.lab.plugins.module_utils.host.image_bundle import BundledImage, ImageBundle


def main() -> None:
    image_spec = {
        "name": {"type": "str", "required": True},
        "dockerfile": {"type": "str", "required": True},
        "files": {"type": "list", "elements": "path", "default": []},
    }
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "images": {"type": "list", "elements": "dict", "required": True, "options": image_spec},
            "bases": {"type": "list", "elements": "str", "default": []},
            "cache_dir": {"type": "path", "required": True},
            "docker_cli": {"type": "str", "default": "docker"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    images = tuple(
        BundledImage(entry["name"], entry["dockerfile"], tuple(entry["files"] or ())) for entry in asked["images"]
    )
    try:
        bundle = ImageBundle(asked["docker_cli"], asked["name"], images, asked["cache_dir"], tuple(asked["bases"]))
        present = bundle.exists()
        if not present and not module.check_mode:
            bundle.build()
    except ImageError as error:
        module.fail_json(msg=f"image_bundle {asked['name']}: {error}")
    module.exit_json(changed=not present, path=bundle.path, fingerprint=bundle.fingerprint)


if __name__ == "__main__":
    main()
