#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: install_source_info
short_description: Tell which install source this machine reaches
version_added: 0.1.0
description:
  - Takes one quick look, at both sources at the same time, and returns C(upstream) when the projects' own release
    addresses answer, else C(packages) when the package registries do.
  - The registries are asked through pip and go as they are configured on this machine, with their mirrors and proxies.
  - Fails with what was tried when neither answers.
options:
  upstream_addresses:
    description: Addresses of which every one must answer a C(HEAD) request for C(upstream).
    type: list
    elements: str
    required: true
  timeout_s:
    description: How long the network may take to answer each look, in seconds.
    type: float
    default: 4
  go:
    description:
      - The go command. Where it is not found, only pip is asked, which a Go toolchain can be installed with.
    type: str
    default: go
attributes:
  check_mode:
    description: Nothing is changed in either mode.
    support: full
  diff_mode:
    description: There is never a difference to show.
    support: none
notes:
  - Run it on the machine that downloads and builds, the controller.
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Look which source answers
  availability.lab.install_source_info:
    upstream_addresses:
      - https://github.com
  delegate_to: localhost
  register: look

- name: Say it
  ansible.builtin.debug:
    var: look.source
"""

RETURN = r"""
source:
  description: The source that answers.
  returned: success
  type: str
  sample: packages
looks:
  description: Everything that was tried.
  returned: always
  type: list
  elements: dict
  contains:
    source: {description: The source it stands for., type: str, sample: upstream}
    what: {description: What was asked., type: str, sample: pip}
    failure: {description: Why it did not answer; null when it did., type: str}
"""

import sys
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.host.sources import (
    NoSourceError,
    look_around,
    resolve,
)

ARGUMENTS = {
    "upstream_addresses": {"type": "list", "elements": "str", "required": True},
    "timeout_s": {"type": "float", "default": 4},
    "go": {"type": "str", "default": "go"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    looks = look_around(
        upstream=module.params["upstream_addresses"],
        python=sys.executable,
        go=module.get_bin_path(module.params["go"], opt_dirs=["/usr/local/go/bin"]),
        timeout_s=module.params["timeout_s"],
    )
    told = [asdict(look) for look in looks]
    try:
        source = resolve(looks)
    except NoSourceError as error:
        module.fail_json(msg=str(error), looks=told)
    module.exit_json(changed=False, source=source, looks=told)


if __name__ == "__main__":
    main()
