# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Supervision with real processes: each test starts some, looks at them in /proc and ends them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.service import (
    Service,
    ServiceError,
    ServiceSpec,
)
from ansible_collections.availability.lab.plugins.module_utils.host.supervisor import identity, start_ticks

SLEEP = ["sleep", "1000"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    one = Service("web", str(tmp_path))
    yield one
    one.stop(1.0)


def spec(tmp_path: Path, command: list[str], **more: Any) -> ServiceSpec:
    options = {"restart_delay_s": 0.1, "stop_timeout_s": 5.0, **more}
    return ServiceSpec(name="web", command=command, log_file=str(tmp_path / "log" / "web.log"), **options)


def until(reached: Callable[[], Any], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not reached():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def test_a_started_service_runs_detached_and_a_stopped_one_is_gone(service: Service, tmp_path: Path) -> None:
    pid = service.start(spec(tmp_path, SLEEP))
    supervisor_pid = service.supervisor_pid()
    assert pid == service.child_pid()
    assert supervisor_pid is not None
    # No session, terminal or descriptor of ours: it survives the end of the playbook and its Ctrl-C.
    assert os.getsid(supervisor_pid) != os.getsid(0)
    assert os.getsid(pid) == pid
    for one in (pid, supervisor_pid):
        assert sorted(os.listdir(f"/proc/{one}/fd"), key=int) == ["0", "1", "2"]
    service.stop(5.0)
    assert start_ticks(pid) is None
    assert start_ticks(supervisor_pid) is None
    assert not service.running()
    assert not os.path.exists(service.state_path)


def test_a_killed_child_comes_back(service: Service, tmp_path: Path) -> None:
    pid = service.start(spec(tmp_path, SLEEP))
    os.kill(pid, signal.SIGKILL)
    until(lambda: service.child_pid() not in (None, pid))
    assert service.state()["restarts"] == 1
    assert service.state()["last_exit"] == -signal.SIGKILL


def test_the_delay_doubles_while_the_child_keeps_ending(service: Service, tmp_path: Path) -> None:
    marks, log = tmp_path / "marks", tmp_path / "log" / "web.log"
    service.start(spec(tmp_path, ["sh", "-c", f"date +%s.%N >>{marks}; sleep 0.7"]))
    until(lambda: marks.exists() and len(marks.read_text().split()) >= 4, limit_s=60)
    said = [float(delay) for delay in re.findall(r"starting again in (\S+) s", log.read_text())]
    assert said[:3] == [0.1, 0.2, 0.4]
    times = [float(line) for line in marks.read_text().split()]
    # A busy machine makes a gap longer, nothing makes it shorter.
    assert all(after - before >= delay for before, after, delay in zip(times, times[1:], said))


def test_a_child_whose_supervisor_was_killed_is_ended_by_the_next_start(service: Service, tmp_path: Path) -> None:
    orphan = service.start(spec(tmp_path, SLEEP))
    supervisor_pid = service.supervisor_pid()
    assert supervisor_pid is not None
    os.kill(supervisor_pid, signal.SIGKILL)
    until(lambda: not service.running())
    assert service.child_pid() == orphan
    assert service.start(spec(tmp_path, SLEEP)) != orphan
    assert start_ticks(orphan) is None


def test_a_pid_that_now_belongs_to_a_stranger_is_left_alone(service: Service, tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP) as stranger:
        try:
            reused = {"pid": stranger.pid, "start_ticks": 1}
            Path(service.state_path).write_text(json.dumps({"supervisor": reused, "child": reused}))
            assert not service.running()
            service.stop(1.0)
            assert identity(stranger.pid) is not None
            assert not os.path.exists(service.state_path)
        finally:
            stranger.kill()


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_damaged_state_file_counts_as_stopped(service: Service, tmp_path: Path, content: str) -> None:
    Path(service.state_path).write_text(content)
    assert not service.running()
    assert service.start(spec(tmp_path, SLEEP)) > 0


def test_a_child_that_ignores_the_request_is_killed_with_its_helpers(service: Service, tmp_path: Path) -> None:
    helper = tmp_path / "helper"
    script = f"trap '' TERM; sleep 1000 & echo $! > {helper}; while :; do wait; done"
    pid = service.start(spec(tmp_path, ["sh", "-c", script], stop_timeout_s=0.5))
    until(helper.exists)
    started = time.monotonic()
    service.stop(0.5)
    assert time.monotonic() - started < 5
    assert start_ticks(pid) is None
    until(lambda: start_ticks(int(helper.read_text())) is None)
    assert "killed" in (tmp_path / "log" / "web.log").read_text()


def test_helpers_of_a_child_that_ended_are_ended_too(service: Service, tmp_path: Path) -> None:
    helper = tmp_path / "helper"
    pid = service.start(spec(tmp_path, ["sh", "-c", f"sleep 1000 & echo $! > {helper}; wait"]))
    until(helper.exists)
    first = int(helper.read_text())
    os.kill(pid, signal.SIGKILL)
    until(lambda: start_ticks(first) is None)


def test_the_environment_is_clean_and_as_given(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_CALLER", "1")
    pid = service.start(spec(tmp_path, SLEEP, environment={"ANSWER": "42"}))
    names = dict(entry.split("=", 1) for entry in Path(f"/proc/{pid}/environ").read_text().rstrip("\0").split("\0"))
    assert names["ANSWER"] == "42"
    assert set(names) == {"ANSWER", "PATH", "HOME", "USER", "LANG"}
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    # It may hold secrets.
    assert os.stat(service.spec_path).st_mode & 0o777 == 0o600


def test_another_command_or_environment_is_another_spec(service: Service, tmp_path: Path) -> None:
    service.start(spec(tmp_path, SLEEP))
    assert service.matches(spec(tmp_path, SLEEP))
    assert not service.matches(spec(tmp_path, ["sleep", "1001"]))
    assert not service.matches(spec(tmp_path, SLEEP, environment={"A": "1"}))


def test_a_command_that_does_not_stay_up_is_told_with_its_last_words(service: Service, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"web did not stay up: the command ended with 3.*no such port"):
        service.start(spec(tmp_path, ["sh", "-c", "echo no such port; exit 3"], restart_delay_s=5.0))
    assert not service.running()


def test_a_program_that_cannot_be_executed_is_told(service: Service, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    with pytest.raises(ServiceError, match="cannot start"):
        service.start(spec(tmp_path, [str(broken)]))


def test_a_service_can_be_stopped_while_it_waits_to_start_again(service: Service, tmp_path: Path) -> None:
    service.start(spec(tmp_path, ["sleep", "0.8"], restart_delay_s=30.0))
    until(lambda: service.state()["restarts"] == 1)
    started = time.monotonic()
    service.stop(5.0)
    assert time.monotonic() - started < 3
    assert not service.running()


def test_the_supervisor_needs_nothing_of_the_module_run(service: Service, tmp_path: Path) -> None:
    service.start(spec(tmp_path, SLEEP))
    arguments = Path(f"/proc/{service.supervisor_pid()}/cmdline").read_text().split("\0")
    assert [part for part in arguments if part.endswith(".py")] == [str(next(tmp_path.glob("supervisor-*.py")))]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"command": []}, "command: expected"),
        ({"command": SLEEP, "restart_delay_s": 0.0}, "restart_delay_s"),
        ({"command": SLEEP, "stop_timeout_s": -1.0}, "stop_timeout_s"),
    ],
)
def test_an_option_that_cannot_work_is_named(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        spec(tmp_path, **options).check()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"command": ["no-such-program"]}, "no-such-program is not a program"),
        ({"command": SLEEP, "user": "no-such-user"}, "no-such-user"),
        ({"command": SLEEP, "group": "no-such-group"}, "no-such-group"),
    ],
)
def test_what_the_host_lacks_is_named(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        spec(tmp_path, **options).check_host()


@pytest.mark.parametrize("name", ["", "../etc", "a/b", "-x", "x" * 65])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ServiceError, match="name: expected"):
        Service(name, str(tmp_path))


def test_paths_must_be_absolute(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="directory: expected an absolute path"):
        Service("web", "run")
    with pytest.raises(ServiceError, match="log_file: expected an absolute path"):
        ServiceSpec(name="web", command=SLEEP, log_file="web.log").check()


def test_a_process_with_brackets_in_its_name_is_identified(tmp_path: Path) -> None:
    odd = tmp_path / "a) R (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([str(odd), "1000"]) as process:
        assert start_ticks(process.pid) is not None
        process.kill()
    assert start_ticks(process.pid) is None
