# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Another number of replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..stage import Stage
from .object_fields import OBJECT, note, path_of, there

TAKES = {
    **OBJECT,
    "kind": {"type": "str", "default": "Deployment", "choices": ["Deployment", "StatefulSet"]},
    "replicas": {"type": "int", "required": True, "least": 0},
    "timeout_s": {"type": "float", "default": 120, "least": 1},
}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Note how many there were, scale, and wait until it is so."""
    before = there(stage, args)["spec"].get("replicas", 1)
    note(stage, args, {"spec": {"replicas": before}})
    path = path_of(stage, args)
    with stage.change(f"scale {args['object']} from {before} to {args['replicas']}"):
        stage.changes.merge(path, {"spec": {"replicas": args["replicas"]}})
    stage.wait_ready(args["api_version"], args["kind"], args["object"], args["timeout_s"])
