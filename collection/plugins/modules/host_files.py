#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write several files of one owner, keys among them, and their folders, in one run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_files
short_description: Write several files of one owner, keys among them, and their folders, in one run
version_added: 0.1.0
description:
  - Makes folders and writes texts into files, all of them with the same owner and group. A text that is there already
    is not written again.
  - What a loop over M(ansible.builtin.copy) does with two runs for each file, this does with one for all.
options:
  folders:
    description: Folders, those that hold others first.
    type: list
    elements: str
    default: []
  files:
    description: The text of each file, by its path. They are taken for secrets, and shown nowhere.
    type: dict
    default: {}
  owner:
    description: Who owns all of them. What is there keeps its owner where this is not given.
    type: str
  group:
    description: Whose group it is.
    type: str
  folder_mode:
    description: Permission bits of folders.
    type: str
    default: "0700"
  file_mode:
    description: Permission bits of files.
    type: str
    default: "0600"
attributes:
  check_mode:
    description: It tells what it would change. An owner that is not there yet does no harm to what is not there either.
    support: full
  diff_mode:
    description: Texts are taken for secrets.
    support: none
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Have a service's certificate and key
  availability.lab.host_files:
    folders: [/etc/service, /etc/service/tls]
    files:
      /etc/service/tls/server.crt: "{{ lookup('ansible.builtin.file', 'server.crt', rstrip=false) }}"
      /etc/service/tls/server.key: "{{ lookup('ansible.builtin.file', 'server.key', rstrip=false) }}"
    owner: service
    group: service
  become: true
"""

RETURN = r"""
folders:
  description: Folders that were made, or had another owner or mode.
  returned: success
  type: list
  elements: str
files:
  description: Files that were written, or had another owner or mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/service/tls/server.key]
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "folders": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "dict", "default": {}, "no_log": True},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "folder_mode": {"type": "str", "default": "0700"},
            "file_mode": {"type": "str", "default": "0600"},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    for path, text in wanted["files"].items():
        if not isinstance(text, str):
            module.fail_json(msg=f"files: expected a text for {path}, got {type(text).__name__}")
    folders, files = [], []
    path = ""
    try:
        for path in wanted["folders"]:
            made = _have_folder(module, path)
            if _own(module, path, wanted["folder_mode"]) or made:
                folders.append(path)
        for path, text in wanted["files"].items():
            written = _have_text(module, path, text.encode())
            if _own(module, path, wanted["file_mode"]) or written:
                files.append(path)
    except OSError as error:
        module.fail_json(msg=f"host_files {path}: {error.strerror}")
    module.exit_json(changed=bool(folders or files), folders=folders, files=files)


def _have_folder(module: AnsibleModule, path: str) -> bool:
    if os.path.isdir(path):
        return False
    if not module.check_mode:
        os.mkdir(path, 0o700)
    return True


def _have_text(module: AnsibleModule, path: str, text: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            if file.read() == text:
                return False
    except FileNotFoundError:
        pass
    if not module.check_mode:
        descriptor, temporary = tempfile.mkstemp(dir=module.tmpdir)  # nobody else reads it, from its first byte on
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        module.atomic_move(temporary, path)
    return True


def _own(module: AnsibleModule, path: str, mode: str) -> bool:
    """Give owner, group and mode to what is there; whether one of them was another."""
    if not os.path.exists(path):  # in check mode
        return False
    owned = {"owner": module.params["owner"], "group": module.params["group"], "mode": mode}
    return bool(module.set_fs_attributes_if_different(module.load_file_common_arguments(owned, path), False))


if __name__ == "__main__":
    main()
