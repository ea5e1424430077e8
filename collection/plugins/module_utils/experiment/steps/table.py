# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every kind of step by its name in a plan.

A kind is a module with `TAKES`, its arguments as a table of fields, and `do(stage, args)`. It may have
`prepare(stage, args)`, done before the load begins, which also finds out on the spot whether the step can be done; and
`ROOT = True` when it needs root on the host.
"""

from __future__ import annotations

from types import ModuleType

from . import (
    apply,
    command,
    delete,
    delete_pods,
    drain,
    kill_etcd_leader,
    patch,
    request,
    restart,
    scale,
    stop_node,
    tasks,
    uncordon,
    wait,
)

KINDS: dict[str, ModuleType] = {
    "apply": apply,
    "command": command,
    "delete": delete,
    "delete-pods": delete_pods,
    "drain": drain,
    "kill-etcd-leader": kill_etcd_leader,
    "patch": patch,
    "request": request,
    "restart": restart,
    "scale": scale,
    "stop-node": stop_node,
    "tasks": tasks,
    "uncordon": uncordon,
    "wait": wait,
}
