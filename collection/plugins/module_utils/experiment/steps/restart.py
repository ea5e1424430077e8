# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""As `kubectl rollout restart`: every pod of a Deployment (or its like) is replaced, nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..stage import Stage
from .object_fields import OBJECT, path_of, there

TAKES = {
    **OBJECT,
    "kind": {"type": "str", "default": "Deployment", "choices": ["Deployment", "StatefulSet", "DaemonSet"]},
    "timeout_s": {"type": "float", "default": 180, "least": 1},
}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Change the annotation that kubectl changes, and wait until the rollout is complete."""
    there(stage, args)
    path = path_of(stage, args)
    stamp = {"kubectl.kubernetes.io/restartedAt": datetime.now(timezone.utc).isoformat(timespec="microseconds")}
    with stage.change(f"restart {args['kind']} {args['object']}"):
        stage.changes.patch(path, {"spec": {"template": {"metadata": {"annotations": stamp}}}})
    stage.wait_ready(args["api_version"], args["kind"], args["object"], args["timeout_s"])
