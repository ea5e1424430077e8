# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The etcd member that leads is killed at once; its service manager starts it again."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any

from ..etcd_members import Members
from ..stage import Stage, StepError

ROOT = True  # the member is another user's process
TAKES = {
    "members": {"type": "list", "elements": "dict", "required": True},  # name, url, config_dir of each, on this host
    "ca_file": {"type": "str", "required": True},
    "client_cert": {"type": "str", "required": True},
    "client_key": {"type": "str", "required": True},
    "timeout_s": {"type": "float", "default": 30, "least": 1},
}


def prepare(stage: Stage, args: Mapping[str, Any]) -> None:
    """Let another member lead than the first, which is the one that is written to."""
    members = _members(args)
    try:
        now = members.statuses()
        if len(now) > 1 and members.leader(now) == 0:
            target = {"targetID": now[1]["header"]["member_id"]}
            members.ask(args["members"][0]["url"], "maintenance/transfer-leadership", target)
    except (OSError, ValueError, KeyError) as error:
        raise StepError(f"members: {error}") from error


def do(stage: Stage, args: Mapping[str, Any]) -> None:
    """Kill the leader, and wait until all answer and one leads again."""
    members = _members(args)
    try:
        index = members.leader(members.statuses())
        process = members.process(index)
    except (OSError, ValueError, KeyError) as error:
        raise StepError(f"members: {error}") from error
    with stage.change(f"kill -9 {process}, {args['members'][index]['name']}, which leads"):
        os.kill(process, signal.SIGKILL)

    def leaderless() -> str:
        try:
            members.leader(members.statuses())
        except (OSError, ValueError, KeyError) as error:
            return str(error)
        return ""

    stage.wait_until("the etcd cluster", leaderless, args["timeout_s"])


def _members(args: Mapping[str, Any]) -> Members:
    try:
        return Members(args["members"], args)
    except (OSError, KeyError) as error:
        raise StepError(f"members: expected name, url and config_dir of each, and readable files: {error}") from error
