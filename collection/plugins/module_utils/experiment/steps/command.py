# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A program of the user's, on the host that runs the experiment; and the one that takes back what it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..nodes import engine_command
from ..stage import Stage, StepError

TAKES = {
    "argv": {"type": "list", "elements": "str", "required": True},
    "undo": {"type": "list", "elements": "str"},
    "timeout_s": {"type": "float", "default": 60, "least": 1},
}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Note its undoing, run it to its end. An exit code other than 0 is a step that failed."""
    if not args["argv"]:
        raise StepError("argv: expected a program and its arguments")
    if args["undo"]:
        stage.journal.note("command", argv=args["undo"], timeout_s=args["timeout_s"])
    with stage.change(" ".join(args["argv"])):
        engine_command(args["argv"], args["timeout_s"])
