# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The process that keeps one service running on a host without systemd.

This file is copied to the host and run there by itself (``python supervisor.py spec.json``), so it uses the
standard library only and imports nothing from the collection. It detaches from whoever started it, starts the
command of its spec, starts it again with a growing delay when it ends, and ends both on SIGTERM.

Spec (JSON): name, command (list), user, group, environment, log_file, restart_delay_s, stop_timeout_s.
State (JSON, written beside the spec as ``<name>.state``): supervisor and child, each ``{"pid", "start_ticks"}``
or null, restarts, last_exit, error.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import resource
import signal
import subprocess
import sys
import time
from typing import Any

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MAX_RESTART_DELAY_S = 30.0
# A child that lived this long is healthy: its next end starts again at the short delay.
HEALTHY_AFTER_S = 10.0
HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


def start_ticks(pid: int) -> int | None:
    """Start time of a live process in clock ticks since boot; None when it is gone or a zombie.

    A pid together with this number names one process for as long as the host is up (proc(5), field 22).
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat_file:
            stat = stat_file.read()
    except OSError:
        return None
    # The command name may hold blanks and brackets: fields are counted after its last closing bracket.
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


def identity(pid: int) -> dict[str, int] | None:
    """``{"pid", "start_ticks"}`` of a live process, or None."""
    ticks = start_ticks(pid)
    return None if ticks is None else {"pid": pid, "start_ticks": ticks}


def write_json(path: str, content: dict[str, Any]) -> None:
    """Replaces the file at once: a reader sees the old content or the new, never half. Mode 0600."""
    temporary = f"{path}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(content, out)
    os.replace(temporary, path)


def detach(log_file: str) -> None:
    """Leaves the caller's session, terminal and descriptors; output goes to the log file.

    The second fork keeps the supervisor from ever getting a controlling terminal again.
    """
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def child_environment(spec: dict[str, Any]) -> dict[str, str]:
    """A clean environment: what the spec gives, on top of PATH, HOME, USER and LANG; nothing of the caller's."""
    account = pwd.getpwnam(spec["user"]) if spec["user"] else pwd.getpwuid(os.getuid())
    base = {"PATH": DEFAULT_PATH, "HOME": account.pw_dir, "USER": account.pw_name, "LANG": "C.UTF-8"}
    return {**base, **spec["environment"]}


def account_arguments(spec: dict[str, Any]) -> dict[str, Any]:
    """Popen's user, group and extra_groups; empty when the service runs as the supervisor's own account."""
    if not spec["user"] and not spec["group"]:
        return {}
    account = pwd.getpwnam(spec["user"]) if spec["user"] else pwd.getpwuid(os.getuid())
    group = grp.getgrnam(spec["group"]).gr_gid if spec["group"] else account.pw_gid
    if (account.pw_uid, group) == (os.getuid(), os.getgid()):
        return {}
    groups = os.getgrouplist(account.pw_name, group)
    return {"user": account.pw_uid, "group": group, "extra_groups": groups}


def prepare_child() -> None:
    """Runs in the child before exec: signals as usual again, and as many open files as the host allows."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Supervisor:
    """Keeps one child running until told to stop."""

    def __init__(self, spec: dict[str, Any], state_path: str) -> None:
        self.spec = spec
        self.state_path = state_path
        self.child: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.last_exit: int | None = None

    def record(self, error: str | None = None) -> None:
        write_json(
            self.state_path,
            {
                "supervisor": identity(os.getpid()),
                "child": identity(self.child.pid) if self.child else None,
                "restarts": self.restarts,
                "last_exit": self.last_exit,
                "error": error,
            },
        )

    def say(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        os.write(2, f"{stamp} supervisor of {self.spec['name']}: {text}\n".encode())

    def start_child(self) -> None:
        # In a session of its own, so that the child's helpers can be ended with it as one process group.
        self.child = subprocess.Popen(
            self.spec["command"],
            env=child_environment(self.spec),
            start_new_session=True,
            preexec_fn=prepare_child,  # noqa: PLW1509  (this process has one thread)
            **account_arguments(self.spec),
        )

    def reap(self) -> bool:
        """True when the child has ended. What it left in its process group is ended before its pid is freed."""
        if self.child is None:
            return True
        # WNOWAIT keeps the pid (and so the group's number) ours until the group is gone.
        if os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        self.kill_group()
        self.last_exit = self.child.wait()
        self.child = None
        return True

    def kill_group(self) -> None:
        if self.child is not None:
            try:
                os.killpg(self.child.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return  # nobody but the ended child itself is left in it

    def wait(self, seconds: float) -> int | None:
        """Waits for a handled signal, at most so long; the signal's number, or None."""
        got = signal.sigtimedwait(HANDLED, max(seconds, 0.0))
        return None if got is None else got.si_signo

    def stop(self) -> None:
        """Asks the child to end; kills it with its group when it has not after stop_timeout_s."""
        if self.child is not None:
            self.child.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + self.spec["stop_timeout_s"]
            while not self.reap():
                left = deadline - time.monotonic()
                if left <= 0:
                    self.say(f"still running after {self.spec['stop_timeout_s']} s, killed")
                    self.kill_group()
                    deadline = time.monotonic() + 60
                self.wait(min(max(left, 0.05), 1.0))
        self.say("stopped")
        os.unlink(self.state_path)

    def run(self) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        delay_s = self.spec["restart_delay_s"]
        while True:
            started = time.monotonic()
            try:
                self.start_child()
            except (OSError, KeyError, subprocess.SubprocessError) as error:
                self.child = None
                self.say(f"cannot start {self.spec['command'][0]}: {error}")
                self.record(f"cannot start {self.spec['command'][0]}: {error}")
                return 1
            self.record()
            while not self.reap():
                if self.wait(60.0) in (signal.SIGTERM, signal.SIGINT):
                    self.stop()
                    return 0
            if time.monotonic() - started >= HEALTHY_AFTER_S:
                delay_s = self.spec["restart_delay_s"]
            self.restarts += 1
            self.say(f"ended with {self.last_exit}, starting again in {delay_s} s")
            self.record()
            resume = time.monotonic() + delay_s
            while time.monotonic() < resume:
                if self.wait(resume - time.monotonic()) in (signal.SIGTERM, signal.SIGINT):
                    self.stop()
                    return 0
            delay_s = min(delay_s * 2, MAX_RESTART_DELAY_S)


def main(arguments: list[str]) -> int:
    spec_path = arguments[1]
    with open(spec_path, encoding="utf-8") as spec_file:
        spec = json.load(spec_file)
    detach(spec["log_file"])
    return Supervisor(spec, os.path.splitext(spec_path)[0] + ".state").run()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
