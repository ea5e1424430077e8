#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build the image of a workload folder."""

from __future__ import annotations

DOCUMENTATION = r"""
module: workload_image
short_description: Build the images of workload folders, tagged by their content
version_added: 0.1.0
description:
  - Builds a Docker image from each folder with a C(Dockerfile). The tag is a digest of the folder's files and of the
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
    description: Returns the references and says whether an image would be built, and builds nothing.
    support: full
  diff_mode:
    description: An image has no useful difference to show.
    support: none
options:
  images:
    description: The images, each after the one that it starts from.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the workload, by which O(images[].base) and RV(references) tell of it.
        type: str
        required: true
      repository:
        description: Name of the image without its tag, with the registry's address where it has one.
        type: str
        required: true
      path:
        description:
          - The workload's folder on the controller, which brings it to the host.
          - With O(archive), the folder in it.
        type: path
        required: true
      base:
        description: Name of the image in this list to start from. Empty for O(images[].base_image).
        type: str
        default: ""
      base_image:
        description: Image to start from. The C(Dockerfile) gets it as build argument C(BASE_IMAGE).
        type: str
        default: ""
      base_fingerprint:
        description: Digest of the base image's content, where its reference alone does not tell it.
        type: str
        default: ""
      files:
        description:
          - Paths on the controller, or in O(archive), that the build context holds beside the folder's files, by their
            base names. They are part of the content that the tag tells of.
        type: list
        elements: path
        default: []
      python_version:
        description: Version of Python in the image, for which packages are chosen.
        type: str
        default: "3.11"
  archive:
    description: A tar file on the host with the folders. The controller sets it for a host that is not its own.
    type: path
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
- name: Build the image of the hello service on the base that it shares with others
  availability.lab.workload_image:
    cache_dir: /var/cache/availability-lab/images
    images:
      - name: base
        repository: availability-lab/python-base
        path: workloads/base
        base_image: debian:bookworm
      - name: hello
        repository: availability-lab/hello
        path: workloads/hello
        base: base
  register: images
"""

RETURN = r"""
references:
  description: Full reference of each image, by its name in O(images).
  type: dict
  returned: always
  sample: {hello: "availability-lab/hello:3f0c9e6a5b7d"}
built:
  description: Names of those that were built, or would be in check mode.
  type: list
  elements: str
  returned: always
  sample: [hello]
"""

import contextlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.host.debian_image import ImageError
from ansible_collections.availability.lab.plugins.module_utils.host.workload_image import WorkloadImage

IMAGE = {
    "name": {"type": "str", "required": True},
    "repository": {"type": "str", "required": True},
    "path": {"type": "path", "required": True},
    "base": {"type": "str", "default": ""},
    "base_image": {"type": "str", "default": ""},
    "base_fingerprint": {"type": "str", "default": ""},
    "files": {"type": "list", "elements": "path", "default": []},
    "python_version": {"type": "str", "default": "3.11"},
}


@contextlib.contextmanager
def unpacked(archive: str | None) -> Iterator[str]:
    """The folder that the images' paths are in, for as long as they are worked with."""
    if archive is None:
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="workloads-") as folder, tarfile.open(archive) as packed:
        packed.extractall(folder)  # noqa: S202 - the controller has packed it
        yield folder


def described(module: AnsibleModule, top: str, entry: dict[str, Any], references: dict[str, str]) -> WorkloadImage:
    """One image of the list. Raises ImageError when it starts from one that does not come before it."""
    if entry["base"] and entry["base"] not in references:
        raise ImageError(f"base: {entry['base']} does not come before it; known: {', '.join(references) or 'none'}")
    return WorkloadImage(
        repository=entry["repository"],
        folder=os.path.join(top, entry["path"]),
        base_image=references[entry["base"]] if entry["base"] else entry["base_image"],
        base_fingerprint=entry["base_fingerprint"],
        python_version=entry["python_version"],
        cache_dir=module.params["cache_dir"],
        docker=module.params["docker_cli"],
        files=tuple(os.path.join(top, path) for path in entry["files"] or ()),
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "dict", "required": True, "options": IMAGE},
            "archive": {"type": "path"},
            "cache_dir": {"type": "path", "required": True},
            "docker_cli": {"type": "str", "default": "docker"},
        },
        supports_check_mode=True,
    )
    references: dict[str, str] = {}
    built = []
    with unpacked(module.params["archive"]) as top:
        for entry in module.params["images"]:
            try:
                image = described(module, top, entry, references)
                if module.check_mode and not all(os.path.exists(path) for path in image.files):
                    built.append(entry["name"])  # what it would hold is only predicted
                    references[entry["name"]] = f"{entry['repository']}:not-made-yet"
                    continue
                references[entry["name"]] = image.reference()
                if not image.exists():
                    built.append(entry["name"])
                    if not module.check_mode:
                        image.build()
            except (ImageError, OSError) as error:
                module.fail_json(msg=f"workload_image {entry['repository']}: {error}")
    module.exit_json(changed=bool(built), references=references, built=built)


if __name__ == "__main__":
    main()
