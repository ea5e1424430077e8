# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folders that the roles share: on the lab's host, and on the machine that runs Ansible."""

from __future__ import annotations

DOCUMENTATION = r"""
name: lab_folder
short_description: Where the lab keeps its state and its cache
version_added: 0.1.0
description:
  - Gives the default of C(lab_state_dir) and C(lab_cache_dir), the folders below the home of the account that the lab
    belongs to.
  - A host that is reached with C(ansible_connection=local) is this machine, and its folders follow
    E(XDG_STATE_HOME) and E(XDG_CACHE_HOME). Another host's are below the home of the account that Ansible logs in
    with; nothing of this machine's environment goes into them.
options:
  _terms:
    description: V(state) for what must be kept, V(cache) for what can be made again.
    type: list
    elements: str
    choices: [state, cache]
    required: true
  controller:
    description: The folder on the machine that runs Ansible, whatever the host.
    type: bool
    default: false
notes:
  - Of another host the fact C(user_dir) is needed, which is in the subset C(user) of M(ansible.builtin.setup).
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Say where the lab's kubeconfig is
  ansible.builtin.debug:
    msg: "{{ lookup('availability.lab.lab_folder', 'state') }}/kubeconfig"

- name: Say where the controller keeps the tools that it built
  ansible.builtin.debug:
    msg: "{{ lookup('availability.lab.lab_folder', 'cache', controller=true) }}/toolchain"
"""

RETURN = r"""
_raw:
  description: The folder's path.
  type: list
  elements: str
  sample: [/home/me/.local/state/availability-lab]
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

NAME = "availability-lab"
#: Of each kind: the variable that moves it, and where it is below the home without (XDG Base Directory Specification).
KINDS = {"state": ("XDG_STATE_HOME", ".local/state"), "cache": ("XDG_CACHE_HOME", ".cache")}


def folder(kind: str, environment: Mapping[str, str], home: str) -> str:
    """The folder of this kind for an account with this home. Raises AnsibleLookupError for an unknown kind."""
    if kind not in KINDS:
        raise AnsibleLookupError(f"lab_folder: {kind!r} is no folder of the lab, expected {' or '.join(KINDS)}")
    variable, below = KINDS[kind]
    return f"{environment.get(variable) or f'{home}/{below}'}/{NAME}"


class LookupModule(LookupBase):
    """Folders by kind."""

    def run(
        self, terms: Sequence[str], variables: Mapping[str, Any] | None = None, controller: bool = False
    ) -> list[str]:
        known = variables or {}
        connection = self._templar.template(known.get("ansible_connection", "ssh"))
        if controller or connection == "local":
            home = os.path.expanduser("~")
            return [folder(kind, os.environ, home) for kind in terms]
        home = known.get("ansible_facts", {}).get("user_dir")
        if not home:
            host = known.get("inventory_hostname", "the host")
            raise AnsibleLookupError(
                f"lab_folder: the home on {host} is not known, expected its facts (setup with the subset user)"
            )
        return [folder(kind, {}, home) for kind in terms]
