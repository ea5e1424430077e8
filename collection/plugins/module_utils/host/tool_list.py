# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules that bring tools into the cache have in common: a list of them, one after the other, one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

Obtain = Callable[[AnsibleModule, dict[str, Any]], tuple[dict[str, Any], dict[str, str]]]


def obtain_all(module: AnsibleModule, obtain: Obtain, errors: tuple[type[Exception], ...]) -> None:
    """Have `obtain(module, tool)` bring each of the module's `tools`, and end the module.

    obtain: gives what was done for the tool, and its paths by name. One of the `errors` ends the module with its text.
    """
    tools: list[dict[str, Any]] = []
    paths: dict[str, str] = {}
    for tool in module.params["tools"]:
        try:
            told, found = obtain(module, tool)
        except errors as error:
            module.fail_json(msg=f"{tool['name']} {tool['version']}: {error}")
        tools.append(told)
        paths.update(found)
    module.exit_json(changed=any(tool["changed"] for tool in tools), tools=tools, paths=paths)
