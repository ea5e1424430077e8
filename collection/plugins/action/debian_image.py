# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""debian_image runs on the target; this says that an image is being made, and how long it took."""

from __future__ import annotations

from ansible.utils.display import Display
from ansible_collections.availability.lab.plugins.plugin_utils.announced import OneStep


class ActionModule(OneStep):
    """Announces the image and times it."""

    expected_s = 60.0
    display = Display()

    def what(self) -> str:
        return f"image {self._task.args.get('name', '')} from Debian packages"
