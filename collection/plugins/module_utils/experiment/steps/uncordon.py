# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Pods may come to a node again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...cluster.drain import set_schedulable
from ..stage import Stage

TAKES = {"node": {"type": "str", "required": True}}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Make it schedulable."""
    with stage.change(f"uncordon {args['node']}"):
        set_schedulable(stage.changes, args["node"], True)
