# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""workload_image runs on the host of the engine; this brings it the folders, and says how long building took."""

from __future__ import annotations

import os
import tarfile
import tempfile
from typing import Any

from ansible.utils.display import Display
from ansible_collections.availability.lab.plugins.module_utils.host.workload_image import files_of
from ansible_collections.availability.lab.plugins.plugin_utils.announced import OneStep


class ActionModule(OneStep):
    """Announces the images and times them."""

    TRANSFERS_FILES = True
    expected_s = 20.0
    display = Display()

    def what(self) -> str:
        return f"images of {', '.join(image['name'] for image in self._task.args.get('images', []))}"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        # On this machine the module reads the folders where they are.
        if self._connection.transport != "local" and isinstance(self._task.args.get("images"), list):
            folder = self._make_tmp_path()
            archive = self._connection._shell.join_path(folder, "workloads.tar")
            with tempfile.NamedTemporaryFile(suffix=".tar") as packed:
                images = pack(self._task.args["images"], packed.name)
                self._transfer_file(packed.name, archive)
            self._fixup_perms2((folder, archive))
            self._task.args = {**self._task.args, "images": images, "archive": archive}
        return super().run(tmp, task_vars)


def pack(images: list[dict[str, Any]], path: str) -> list[dict[str, Any]]:
    """Put the folders of the images into a tar file; returns the images with their paths inside it.

    A folder that is not there is left to the module, which says so.
    """
    inside = []
    with tarfile.open(path, "w") as archive:
        for number, image in enumerate(images):
            folder = os.path.expanduser(str(image.get("path", "")))
            there = os.path.isdir(folder)
            for name in files_of(folder) if there else []:
                archive.add(os.path.join(folder, name), f"{number}/{name}")
            tools = {f"{number}-files/{os.path.basename(tool)}": tool for tool in image.get("files") or []}
            for name, tool in tools.items():
                if os.path.isfile(tool):
                    archive.add(tool, name)
            inside.append({**image, "path": str(number) if there else folder, "files": list(tools)})
    return inside
