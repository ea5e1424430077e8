# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The module as Ansible runs it: a process of its own, arguments on standard input, JSON on standard output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.module_utils.cluster import detached
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import read_record
from ansible_collections.availability.lab.plugins.modules import cluster_watch
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.cluster.fake_api import FakeApi
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.cluster.samples import pod


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as fake:
        yield fake


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    """A record's place; a recorder that a failed test left behind is ended."""
    place = str(tmp_path / "results" / "cluster.jsonl")
    yield place
    detached.stop(place)


def call(check: bool = False, **params: Any) -> dict[str, Any]:
    """Run the module. It must end by itself although a recorder that it started lives on."""
    code = (
        "import sys, json; from ansible.module_utils.testing import patch_module_args;"
        f"from {cluster_watch.__name__} import main\n"
        "with patch_module_args(json.load(sys.stdin)): main()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps({**params, "_ansible_check_mode": check}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=environment,
    )
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_start_and_stop(api: FakeApi, path: str, tmp_path: Path) -> None:
    wanted = {"kubeconfig": api.kubeconfig(tmp_path), "namespace": "shop", "record": path}
    assert call(check=True, **wanted)["changed"]
    assert not Path(path).exists()
    started = call(**wanted)
    assert started["changed"]
    assert call(**wanted) == {**started, "changed": False}, "a second start left the running recorder alone"
    api.put("pods", "web", **pod())
    api.delete("pods", "web")
    time.sleep(0.3)
    assert call(check=True, state="stopped", record=path)["changed"]
    stopped = call(state="stopped", record=path)
    assert (stopped["changed"], stopped["complete"], stopped["counts"]["Pod"]) == (True, True, 2)
    assert stopped["end"]["reason"] == "asked to stop"
    assert not detached.pid_path(path).exists()
    again = call(state="stopped", record=path)
    assert (again["changed"], again["counts"]) == (False, stopped["counts"])


def test_once_records_in_the_foreground(api: FakeApi, path: str, tmp_path: Path) -> None:
    api.put("pods", "web", **pod())
    done = call(state="once", duration_s=0.3, kubeconfig=api.kubeconfig(tmp_path), namespace="shop", record=path)
    assert (done["changed"], done["complete"], done["counts"]["Pod"]) == (True, True, 1)


def test_a_forgotten_recorder_ends_by_itself(api: FakeApi, path: str, tmp_path: Path) -> None:
    call(kubeconfig=api.kubeconfig(tmp_path), namespace="shop", record=path, duration_s=0.2)
    deadline = time.monotonic() + 5
    while detached.running(path) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (read_record(path).end or {})["reason"] == "the time was up"


def test_a_recorder_ends_with_its_owner(api: FakeApi, path: str, tmp_path: Path) -> None:
    wanted = {"kubeconfig": api.kubeconfig(tmp_path), "namespace": "shop", "record": path}
    owner = subprocess.Popen(["sleep", "60"])
    call(**wanted, owner_pid=owner.pid)
    assert detached.running(path) is not None
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 5
    while detached.running(path) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (read_record(path).end or {})["reason"] == "the owner ended"
    assert f"owner_pid: there is no process {owner.pid}" in call(**wanted, owner_pid=owner.pid)["msg"]


def test_a_killed_recorder_leaves_a_readable_record(api: FakeApi, path: str, tmp_path: Path) -> None:
    api.put("pods", "web", **pod())
    os.kill(call(kubeconfig=api.kubeconfig(tmp_path), namespace="shop", record=path)["pid"], signal.SIGKILL)
    time.sleep(0.1)
    stopped = call(state="stopped", record=path)
    assert (stopped["changed"], stopped["complete"], stopped["counts"]["Pod"]) == (False, False, 1)


def test_a_stale_process_id_is_never_signalled(path: str) -> None:
    detached.pid_path(path).parent.mkdir(parents=True)
    detached.pid_path(path).write_text(json.dumps({"pid": os.getpid(), "start_ticks": 1}))
    assert detached.running(path) is None
    assert not call(state="stopped", record=path)["changed"]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"state": "started", "namespace": "shop"}, "missing: kubeconfig"),
        ({"namespace": "shop", "kubeconfig": "/nowhere/config"}, "kubeconfig /nowhere/config: "),
        ({"namespace": "shop", "kubeconfig": "/x", "duration_s": 0}, "duration_s: expected a number above 0, got 0"),
        ({"namespace": "shop", "kubeconfig": "/x", "metrics_interval_s": -1}, "metrics_interval_s: expected a number"),
    ],
)
def test_bad_arguments_are_named(
    path: str, params: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if params.get("kubeconfig") == "/nowhere/config":  # found out in the recorder's own process
        failed = call(record=path, **params)
    else:
        with patch_module_args({"record": path, **params}), pytest.raises(SystemExit):
            cluster_watch.main()
        failed = json.loads(capsys.readouterr().out)
    assert failed["failed"]
    assert words in failed["msg"]
    assert not Path(path).exists()


def test_an_unknown_namespace_or_context_is_named(api: FakeApi, path: str, tmp_path: Path) -> None:
    config = api.kubeconfig(tmp_path)
    assert "namespace 'nope' does not exist" in call(kubeconfig=config, namespace="nope", record=path)["msg"]
    assert "nope" in call(kubeconfig=config, context="nope", namespace="shop", record=path)["msg"]


def test_an_api_that_does_not_answer_is_named(api: FakeApi, path: str, tmp_path: Path) -> None:
    config = api.kubeconfig(tmp_path)
    api.stop()
    failed = call(kubeconfig=config, namespace="shop", record=path)
    api.start()
    assert f"http://127.0.0.1:{api.port}/version" in failed["msg"]
