# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Other settings for the same workload, applied as a user would: the rollout runs while the probe asks.

What was there before is put back by the note of the deployment itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..objects import apply, wait_all_ready
from ..stage import Stage

TAKES = {
    "manifests": {"type": "list", "elements": "dict", "required": True},
    "wait": {"type": "bool", "default": True},
    "timeout_s": {"type": "float", "default": 180, "least": 1},
}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Apply all, then wait until every rollout is complete."""
    apply(stage, args["manifests"])
    if args["wait"]:
        wait_all_ready(stage, args["manifests"], args["timeout_s"])
