# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A failed task in words: all of it, its message as text instead of a quoted value, and long lines wrapped."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

INDENT = "    "
#: Said elsewhere in the text, or nothing that helps.
LEFT_OUT = {"msg", "changed", "failed", "unreachable", "exception", "attempts", "results", "start", "end", "delta"}
LEFT_OUT |= {"ansible_loop_var", "ansible_index_var", "item", "invocation"}


def wrapped(text: str, width: int) -> str:
    """Indented, no line longer than width unless a word is; the text's own lines and indents stay."""
    lines = []
    for line in text.splitlines():
        own = line[: len(line) - len(line.lstrip())]
        lines.append(
            textwrap.fill(
                line,
                max(width, 40),
                initial_indent=INDENT,
                subsequent_indent=INDENT + own,
                break_long_words=False,
                break_on_hyphens=False,
                replace_whitespace=False,
                drop_whitespace=True,
            )
            if line.strip()
            else ""
        )
    return "\n".join(lines)


def message_of(result: Mapping[str, Any]) -> str:
    """What the task says for itself; of a report that was not accepted, why."""
    said = result.get("msg")
    if "reasons" in result:  # with failed_when; ansible-core adds only that it knows no error
        said = [f"{result['verdict']}:", *result["reasons"]]
    return "\n".join(str(line) for line in said) if isinstance(said, list) else str(said or "")


def details_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """The rest of a result that is worth showing: rc, stderr and the like, where they say something."""
    if "reasons" in result:
        return {}
    return {
        name: value
        for name, value in result.items()
        if name not in LEFT_OUT
        and not name.startswith("_")
        and value not in ("", [], {}, None)
        and not (name.endswith("_lines") and name[: -len("_lines")] in result)
    }


def is_rescued(task: Any) -> bool:
    """Whether a block around the task goes on with its rescue when the task fails."""
    node = task
    while node is not None:
        around = node._parent
        if getattr(around, "rescue", None) and any(one._uuid == node._uuid for one in around.block):
            return True
        node = around
    return False
