#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch the binaries of releases into the cache, once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: toolchain_download
short_description: Fetch the binaries of releases into a cache, once
version_added: 0.1.0
description:
  - Downloads the release files of each tool, compares their SHA-256 and keeps the binaries in
    C(<cache_dir>/<name>/<version>-<os>-<arch>/) with a C(manifest.json).
  - A cached binary is hashed at each use and fetched again when it is damaged. A download that is interrupted, cut or
    other than expected leaves nothing behind, and of two runs at once one waits.
author:
  - The Availability Lab founders (@availability-lab)
attributes:
  check_mode:
    description: Verifies the cache and says what would be fetched.
    support: full
  diff_mode:
    description: Returns why something is fetched instead.
    support: none
options:
  tools:
    description: The tools.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the tool.
        type: str
        required: true
      version:
        description: Version of the tool, part of the folder's name.
        type: str
        required: true
      assets:
        description: The files of the release.
        type: list
        elements: dict
        required: true
        suboptions:
          url:
            description: Address. It may hold C({version}), C({os}) and C({arch}) (Go's names, such as V(amd64)).
            type: str
            required: true
          binary:
            description: The download is this binary.
            type: str
            default: ""
          members:
            description: The download is a tar archive; a mapping from binary to its path inside (same placeholders).
            type: dict
            default: {}
          sha256:
            description: SHA-256 of the download for each architecture. One without is refused.
            type: dict
            required: true
          address_variable:
            description: Name of the variable that sets the address; errors name it.
            type: str
            default: url
  cache_dir:
    description: Folder of the cache.
    type: path
    required: true
  timeout_s:
    description: Seconds to wait for a connection and for each piece of an answer.
    type: int
    default: 60
  lock_timeout_s:
    description: Seconds to wait for another run that fetches the same.
    type: int
    default: 3600
"""

EXAMPLES = r"""
- name: Fetch kubectl
  availability.lab.toolchain_download:
    cache_dir: ~/.cache/availability-lab/toolchain
    tools:
      - name: kubernetes
        version: v1.33.1
        assets:
          - binary: kubectl
            url: https://dl.k8s.io/release/{version}/bin/{os}/{arch}/kubectl
            sha256:
              amd64: 5de4e9f2266738fd112b721265a0c1cd7f4e5208b670f811861f699474a100a3
  register: fetched
"""

RETURN = r"""
paths:
  description: >-
    Absolute path of each binary by name, and of each tool itself: its binary of the same name, else its folder.
  returned: success
  type: dict
  sample:
    kubectl: /home/ada/.cache/availability-lab/toolchain/kubernetes/v1.33.1-linux-amd64/kubectl
tools:
  description: Each tool, in the order of O(tools).
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name., type: str, sample: kubernetes}
    changed: {description: "Whether it was fetched, or would be in check mode.", type: bool}
    why: {description: Why it was fetched; null when the cached binaries were good., type: str}
    made: {description: Where the cached binaries came from. Empty in check mode before they are there., type: dict}
    sums: {description: SHA-256 of each binary by name. Empty in check mode before it is there., type: dict}
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.host.cache_entry import (
    CacheEntry,
    CacheError,
    Platform,
    tool_paths,
)
from ansible_collections.availability.lab.plugins.module_utils.host.release_asset import AssetError, ReleaseAsset
from ansible_collections.availability.lab.plugins.module_utils.host.tool_list import obtain_all

ASSET = {
    "url": {"type": "str", "required": True},
    "binary": {"type": "str", "default": ""},
    "members": {"type": "dict", "default": {}},
    "sha256": {"type": "dict", "required": True},
    "address_variable": {"type": "str", "default": "url"},
}
TOOL = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "assets": {"type": "list", "elements": "dict", "required": True, "options": ASSET},
}


def obtain(module: AnsibleModule, tool: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """One tool in the cache: what was done for it, and its paths. Raises the errors of its parts."""
    options = module.params
    assets = [ReleaseAsset(**asset) for asset in tool["assets"]]
    binaries = [binary for asset in assets for binary in asset.binaries]
    target = Platform.of_this_host()
    for asset in assets:
        asset.check(target.arch)
    entry = CacheEntry(Path(options["cache_dir"]), tool["name"], tool["version"], target)

    def make(folder: Path) -> dict[str, Any]:
        brought = [asset.bring(entry, folder, options["timeout_s"]) for asset in assets]
        return {"files": binaries, "made": {"by": "download", "assets": brought}}

    recipe = {"source": "release", "assets": [asset.recipe(entry) for asset in assets]}
    obtained = entry.obtain(recipe, make, lock_timeout_s=options["lock_timeout_s"], check_mode=module.check_mode)
    return obtained.told(tool["name"]), tool_paths(entry, binaries)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tools": {"type": "list", "elements": "dict", "required": True, "options": TOOL},
            "cache_dir": {"type": "path", "required": True},
            "timeout_s": {"type": "int", "default": 60},
            "lock_timeout_s": {"type": "int", "default": 3600},
        },
        supports_check_mode=True,
    )
    obtain_all(module, obtain, (CacheError, AssetError))


if __name__ == "__main__":
    main()
