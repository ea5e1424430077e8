# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A file of Ansible tasks, done by the playbook that runs the experiment, between two marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..stage import Stage, StepError

TAKES = {"file": {"type": "str", "required": True}, "index": {"type": "int", "default": 0}}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Hand over to the playbook and wait until it says that the tasks were done."""
    if stage.hand_over is None:
        raise StepError("there is no playbook that could run the tasks; start the experiment with the role scenario")
    with stage.change(f"tasks {args['file']}"):
        stage.hand_over(stage, args["index"], args["file"])
