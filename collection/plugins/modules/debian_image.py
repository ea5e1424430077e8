#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make a Docker image from Debian packages."""

from __future__ import annotations

DOCUMENTATION = r"""
module: debian_image
short_description: Make a Docker image from Debian packages alone
version_added: 0.1.0
description:
  - Builds a root file system with C(debootstrap), lays files into it, runs a setup script in it and imports it
    into the local Docker engine. No container registry is needed, only a Debian mirror.
  - An image whose recipe did not change is left alone. One that the engine lost is loaded from the cache.
author:
  - The Availability Lab founders (@availability-lab)
requirements:
  - debootstrap, and root to run it
  - a Docker engine on the same host
attributes:
  check_mode:
    description: Says whether the image would be made, and makes nothing.
    support: full
  diff_mode:
    description: An image has no useful difference to show.
    support: none
options:
  name:
    description: Full reference of the image, such as C(availability-lab/node:1.0).
    type: str
    required: true
  suite:
    description: Debian release to install.
    type: str
    default: bookworm
  packages:
    description: Packages to install besides the minimal base.
    type: list
    elements: str
    default: []
  components:
    description: Components of the archive.
    type: list
    elements: str
    default: [main]
  files:
    description: Files of this host to lay into the image before O(setup) runs.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: Path on this host.
        type: path
        required: true
      dest:
        description: Absolute path in the image.
        type: str
        required: true
      mode:
        description: Permission bits.
        type: str
        default: "0644"
  setup:
    description: Shell script run in the new root, with C(sh -eu).
    type: str
    default: ""
  instructions:
    description: Dockerfile lines for the image's settings, such as C(ENTRYPOINT) and C(ENV).
    type: list
    elements: str
    default: []
  keep_documentation:
    description: Whether to leave manual pages, documentation and locales in the image.
    type: bool
    default: false
  cache_dir:
    description: Folder in which finished images are kept as tar files.
    type: path
    required: true
  mirror:
    description: Address of the Debian archive. Empty takes the one that this host's own apt uses.
    type: str
    default: ""
  docker_cli:
    description: The docker client to call.
    type: str
    default: docker
"""

EXAMPLES = r"""
- name: Make an image with a Python interpreter
  availability.lab.debian_image:
    name: availability-lab/python:bookworm
    packages: [python3]
    cache_dir: /var/cache/availability-lab/images
    instructions:
      - CMD ["python3"]
"""

RETURN = r"""
fingerprint:
  description: Digest of the recipe and of the files in it. It also stands in the image's label.
  type: str
  returned: always
  sample: 3f0c9e6a5b7d41f2a1c3d5e7f9a0b1c2
name:
  description: The image's reference.
  type: str
  returned: always
  sample: availability-lab/python:bookworm
source:
  description: Where the image came from.
  type: str
  returned: always
  sample: build
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.host.debian_image import (
    DebianImage,
    FileInImage,
    ImageError,
    Recipe,
)


def main() -> None:
    file_spec = {
        "src": {"type": "path", "required": True},
        "dest": {"type": "str", "required": True},
        "mode": {"type": "str", "default": "0644"},
    }
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "suite": {"type": "str", "default": "bookworm"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "components": {"type": "list", "elements": "str", "default": ["main"]},
            "files": {"type": "list", "elements": "dict", "default": [], "options": file_spec},
            "setup": {"type": "str", "default": ""},
            "instructions": {"type": "list", "elements": "str", "default": []},
            "keep_documentation": {"type": "bool", "default": False},
            "cache_dir": {"type": "path", "required": True},
            "mirror": {"type": "str", "default": ""},
            "docker_cli": {"type": "str", "default": "docker"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        recipe = Recipe(
            suite=asked["suite"],
            packages=tuple(asked["packages"]),
            components=tuple(asked["components"]),
            files=tuple(FileInImage(**entry) for entry in asked["files"]),
            setup=asked["setup"],
            instructions=tuple(asked["instructions"]),
            keep_documentation=asked["keep_documentation"],
        )
        image = DebianImage(asked["docker_cli"], asked["name"], recipe, asked["cache_dir"], asked["mirror"])
        current = image.is_current()
        source = "engine" if current else "none" if module.check_mode else image.ensure()
    except ImageError as error:
        module.fail_json(msg=f"debian_image {asked['name']}: {error}")
    module.exit_json(changed=not current, name=asked["name"], fingerprint=image.fingerprint, source=source)


if __name__ == "__main__":
    main()
