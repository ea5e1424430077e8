# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A random pod is deleted, again and again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from ..stage import Stage, StepError

TAKES = {
    "selector": {"type": "list", "elements": "str", "required": True},
    "count": {"type": "int", "default": 1, "least": 1},
    "every_s": {"type": "float", "default": 3, "least": 0},
    "grace_s": {"type": "int", "least": 0},  # without it as the pod says
}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Delete one of the living pods, `count` times. Where there is none at a turn that turn deletes none."""
    killed = 0
    for turn in range(args["count"]):
        if turn:
            stage.pause(args["every_s"])
        living = stage.living_pods(args["selector"])
        if not living:
            continue
        name = random.choice(living)["metadata"]["name"]  # noqa: S311 - any pod will do
        with stage.change(f"delete Pod {name}"):
            stage.changes.delete(f"/api/v1/namespaces/{stage.namespace}/pods/{name}", args["grace_s"])
        killed += 1
    if not killed:
        raise StepError(f"no pod with the labels {', '.join(args['selector'])} was running in {stage.namespace}")
