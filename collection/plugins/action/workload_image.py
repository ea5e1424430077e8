# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""workload_image runs on the target; this says that images are being built, and how long it took."""

from __future__ import annotations

from ansible.utils.display import Display
from ansible_collections.availability.lab.plugins.plugin_utils.announced import OneStep


class ActionModule(OneStep):
    """Announces the images and times them."""

    expected_s = 20.0
    display = Display()

    def what(self) -> str:
        return f"images of {', '.join(image['name'] for image in self._task.args.get('images', []))}"
