# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Time in which the effects of the step before show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..stage import Stage

TAKES = {"seconds": {"type": "float", "required": True, "least": 0}}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Let the time pass."""
    stage.pause(args["seconds"])
