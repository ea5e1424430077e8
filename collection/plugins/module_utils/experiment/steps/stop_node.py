# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A node of the lab is gone at once, as when its power fails: nothing in it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..nodes import engine_command
from ..stage import Stage, StepError

ROOT = True  # the engine's socket
TAKES = {"node": {"type": "str", "required": True}}


def prepare(stage: Stage, args: Mapping[str, Any]) -> None:
    """The node has to be a running container of this host's engine."""
    running = engine_command(["docker", "inspect", "--format={{.State.Running}}", args["node"]]).strip()
    if running != "true":
        raise StepError(f"the container {args['node']} does not run")


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Note that it must be started again, and kill it."""
    control_plane = _control_plane(stage)
    stage.journal.note("start-node", node=args["node"], control_plane=control_plane)
    with stage.change(f"kill node {args['node']}"):
        engine_command(["docker", "kill", args["node"]])


def _control_plane(stage: Stage) -> str:
    """The address that the node has to find again when it is started."""
    for node in stage.changes.api.get("/api/v1/nodes")["items"]:
        if "node-role.kubernetes.io/control-plane" in node["metadata"].get("labels", {}):
            for address in node["status"]["addresses"]:
                if address["type"] == "InternalIP":
                    return str(address["address"])
    raise StepError("the cluster has no control plane node with an address")
