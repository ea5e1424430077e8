# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Requests to a workload, each to one pod: to make it busy, for example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..stage import Stage, StepError

TAKES = {
    "path": {"type": "str", "required": True},
    "method": {"type": "str", "default": "POST", "choices": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
    "selector": {"type": "list", "elements": "str", "required": True},
    "port": {"type": "int", "default": 8080, "least": 1},
    "times": {"type": "int", "default": 1, "least": 1},
}


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Ask each pod `times` times, through the API server: pods have no address that every host reaches."""
    living = stage.living_pods(args["selector"])
    if not living:
        raise StepError(f"no pod with the labels {', '.join(args['selector'])} runs in {stage.namespace}")
    path, _mark, query = args["path"].lstrip("/").partition("?")
    params = dict(pair.partition("=")[::2] for pair in query.split("&")) if query else {}
    for pod in living:
        name = pod["metadata"]["name"]
        url = f"/api/v1/namespaces/{stage.namespace}/pods/{name}:{args['port']}/proxy/{path}"
        for _unused in range(args["times"]):
            with stage.change(f"{args['method']} {args['path']} at {name}"):
                if args["method"] == "GET":
                    stage.changes.api.get_bytes(url, **params)
                else:
                    stage.changes.api.send(args["method"], url, **params)
