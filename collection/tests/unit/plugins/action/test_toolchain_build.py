# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look at all tools; only what lacks is announced, made and timed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.availability.lab.plugins.action import toolchain_build

TOOLS = [
    {"name": "kubernetes", "version": "v1", "expected_s": 300},
    {"name": "crictl", "version": "v2", "expected_s": 45},
]


class Module:
    """Stands for the module on the target: what is in the cache, and how it was called."""

    def __init__(self, *cached: str) -> None:
        self.cached = set(cached)
        self.calls: list[tuple[bool, list[str]]] = []
        self.broken = ""

    def run(self, action: ActionBase, arguments: dict[str, Any] | None) -> dict[str, Any]:
        check = action._task.check_mode
        tools = (arguments or action._task.args)["tools"]
        names = [tool["name"] for tool in tools]
        self.calls.append((check, names))
        if not check and self.broken in names:
            return {"failed": True, "msg": f"{self.broken}: it broke"}
        told = [
            {"name": name, "changed": name not in self.cached, "leftovers": False, "made": {},
             "why": None if name in self.cached else "not in the cache"}
            for name in names
        ]  # fmt: skip
        if not check:
            self.cached |= set(names)
        return {"changed": any(tool["changed"] for tool in told), "tools": told, "paths": {"kubectl": "/kubectl"}}


def run(
    module: Module, monkeypatch: pytest.MonkeyPatch, check: bool = False
) -> tuple[dict[str, Any], list[str], ActionBase]:
    said: list[str] = []
    action = toolchain_build.ActionModule.__new__(toolchain_build.ActionModule)
    action._task = SimpleNamespace(check_mode=check, args={"tools": TOOLS})
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp, _vars: {})
    monkeypatch.setattr(
        ActionBase, "_execute_module", lambda self, module_args=None, task_vars=None: module.run(self, module_args)
    )
    monkeypatch.setattr(toolchain_build.display, "display", said.append)
    return action.run(task_vars={"inventory_hostname": "lab"}), said, action


def test_a_full_cache_takes_one_look_and_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Module("kubernetes", "crictl")
    result, said, action = run(module, monkeypatch)
    assert (result["changed"], said) == (False, [])
    assert module.calls == [(True, ["kubernetes", "crictl"])]
    assert action._task.check_mode is False


def test_what_lacks_is_announced_made_one_by_one_and_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Module()
    result, said, _action = run(module, monkeypatch)
    assert result["changed"]
    assert [tool["name"] for tool in result["tools"]] == ["kubernetes", "crictl"]
    assert result["paths"] == {"kubectl": "/kubectl"}
    assert module.calls[1:] == [(False, ["kubernetes"]), (False, ["crictl"])]
    assert said[0] == "lab: building kubernetes v1, crictl v2: about 5 min 45 s on two idle cores, once"
    assert said[1:] == ["lab: kubernetes v1 (1 of 2): made in 0 s", "lab: crictl v2 (2 of 2): made in 0 s"]


def test_the_first_that_breaks_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Module()
    module.broken = "kubernetes"
    result, _said, _action = run(module, monkeypatch)
    assert result["failed"]
    assert result["msg"] == "kubernetes: it broke"
    assert module.calls[-1] == (False, ["kubernetes"])


def test_check_mode_only_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Module()
    result, said, _action = run(module, monkeypatch, check=True)
    assert (result["changed"], said) == (True, [])
    assert [check for check, _names in module.calls] == [True]
