#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine_heal
short_description: Clear away what a dead Docker engine left behind
version_added: 0.1.0
description:
  - Does nothing while the engine answers.
  - Otherwise ends a C(dockerd) that hangs (it runs, and answers no ping within 20 seconds), and removes pid
    files that name no live process of that program and the socket of a containerd that is gone. Each of them keeps a
    new engine from starting.
  - A hanging C(dockerd) that neither systemd's C(docker.service) nor M(availability.lab.supervised_service) started is
    left alone. The module fails and names it.
  - Images, containers and volumes are never touched.
author: The Availability Lab founders (@availability-lab)
options:
  supervised_name:
    description: Name under which M(availability.lab.supervised_service) keeps the engine, where it does.
    type: str
    default: docker
  supervised_directory:
    description: Folder where M(availability.lab.supervised_service) keeps its files.
    type: path
    default: /run/availability-lab
attributes:
  check_mode:
    support: full
    description: Tells what would be cleared away.
  diff_mode:
    support: none
    description: What was removed is in the result.
  platform:
    support: full
    platforms: linux
    description: Needs C(/proc).
"""

EXAMPLES = r"""
- name: Clear away what a dead engine left behind
  availability.lab.docker_engine_heal:
"""

RETURN = r"""
engine:
  description:
    - V(systemd) or V(supervised) when the engine that answers belongs to one of them, V(foreign) when it was started
      in another way, V(down) when none answers.
  returned: always
  type: str
  sample: down
removed:
  description: Files that were removed.
  returned: always
  type: list
  elements: str
  sample: [/run/docker.pid]
ended:
  description: Pids of hanging engines that were ended.
  returned: always
  type: list
  elements: int
  sample: [4711]
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.host.engine import (
    EngineFiles,
    answers_in_time,
    named_pid,
    owner,
    stale_files,
    started_by_us,
)
from ansible_collections.availability.lab.plugins.module_utils.host.service import (
    Service,
    ServiceError,
    end_process,
)

STOP_TIMEOUT_S = 20.0


def heal(service: Service, under_systemd: bool, check_mode: bool) -> dict[str, Any]:
    files = EngineFiles()
    if answers_in_time(files):
        return {
            "changed": False,
            "engine": owner(files, service, under_systemd),
            "removed": [],
            "ended": [],
        }
    hanging = named_pid(files.pid_file, "dockerd")
    if hanging is not None and not started_by_us(hanging, service):
        raise ServiceError(
            f"dockerd (pid {hanging}) runs, does not answer on {files.socket} and was started by neither systemd nor "
            f"the lab. Nothing was changed: bring it to answer, or end it, and run this again"
        )
    ended = [hanging] if hanging is not None else []
    if not check_mode:
        # A supervised engine is ended through its supervisor, which would start it again at once.
        with service.locked():
            service.stop(STOP_TIMEOUT_S)
        end_process(named_pid(files.pid_file, "dockerd"), STOP_TIMEOUT_S)
    removed = stale_files(files)
    if not check_mode:
        for path in removed:
            os.unlink(path)
    return {"changed": bool(ended or removed), "engine": "down", "removed": removed, "ended": ended}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "supervised_name": {"type": "str", "default": "docker"},
            "supervised_directory": {"type": "path", "default": "/run/availability-lab"},
        },
        supports_check_mode=True,
    )
    try:
        service = Service(module.params["supervised_name"], module.params["supervised_directory"])
        under_systemd = os.path.isdir("/run/systemd/system")
        module.exit_json(**heal(service, under_systemd, module.check_mode))
    except (ServiceError, OSError) as error:
        module.fail_json(msg=f"clearing away a dead engine: {error}")


if __name__ == "__main__":
    main()
