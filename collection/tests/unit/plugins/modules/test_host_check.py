from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.modules import host_check

ENOUGH = {"min_cores": 1, "min_memory_mb": 1, "min_disk_gb": 0, "cgroup_controllers": ["cpu"]}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Runs the module with the given options and gives its answer."""

    def call(**options: Any) -> dict[str, Any]:
        base = {"required_cgroup_controllers": ["cpu"], "required_kernel_features": [], **ENOUGH}
        with patch_module_args({**base, **options}), pytest.raises(SystemExit):
            host_check.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_a_host_that_will_do(run) -> None:
    answer = run()
    assert answer["changed"] is False
    assert answer["missing"] == []
    assert answer["found"]["cores"] >= 1


def test_given_figures_replace_the_measured_ones_and_all_shortcomings_are_told(run) -> None:
    answer = run(min_cores=2, cores=1, min_memory_mb=3500, memory_mb=512, min_disk_gb=20, disk_gb=1.5)
    assert answer["failed"]
    assert [line.split(":")[0] for line in answer["missing"]] == ["cores", "memory", "disk"]
    assert "1.5 GB free" in answer["msg"]
    assert answer["found"]["memory_mb"] == 512


def test_a_taken_port_names_the_variable_and_the_holder(run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        wanted = {
            "port": server.getsockname()[1],
            "address": "127.0.0.1",
            "purpose": "etcd clients",
            "variable": "etcd_client_port",
        }
        assert "set etcd_client_port" in run(ports=[wanted])["msg"]
        assert run(ports=[{**wanted, "owner": "python"}])["missing"] == []


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_a_number_that_is_no_port(run, port: int) -> None:
    answer = run(ports=[{"port": port, "purpose": "x", "variable": "etcd_peer_port"}])
    assert answer["msg"] == f"etcd_peer_port is {port}, expected a port number from 1 to 65535"
