# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A node is emptied, as before its maintenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...cluster.drain import evict_all, set_schedulable
from ..stage import Stage

TAKES = {
    "node": {"type": "str", "required": True},
    "timeout_s": {"type": "float", "default": 60, "least": 1},
}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Cordon it, and evict its pods until none is left."""
    stage.journal.note("uncordon", node=args["node"])
    with stage.change(f"cordon {args['node']}"):
        set_schedulable(stage.changes, args["node"], False)
    evict_all(stage.changes, args["node"], args["timeout_s"], stage.pause, lambda pod: stage.change(f"evict {pod}"))
