# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Runs the EXAMPLES of a module as a playbook and holds what comes back against its RETURN."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

COLLECTION = Path(__file__).resolve().parents[3]
MODULES = sorted(path.stem for path in (COLLECTION / "plugins/modules").glob("*.py"))
#: What Ansible itself adds to a result.
ANSIBLES_OWN = {
    "changed", "failed", "failed_when_result", "invocation", "warnings", "deprecations", "diff", "msg", "skipped",
    "_ansible_delegated_vars", "ansible_delegated_vars",
    # of the file, where a result has a `path`
    "uid", "gid", "owner", "group", "mode", "size", "state",
}  # fmt: skip
KINDS = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": list, "dict": dict}


@dataclass(frozen=True)
class Examples:
    """The examples of one module, with the places and times of this test in them."""

    module: str
    tasks: list[dict[str, Any]]

    @classmethod
    def of(cls, module: str, **replaced: str) -> Examples:
        """``replaced``: new text by old text. An old text that is not there is an error: the table would be stale."""
        text: str = import_module(f"ansible_collections.availability.lab.plugins.modules.{module}").EXAMPLES
        for old, new in replaced.items():
            assert old in text, f"{module}: its EXAMPLES no longer hold {old!r}"
            text = text.replace(old, new)
        return cls(module, yaml.safe_load(text))

    def run(self, folder: Path, *options: str, timeout_s: float = 120) -> list[dict[str, Any]]:
        """Run all of them; what each task of the module returned, in order. Fails with the playbook's output."""
        registered = []
        for number, task in enumerate(self.tasks):
            if f"availability.lab.{self.module}" in task:
                registered.append(task.setdefault("register", f"example_{number}"))
        answers = folder / "answers.json"
        keep = {"content": "{{ [" + ", ".join(registered) + "] | to_json }}", "dest": str(answers), "mode": "0600"}
        done = play(
            folder, [*self.tasks, {"ansible.builtin.copy": keep, "check_mode": False}], *options, limit=timeout_s
        )
        assert done.returncode == 0, done.stdout + done.stderr
        returned: list[dict[str, Any]] = json.loads(answers.read_text())
        return returned

    @staticmethod
    def documentation(module: str) -> dict[str, Any]:
        """DOCUMENTATION of a module."""
        told: dict[str, Any] = yaml.safe_load(
            import_module(f"ansible_collections.availability.lab.plugins.modules.{module}").DOCUMENTATION
        )
        return told

    def returns(self) -> dict[str, dict[str, Any]]:
        """RETURN of the module."""
        module = import_module(f"ansible_collections.availability.lab.plugins.modules.{self.module}")
        documented: dict[str, dict[str, Any]] = yaml.safe_load(module.RETURN)
        return documented


def play(
    folder: Path, tasks: list[dict[str, Any]], *options: str, limit: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run tasks on this machine, with this interpreter."""
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    places = [*os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep), *sys.path]
    collections = next(place for place in places if (Path(place) / "ansible_collections" / "availability").exists())
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", "play.yml",
         "-e", f"ansible_python_interpreter={sys.executable}", *options],
        cwd=folder, check=False, capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip


def assert_documented(result: dict[str, Any], documented: dict[str, dict[str, Any]]) -> None:
    """All that came back is in RETURN, in its type, and all that RETURN promises for every success came back."""
    came = set(result) - (ANSIBLES_OWN - set(documented))
    assert came <= set(documented), f"not in RETURN: {sorted(came - set(documented))}"
    promised = {name for name, entry in documented.items() if entry["returned"] in ("always", "success")}
    assert promised <= came, f"promised by RETURN: {sorted(promised - came)}"
    for name in came:
        kind = KINDS[documented[name]["type"]]
        assert result[name] is None or isinstance(result[name], kind), f"{name}: expected {documented[name]['type']}"
