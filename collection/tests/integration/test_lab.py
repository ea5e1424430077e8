# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""site.yml on this machine: from nothing to a report, again, after faults, interrupted, and torn down.

The tests build on each other in their order, so that one lab serves all of them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_under_test import Lab

pytestmark = pytest.mark.lab


def test_site_brings_the_lab_up_and_reports_a_rolling_update(lab: Lab) -> None:
    """Of two nodes from the start, as the scenarios need them."""
    run = lab.succeed("site.yml", "--extra-vars", '{"minikube_nodes": 2, "minikube_recreate": true}')
    result = lab.newest_result("blue-green")
    assert result["verdict"] == "pass"
    figures = json.dumps(result)
    assert '"blue"' in figures
    assert '"green"' in figures
    assert "100" in run.output


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    run = lab.succeed("playbooks/lab.yml")
    assert run.changed() == {"localhost": 0}, run.changed_tasks()


def test_names_resolve_and_a_load_balancer_answers(lab: Lab) -> None:
    answer = lab.kubectl("get", "service", "hello", "--namespace=hello", "--output=json")
    service = json.loads(answer)
    address = service["status"]["loadBalancer"]["ingress"][0]["ip"]
    said = subprocess.run(
        ["curl", "--silent", "--max-time", "5", f"http://{address}:5000/"], check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(said)["tag"] == "blue"
    ask = "import socket; print(socket.gethostbyname('kubernetes.default.svc.cluster.local'))"
    resolved = lab.kubectl("exec", "deployment/hello", "--namespace=hello", "--", "python3", "-c", ask)
    assert resolved.strip() == "10.96.0.1"
    storage = json.loads(lab.kubectl("get", "storageclass", "--output=json"))["items"]
    assert [entry["metadata"]["name"] for entry in storage] == ["standard"]


def test_a_stopped_node_and_a_killed_engine_are_healed(lab: Lab) -> None:
    subprocess.run(["docker", "stop", "availability-lab"], check=True, capture_output=True, timeout=120)
    engine = int(Path("/var/run/docker.pid").read_text())
    os.kill(engine, signal.SIGKILL)
    lab.succeed("playbooks/lab.yml")
    nodes = json.loads(lab.kubectl("get", "nodes", "--output=json"))["items"]
    ready = [c["status"] for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
    assert ready == ["True", "True"]


def test_an_interrupted_scenario_leaves_a_result_and_the_next_run_is_clean(lab: Lab) -> None:
    before = set(lab.result_folders("pod-kill"))
    process = lab.start("playbooks/scenarios/pod-kill.yml")
    deadline = time.monotonic() + 180
    records: list[Path] = []
    while not records and time.monotonic() < deadline:
        time.sleep(1)
        records = [path for folder in set(lab.result_folders("pod-kill")) - before for path in folder.glob("*.jsonl")]
    time.sleep(6)  # some requests have to be measured before the user gives up
    os.killpg(process.pid, signal.SIGINT)
    given_up = time.monotonic()
    output, _none = process.communicate(timeout=60)
    ended = f"ended {time.monotonic() - given_up:.1f} s after Ctrl-C, with {process.returncode}:\n{output[-3000:]}"
    folder = (set(lab.result_folders("pod-kill")) - before).pop()
    deadline = time.monotonic() + 15
    probe = folder / "prepared.probe.json"
    while not probe.exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    record = json.loads(probe.read_text())
    assert record["totals"]["due"] > 0
    assert json.loads((folder / "prepared.experiment.json").read_text())["interrupted"], ended
    lab.succeed("playbooks/scenarios/pod-kill.yml", "--extra-vars", '{"scenario_only": ["prepared"]}')
    assert lab.newest_result("pod-kill")["verdict"] == "pass"


@pytest.fixture(scope="module")
def taken_port() -> Iterator[int]:
    """A port that a process which is not the lab's listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"lab_install_source": "floppy"}, ["lab_install_source", "floppy", "upstream", "packages", "auto"]),
        ({"preflight_cores": 1, "preflight_memory_mb": 1024}, ["cores: 1", "memory: 1024"]),
        ({"etcd_client_port": "taken"}, ["etcd_client_port", "taken"]),
        ({"images_workloads": ["nowhere"]}, ["images_workloads", "nowhere"]),
    ],
)
def test_bad_input_stops_before_anything_changes(
    lab: Lab, taken_port: int, arguments: dict[str, object], expected: list[str]
) -> None:
    def real(value: object) -> object:
        return str(taken_port) if value == "taken" else value

    values = json.dumps({name: real(value) for name, value in arguments.items()})
    run = lab.run("playbooks/lab.yml", "--extra-vars", values)
    assert run.code != 0
    for word in expected:
        assert str(real(word)) in run.output, run.output[-3000:]
    assert "changed=0" in run.output
