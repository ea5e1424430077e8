#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of workload_manifests; it runs on the controller, in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: workload_manifests
short_description: Render the manifests of a workload
version_added: 0.1.0
description:
  - Renders C(<directory>/<name>/manifests/*.yml.j2) in the order of their names, with the settings of
    C(<directory>/<name>/defaults.yml) and what replaces them.
  - A setting that the workload does not know is an error.
  - Templates find C(workload_name), C(workload_namespace), C(workload_settings), C(workload_image), C(workload_images),
    C(workload_labels), C(workload_identity_env), C(workload_pod_security) and C(workload_container_security), and all
    variables of the play.
options:
  name:
    description: Name of the workload, its folder's.
    type: str
    required: true
  directory:
    description: Folder of the workloads, on the controller.
    type: path
    required: true
  namespace:
    description: Namespace that the manifests name.
    type: str
    required: true
  variables:
    description: Settings that replace those of its defaults.yml.
    type: dict
    default: {}
  image:
    description: Image of the workload. Empty, it is taken from O(images).
    type: str
    default: ""
  images:
    description: Images by workload.
    type: dict
    default: {}
  image_needed:
    description: Whether there has to be an image. Without one the manifests are good for removing objects.
    type: bool
    default: true
attributes:
  check_mode:
    description: Changes nothing anyway.
    support: full
  diff_mode:
    description: There is no text to compare.
    support: none
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Render hello with two replicas
  availability.lab.workload_manifests:
    name: hello
    directory: "{{ playbook_dir }}/workloads"
    namespace: hello
    variables: {replicas: 2}
    images: {hello: "availability-lab/hello:1"}
  register: rendered
"""

RETURN = r"""
manifests:
  description: The manifests, in the order of their files.
  returned: always
  type: list
  elements: dict
images_not_made:
  description:
    - The workloads whose images the manifests name and for which no image was given; only with O(image_needed=false).
    - These have to be made before the manifests can be applied.
  returned: always
  type: list
  elements: str
  sample: [guestbook, redis]
"""
