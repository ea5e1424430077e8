# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What ansible-playbook prints with the condensed screen: to a pipe, and to a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.availability.lab.tests.integration.lab_under_test import PlaybookRun

LONG = "word " * 60
MODULE = """
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"changes": {"type": "bool"}})
module.warn("something to know")
module.exit_json(changed=module.params["changes"])
"""


@dataclass
class Screen:
    """A folder with playbooks, run with the condensed screen."""

    folder: Path

    def role(self, name: str, **files: list[dict[str, Any]]) -> None:
        """A role by its task files."""
        tasks = self.folder / "roles" / name / "tasks"
        tasks.mkdir(parents=True)
        for file, content in files.items():
            (tasks / f"{file}.yml").write_text(yaml.safe_dump(content))

    def command(self, tasks: list[dict[str, Any]], play: dict[str, Any] | None = None) -> list[str]:
        """The command that runs these tasks as one play."""
        whole = {"name": "A play", "hosts": "all", "gather_facts": False, "tasks": tasks, **(play or {})}
        (self.folder / "play.yml").write_text(yaml.safe_dump([whole]))
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        return [
            program,
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            "play.yml",
        ]

    def environment(self, **more: str) -> dict[str, str]:
        """Ansible's settings; nothing of the machine's own."""
        collections = next(
            entry for entry in sys.path if (Path(entry) / "ansible_collections" / "availability").exists()
        )
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_STDOUT_CALLBACK": "availability.lab.condensed",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_LIBRARY": str(self.folder / "library"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "TERM": "xterm",
            **more,
        }

    def play(self, tasks: list[dict[str, Any]], *options: str, code: int = 0, **more: str) -> str:
        """All that the run printed into a pipe."""
        done = subprocess.run(
            [*self.command(tasks), *options], cwd=self.folder, env=self.environment(**more), text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        return done.stdout


@pytest.fixture
def screen(tmp_path: Path) -> Screen:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "telling.py").write_text(MODULE)
    return Screen(tmp_path)


def ok(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "ansible.builtin.assert": {"that": True, "quiet": True}, **more}


def changing(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "ansible.builtin.set_fact": {"known": True}, "changed_when": True, **more}


def failing(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "ansible.builtin.fail": {"msg": text}, **more}


def use(role: str) -> dict[str, Any]:
    return {"name": f"Use {role}", "ansible.builtin.include_role": {"name": role}}


def steps_of(output: str) -> list[str]:
    """The lines of steps, without their times."""
    found = re.findall(r"^  (\S.*?) +\d[\d.]* s(?:  (.*))?$", output, re.MULTILINE)
    return [f"{name}: {what}" if what else name for name, what in found]


def test_a_role_is_one_line_with_all_that_it_includes(screen: Screen) -> None:
    screen.role("inner", main=[ok("Look"), changing("Turn")])
    screen.role("outer", main=[ok("Check"), use("inner"), changing("Write", loop=[1, 2]), ok("Not now", when=False)])
    output = screen.play([use("outer"), ok("Wait for it")], AVAILABILITY_LAB_SHORT_STEP="0")
    assert steps_of(output)[1:] == ["outer: changed 2: Turn; Write", "Wait for it"], output
    # What the lab's own tests read from the screen when a second run changes something.
    assert PlaybookRun(0, output, 1).changed_tasks() == ["outer: Turn; Write"]
    assert PlaybookRun(0, output, 1).changed() == {"localhost": 2}
    assert "TASK" not in output
    assert "included:" not in output


def test_a_long_part_of_a_role_has_its_own_line(screen: Screen) -> None:
    part = {"name": "Do one", "ansible.builtin.include_tasks": "one.yml", "loop": ["red", "blue"]}
    waits = {"name": "Wait", "ansible.builtin.pause": {"seconds": "{{ 2 if item == 'red' else 0 }}"}}
    screen.role("paints", main=[ok("Check"), part, changing("Tidy")], one=[waits, changing("Paint")])
    output = screen.play([use("paints")], AVAILABILITY_LAB_LONG_STEP="1.5")
    assert steps_of(output) == ["paints: Do one (red): changed 1: Paint", "paints: changed 2: Paint; Tidy"], output
    assert re.search(r"Do one \(red\) +[23]\.\d s  changed", output), output


def test_what_is_short_or_skipped_and_changes_nothing_is_not_told(screen: Screen) -> None:
    screen.role("idle", main=[ok("Look", when=False)])
    screen.role("quick", main=[ok("Look")])
    output = screen.play([ok("Glance"), use("idle"), use("quick"), changing("Turn")], AVAILABILITY_LAB_SHORT_STEP="30")
    assert steps_of(output) == ["quick", "Turn: changed 1"], output


def test_a_failure_is_told_whole_and_as_text(screen: Screen) -> None:
    program = {
        "name": "Run it",
        "ansible.builtin.command": {"argv": ["sh", "-c", "echo out; echo 'it''s bad' >&2; exit 3"]},
    }
    screen.role("breaks", main=[failing("Say no", f'it\'s "no": {LONG}\n  second line', ignore_errors=True), program])
    output = screen.play([use("breaks")], code=2)
    assert 'FAILED breaks : Say no [localhost]\n    it\'s "no": word word' in output, output
    assert output.count("word") == 60
    assert "\n      second line\n" in output
    assert max(map(len, output.splitlines())) <= 120
    assert "...ignoring" in output
    assert re.search(r"FAILED breaks : Run it \[localhost\]\n    non-zero return code\n", output), output
    assert re.search(
        r"^    rc: 3\n    stderr: its bad\n    stdout: out\n    in .*breaks/tasks/main.yml:\d+$", output, re.MULTILINE
    )
    assert steps_of(output) == ["breaks: failed 1"]
    assert "failed=1" in output


def test_a_failed_item_is_named_and_a_rescued_failure_said_to_be(screen: Screen) -> None:
    loop = failing("Try", "not {{ item }}", loop=["this", "that"])
    output = screen.play([{"name": "Or else", "block": [loop], "rescue": [changing("Help")]}])
    assert "FAILED Try [localhost] (item=this)\n    not this\n" in output, output
    assert "FAILED Try [localhost] (item=that)\n    not that\n" in output
    assert "...going on with its rescue" in output
    assert "failed 1" not in output
    assert "rescued=1" in output


def test_retries_are_not_shown_and_warnings_are(screen: Screen) -> None:
    tries = {
        "name": "Try again", "ansible.builtin.command": {"argv": ["false"]}, "register": "done",
        "until": "done is success", "retries": 2, "delay": 0, "failed_when": False,
    }  # fmt: skip
    warns = {"name": "Warn", "telling": {"changes": True}}
    output = screen.play([tries, warns])
    assert "RETRYING" not in output
    assert "[WARNING]: something to know" in output
    assert "Warn: changed 1" in steps_of(output)


def test_debug_speaks_as_text(screen: Screen) -> None:
    say = {"name": "Say", "ansible.builtin.debug": {"msg": "it's: 'so'"}}
    show = {"name": "Show", "ansible.builtin.debug": {"var": "wanted"}, "vars": {"wanted": {"nodes": 2}}}
    items = {"name": "Each", "ansible.builtin.debug": {"msg": "item {{ item }}"}, "loop": [1, 2]}
    output = screen.play([say, show, items])
    assert "\n    it's: 'so'\n    wanted:\n        nodes: 2\n    item 1\n    item 2\n" in output, output


def test_verbose_is_the_default_screen(screen: Screen) -> None:
    tasks = [ok("Look"), changing("Turn", loop=[1]), failing("Break", "no", ignore_errors=True)]

    def told(callback: str) -> str:
        output = screen.play(tasks, "-v", ANSIBLE_STDOUT_CALLBACK=callback)
        return output.replace(callback, "")

    assert told("availability.lab.condensed") == told("ansible.builtin.default")
    assert "TASK [Look]" in told("availability.lab.condensed")


def test_diff_shows_what_differs(screen: Screen) -> None:
    write = {
        "name": "Write",
        "ansible.builtin.copy": {"content": "new\n", "dest": "{{ playbook_dir }}/it", "mode": "0600"},
    }
    output = screen.play([write], "--check", "--diff")
    assert "TASK [Write]" in output
    assert "+new" in output
    assert "Write: changed 1" in steps_of(output)


def test_a_terminal_has_a_status_line_that_leaves_nothing_behind(screen: Screen) -> None:
    """What the terminal shows in the end: carriage returns and erasures done, as it does them."""
    screen.role("works", main=[ok("Look with a name that is rather long"), changing("Turn")])
    warns = {"name": "Warn", "telling": {"changes": False}}
    command = screen.command([use("works"), {"name": "Say", "ansible.builtin.debug": {"msg": "hi"}}, warns])
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=screen.folder, env=screen.environment(ANSIBLE_NOCOLOR="1"), stdin=subprocess.DEVNULL,
        stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    raw = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        raw += piece
    os.close(ours)
    assert process.wait() == 0, raw
    text = raw.decode().replace("\r\n", "\n")
    assert "\r\x1b[K  … works : Turn" in text
    shown = [line.rpartition("\r\x1b[K")[2] for line in text.split("\n")]
    assert not [line for line in shown if "…" in line or "\x1b" in line or "\r" in line], shown
    assert "    hi" in shown
    assert any(line.startswith("[WARNING]: something to know") for line in shown)
