# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A merge patch of one object: the selector of a Service, the image of a Deployment that the lab did not build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...cluster.object_ready import PREDICATES
from ..stage import Stage
from .object_fields import OBJECT, note, path_of, there

TAKES = {
    **OBJECT,
    "patch": {"type": "dict", "required": True},
    "undo": {"type": "dict"},  # the patch that takes it back; without it the object's own spec as it was
    "wait": {"type": "bool", "default": True},
    "timeout_s": {"type": "float", "default": 180, "least": 1},
}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Note the way back, patch, and wait until the rollout is complete."""
    back = args["undo"] or {"spec": there(stage, args)["spec"]}
    note(stage, args, back)
    path = path_of(stage, args)
    with stage.change(f"patch {args['kind']} {args['object']}"):
        stage.changes.patch(path, args["patch"])
    if args["wait"] and args["kind"] in PREDICATES:
        stage.wait_ready(args["api_version"], args["kind"], args["object"], args["timeout_s"])
