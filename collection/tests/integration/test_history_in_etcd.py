# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""availability_history against a real etcd of its own, which the role toolchain built: TLS, a client's certificate."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_collections.availability.lab.plugins.module_utils.history.entry import HistoryError
from ansible_collections.availability.lab.plugins.module_utils.history.etcd import EtcdHistory
from ansible_collections.availability.lab.plugins.module_utils.history.history import entries, get, outdated, prune, put
from ansible_collections.availability.lab.tests.unit.plugins.action.test_availability_report import play
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.history.samples import entry
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.certificates import authority, issue

pytestmark = pytest.mark.lab

PATIENCE_S = 30


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of etcd: from the cache, or built there as the lab's roles do."""
    folder = tmp_path_factory.mktemp("toolchain")
    tasks = [
        {
            "ansible.builtin.include_role": {"name": "availability.lab.toolchain"},
            "vars": {"toolchain_tools": ["etcd"]},
        },
        {
            "ansible.builtin.copy": {
                "content": "{{ toolchain_paths.etcd }}", "dest": str(folder / "path"), "mode": "0644",
            }
        },
    ]  # fmt: skip
    done = play(folder, [{"ansible.builtin.setup": {}}, *tasks])
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "path").read_text()


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture(scope="module")
def etcd(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A member on free ports of 127.0.0.1. Gives the arguments of its client."""
    folder = tmp_path_factory.mktemp("etcd")
    ca = authority(folder, "ca")
    server, client = issue(folder, ca, "server"), issue(folder, ca, "client")
    client_port, peer_port = free_ports()
    url, peer = f"https://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    command = [binary, "--name=one", f"--data-dir={folder / 'data'}", "--client-cert-auth", "--log-level=error"]
    command += [f"--cert-file={server.cert}", f"--key-file={server.key}", f"--trusted-ca-file={ca.cert}"]
    command += [f"--listen-client-urls={url}", f"--advertise-client-urls={url}"]
    command += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=one={peer}"]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    told = {"url": url, "ca_cert": str(ca.cert), "client_cert": str(client.cert), "client_key": str(client.key)}
    try:
        limit = time.monotonic() + PATIENCE_S
        while True:
            try:
                list(history(told).read())
                break
            except HistoryError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < limit, (folder / "log").read_text()
                time.sleep(0.2)
        yield told
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def history(etcd: dict[str, str]) -> EtcdHistory:
    return EtcdHistory([etcd["url"]], etcd["ca_cert"], etcd["client_cert"], etcd["client_key"])


def test_put_list_get_and_prune(etcd: dict[str, str]) -> None:
    store = history(etcd)
    for day in (1, 0, 2):
        assert put(store, entry(day)).changed
    assert not put(store, entry(1)).changed
    put(store, entry(0, scenario="rolling-update"))
    assert entries(store, "rolling") == [entry(day) for day in (0, 1, 2)]
    assert get(store, "rolling") == entry(2)
    assert get(store, "rolling", entry(0)["run"]) == entry(0)
    prune(store, outdated(entries(store, "rolling"), 1, None))
    assert entries(store) == [entry(0, scenario="rolling-update"), entry(2)]
    prune(store, entries(store))
    assert entries(store) == []


def test_more_runs_than_one_answer_holds(etcd: dict[str, str]) -> None:
    store = history(etcd)
    for number in range(401):
        store.store("many", f"{number:04d}", "x")
    assert [place[-4:] for place, _unused in store.read("many")] == [f"{number:04d}" for number in range(401)]
    for number in range(401):
        store.remove("many", f"{number:04d}")
    assert list(store.read("many")) == []


def test_a_client_without_a_certificate_is_refused(etcd: dict[str, str]) -> None:
    with pytest.raises(HistoryError, match="no member answered"):
        list(EtcdHistory([etcd["url"]], etcd["ca_cert"], None, None).read())


def test_the_task(etcd: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "entry.json").write_text(json.dumps(entry(5)))
    put(history(etcd), entry(5))
    where = {"endpoints": [etcd["url"]], **{name: etcd[name] for name in ("ca_cert", "client_cert", "client_key")}}
    ask = {"operation": "get", "scenario": "rolling", **where}
    same = "found.entry == lookup('ansible.builtin.file', 'entry.json') | ansible.builtin.from_json"
    done = play(
        tmp_path,
        [
            {"availability.lab.availability_history": ask, "register": "found"},
            {"ansible.builtin.assert": {"that": [same]}},
            {"availability.lab.availability_history": {"operation": "prune", "keep": 0, **where}},
        ],
    )
    assert done.returncode == 0, yaml.safe_dump(done.stdout) + done.stderr
    assert entries(history(etcd)) == []
