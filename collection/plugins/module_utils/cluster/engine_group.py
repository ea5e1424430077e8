# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The right to talk to the engine, in a session that began before it was given.

A session has the groups that its user had at login. Who was made a member of the socket's group since then would have
to log in again; sg(1) takes the membership up for one command.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex

SOCKET = "/run/docker.sock"


def with_access(command: list[str], socket: str = SOCKET) -> list[str]:
    """`command`, or the same run by sg where the user may use the socket's group and this process does not have it."""
    try:
        group = grp.getgrgid(os.stat(socket).st_gid)
        user = pwd.getpwuid(os.getuid()).pw_name
    except (OSError, KeyError):
        return command
    if os.access(socket, os.W_OK) or user not in group.gr_mem:
        return command
    return ["sg", group.gr_name, "-c", shlex.join(command)]
