#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: supervised_service
short_description: Keep a program running on a host without systemd
version_added: 0.1.0
description:
  - Starts a program in the background, starts it again when it ends, and stops it, on hosts whose PID 1 is not an
    init system (containers, small virtual machines). Where systemd runs, use M(ansible.builtin.systemd_service).
  - The program is the child of a small supervisor process with a session of its own, so both outlive the playbook
    and its Ctrl-C. Neither comes back after a reboot by itself.
  - A process is only ever signalled when its pid and its start time are those on record. Stale files are healed.
    A program that somebody else started is not adopted.
  - The program runs with a clean environment (E(PATH), E(HOME), E(USER), E(LANG)) plus O(environment), in the folder
    C(/), with the open-files limit raised to the hard limit.
author: The Availability Lab founders (@availability-lab)
options:
  name:
    description: Name of the service. Letters, digits, C(.), C(_), C(-).
    type: str
    required: true
  command:
    description:
      - The program and its arguments. The program must stay in the foreground.
      - Required when O(state=started) or O(state=restarted).
    type: list
    elements: str
  state:
    description:
      - V(started) starts the service unless it runs with just these options; when an option changed, it is restarted.
      - V(restarted) always restarts it.
      - V(stopped) stops it.
      - V(absent) stops it and removes its files except the log.
    type: str
    choices: [started, stopped, restarted, absent]
    default: started
  user:
    description: Account that the program runs as. Default is the account that runs the module.
    type: str
  group:
    description: Group that the program runs as. Default is the main group of O(user).
    type: str
  environment:
    description: Environment variables of the program.
    type: dict
    default: {}
  directory:
    description: Folder for the supervisor and its pid and state files.
    type: path
    default: /run/availability-lab
  log_file:
    description:
      - Where the output of the program goes. It is opened for appending and never rotated; C(copytruncate) of
        logrotate does no harm.
      - Default is C(/var/log/availability-lab/NAME.log).
    type: path
  restart_delay_s:
    description:
      - Seconds before the program is started again when it ended. Doubled each time up to 30; a program that stayed
        up for 10 seconds starts at this value again.
    type: float
    default: 1.0
  stop_timeout_s:
    description: Seconds between the request to stop (SIGTERM) and SIGKILL.
    type: float
    default: 15.0
attributes:
  check_mode:
    support: full
    description: Predicts the change without making it.
  diff_mode:
    support: full
    description: Shows state and command before and after; never the environment.
  platform:
    support: full
    platforms: linux
    description: Needs C(/proc).
"""

EXAMPLES = r"""
- name: Keep a web server running
  availability.lab.supervised_service:
    name: files
    command: [/usr/bin/python3, -m, http.server, --bind, 127.0.0.1, --directory, /srv, "8099"]
    user: nobody

- name: Stop it and forget it
  availability.lab.supervised_service:
    name: files
    state: absent
"""

RETURN = r"""
pid:
  description: Process id of the program; null when it does not run, or in check mode when it would be started.
  returned: always
  type: int
  sample: 4711
supervisor_pid:
  description: Process id of its supervisor; null when it does not run.
  returned: always
  type: int
  sample: 4710
log_file:
  description: Where the output of the program goes.
  returned: always
  type: str
  sample: /var/log/availability-lab/files.log
"""

from contextlib import nullcontext
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.host.service import (
    Service,
    ServiceError,
    ServiceSpec,
)


def wanted_spec(params: dict[str, Any], log_file: str) -> ServiceSpec:
    spec = ServiceSpec(
        name=params["name"],
        command=params["command"],
        log_file=log_file,
        user=params["user"],
        group=params["group"],
        environment={key: str(value) for key, value in params["environment"].items()},
        restart_delay_s=params["restart_delay_s"],
        stop_timeout_s=params["stop_timeout_s"],
    )
    spec.check()
    return spec


def ensure(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    log_file = params["log_file"] or f"/var/log/availability-lab/{params['name']}.log"
    service = Service(params["name"], params["directory"])
    up = params["state"] in ("started", "restarted")
    spec = wanted_spec(params, log_file) if up else None
    with nullcontext() if module.check_mode else service.locked():
        before = {"state": "started" if service.running() else "stopped", "command": service.command()}
        alive = service.running() or service.child_pid() is not None
        if spec:
            changed = params["state"] == "restarted" or not service.running() or not service.matches(spec)
            if changed and not module.check_mode:
                spec.check_host()
                service.start(spec)
        else:
            changed = alive or (params["state"] == "absent" and service.known())
            if not module.check_mode:
                service.stop(params["stop_timeout_s"])
                if params["state"] == "absent":
                    service.forget()
        after_command = params["command"] if up else (None if params["state"] == "absent" else before["command"])
        stays = not changed or not module.check_mode
        return {
            "changed": changed,
            "pid": service.child_pid() if stays else None,
            "supervisor_pid": service.supervisor_pid() if stays else None,
            "log_file": log_file,
            "diff": {
                "before": before,
                "after": {"state": "started" if up else "stopped", "command": after_command},
            },
        }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "command": {"type": "list", "elements": "str"},
            "state": {
                "type": "str",
                "choices": ["started", "stopped", "restarted", "absent"],
                "default": "started",
            },
            "user": {"type": "str"},
            "group": {"type": "str"},
            "environment": {"type": "dict", "default": {}},
            "directory": {"type": "path", "default": "/run/availability-lab"},
            "log_file": {"type": "path"},
            "restart_delay_s": {"type": "float", "default": 1.0},
            "stop_timeout_s": {"type": "float", "default": 15.0},
        },
        required_if=[("state", "started", ("command",)), ("state", "restarted", ("command",))],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**ensure(module))
    except ServiceError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{module.params['name']}: {error}")


if __name__ == "__main__":
    main()
