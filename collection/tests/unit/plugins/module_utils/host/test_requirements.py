from __future__ import annotations

from dataclasses import replace

from ansible_collections.availability.lab.plugins.module_utils.host.listeners import Holder
from ansible_collections.availability.lab.plugins.module_utils.host.requirements import (
    Found,
    Needs,
    PortUse,
    doubts,
    shortcomings,
)

NEEDS = Needs(
    cores=2,
    memory_mb=3500,
    disk_gb=20,
    disk_path="/var/lib/docker",
    cgroup_controllers=["cpu", "memory"],
    architectures=["x86_64"],
)
ENOUGH = Found(
    cores=2,
    memory_mb=3500,
    disk_gb=20,
    architecture="x86_64",
    cgroup_controllers=["cpu", "memory", "pids"],
    kernel_features={"overlay": "present", "veth": "loadable"},
)
PORT = PortUse(2379, "127.0.0.1", "etcd clients", "etcd_client_port", "/etc/lab/etcd/")


def test_just_enough_is_enough() -> None:
    assert shortcomings(ENOUGH, NEEDS) == []
    assert doubts(ENOUGH) == []


def test_everything_that_is_missing_is_said_at_once_with_both_numbers() -> None:
    small = Found(
        cores=1,
        memory_mb=1024,
        disk_gb=5.5,
        architecture="riscv64",
        cgroup_controllers=[],
        kernel_features={"overlay": "absent"},
        taken=[(PORT, None)],
    )
    lines = "\n".join(shortcomings(small, NEEDS))
    for part in (
        "riscv64 found, one of x86_64",
        "cores: 1 found, 2 needed (min_cores)",
        "memory: 1024 MB found, 3500 MB needed",
        "disk: 5.5 GB free at /var/lib/docker, 20 GB needed",
        "cgroups: none mounted, needed are cpu, memory",
        "kernel: no overlay",
        "set etcd_client_port to a free port",
    ):
        assert part in lines


def test_one_missing_controller_is_named() -> None:
    assert shortcomings(replace(ENOUGH, cgroup_controllers=["cpu"]), NEEDS) == [
        "cgroups: the controllers memory are missing"
    ]


def test_the_labs_own_service_may_hold_its_port() -> None:
    own = Holder(7, "/usr/local/bin/etcd --config-file /etc/lab/etcd/etcd.conf.yml")
    foreign = Holder(8, "/usr/bin/etcd --name other")
    assert shortcomings(replace(ENOUGH, taken=[(PORT, own)]), NEEDS) == []
    (line,) = shortcomings(replace(ENOUGH, taken=[(PORT, foreign)]), NEEDS)
    assert "process 8 (/usr/bin/etcd --name other)" in line


def test_without_an_owner_every_holder_is_foreign() -> None:
    use = replace(PORT, owner="")
    assert len(shortcomings(replace(ENOUGH, taken=[(use, Holder(1, "anything"))]), NEEDS)) == 1


def test_what_cannot_be_seen_is_a_doubt_not_a_shortcoming() -> None:
    hidden = replace(ENOUGH, kernel_features={"overlay": "unknown"})
    assert shortcomings(hidden, NEEDS) == []
    assert len(doubts(hidden)) == 1
