# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""toolchain_build makes what is not in the cache; this says how long that takes, and after each tool what it took.

One run of the module looks at all tools. Only what has to be made takes a run of its own.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.availability.lab.plugins.plugin_utils.announced import in_words, look, timed

display = Display()


class ActionModule(ActionBase):
    """Announces the tools that are built and times each."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        known = task_vars or {}
        found = look(self, known)
        if self._task.check_mode or found.get("failed"):
            return {**result, **found}
        wanted = {tool["name"]: tool for tool in self._task.args["tools"]}
        lacking = [tool["name"] for tool in found["tools"] if tool["why"] or tool["leftovers"]]
        if not lacking:
            return {**result, **found}
        host = known.get("inventory_hostname", "")

        def show(text: str) -> None:
            display.display(f"{host}: {text}")

        show(announcement([wanted[name] for name in lacking]))
        made = {tool["name"]: tool for tool in found["tools"]}
        for number, name in enumerate(lacking, start=1):
            what = f"{name} {wanted[name]['version']} ({number} of {len(lacking)})"
            done = timed(self, known, show, what, {**self._task.args, "tools": [wanted[name]]})
            if done.get("failed"):
                return {**result, **done}
            made[name] = done["tools"][0]
        told = {"changed": any(tool["changed"] for tool in made.values()), "tools": list(made.values())}
        return {**result, **found, **told}


def announcement(tools: list[dict[str, Any]]) -> str:
    """What is built and about how long that takes."""
    names = ", ".join(f"{tool['name']} {tool['version']}" for tool in tools)
    expected_s = sum(float(tool.get("expected_s", 0)) for tool in tools)
    return f"building {names}: about {in_words(expected_s)} on two idle cores, once"
