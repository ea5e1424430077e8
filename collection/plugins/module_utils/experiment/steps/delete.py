# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One object is deleted, and with it what belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..stage import Stage
from .object_fields import OBJECT, path_of, there

TAKES = {**OBJECT, "timeout_s": {"type": "float", "default": 120, "least": 1}}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Delete it and wait until it is gone, or another one has its name: a StatefulSet makes such a pod at once."""
    uid = there(stage, args)["metadata"]["uid"]
    path = path_of(stage, args)
    with stage.change(f"delete {args['kind']} {args['object']}"):
        stage.changes.delete(path)

    def still_there() -> str:
        found = stage.changes.read(path)
        return "it is still being removed" if found and found["metadata"]["uid"] == uid else ""

    stage.wait_until(f"the removal of {args['kind']} {args['object']}", still_there, args["timeout_s"])
