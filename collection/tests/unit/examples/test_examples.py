# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every EXAMPLE that needs neither root nor an engine nor a cluster is run for real, against servers on 127.0.0.1.

The others are in tests/integration/test_examples.py; the last test here sees to it that none is forgotten.
"""

from __future__ import annotations

import grp
import hashlib
import json
import os
import pwd
import re
import socket
from collections.abc import Callable
from pathlib import Path

from ansible_collections.availability.lab.tests.unit.examples.examples import (
    MODULES,
    Examples,
    assert_documented,
    play,
)
from ansible_collections.availability.lab.tests.unit.plugins.action.test_availability_compare import write
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.cluster.fake_api import FakeApi
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.experiment.fake_cluster import FakeCluster
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe import udp_server, websocket_server
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.h2_server import each, h2_serving
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import raw_server
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.test_grpc import told
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_cluster import rolling_update
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)


def answering(reply: bytes) -> Callable[[socket.socket], None]:
    """A server that gives the same reply to whatever comes."""

    def serve(sock: socket.socket) -> None:
        while sock.recv(4096):
            sock.sendall(reply)

    return serve


def found(query: bytes, _number: int) -> list[bytes]:
    """A name server that knows every name."""
    return [udp_server.answer(query, (1, bytes(4)))]


INTEGRATION = Path(__file__).resolve().parents[2] / "integration" / "test_examples.py"


def test_http_probe(tmp_path: Path) -> None:
    with (
        serving() as served,
        raw_server(answering(b"+PONG\r\n")) as store,
        udp_server.name_server(found) as names,
        websocket_server.Server().listening() as feed,
        h2_serving(each(told(0))) as streams,
    ):
        examples = Examples.of("http_probe", **{
            "http://127.0.0.1:5000": served.url, "http://127.0.0.1:8080": served.url, "/tmp": str(tmp_path),
            "redis://127.0.0.1:6379": f"redis://127.0.0.1:{store}", "dns://10.96.0.10": f"dns://127.0.0.1:{names}",
            "ws://127.0.0.1:8090": f"ws://127.0.0.1:{feed}", "https://127.0.0.1:8443": f"http://127.0.0.1:{streams.port}",
            "grpc://127.0.0.1:50051": f"grpc://127.0.0.1:{streams.port}",
            "60s": "1s", "30s": "1s", "2m": "1s", "users: 100": "users: 10",
        })  # fmt: skip
        wait = {
            "ansible.builtin.async_status": {"jid": "{{ probe.ansible_job_id }}"},
            "register": "beside",
            "until": "beside is finished",
            "retries": 60,
            "delay": 0.2,
        }
        examples.tasks.insert(2, wait)
        once, job, *others = examples.run(tmp_path)
    users = next(one for one in others if "report" in one)
    for measured in (once, *others):
        assert_documented(measured, examples.returns())
        assert measured["verdict"] != "fail"  # a busy machine may make it inconclusive
    assert len(others) == 6
    assert job["ansible_job_id"]
    assert json.loads((tmp_path / "hello.probe.json").read_text())["verdict"] == "pass"
    assert "http_reqs" in users["report"]
    assert {"GET /price/1", "GET /price/2", "GET /price/3"} <= set(served.requests)


def test_http_probe_in_check_mode_returns_the_plan(tmp_path: Path) -> None:
    examples = Examples.of("http_probe", **{"/tmp": str(tmp_path)})
    examples.tasks[1:2] = []  # a job is not started in check mode
    for answer in examples.run(tmp_path, "--check"):
        assert_documented(answer, examples.returns())
        assert answer["plan"]
    assert not (tmp_path / "hello.probe.json").exists()


def test_experiment_and_its_report(tmp_path: Path) -> None:
    """On a service whose node is this machine."""
    cluster = FakeCluster(ready_after_s=0.3)
    cluster.namespaces["shop"] = {"kind": "Namespace", "metadata": {"name": "shop"}}
    with serving() as served:
        cluster.put("services", "web", spec={"ports": [{"port": 80, "nodePort": served.port}]})
        address = {"type": "InternalIP", "address": "127.0.0.1"}
        cluster.put("nodes", "here", spec={}, status={"addresses": [address], "conditions": []})
        cluster.put("deployments", "web", metadata={"generation": 1}, spec={"replicas": 1, "template": {}}, status={})
        cluster.start()
        try:
            examples = Examples.of("experiment", **{
                "/home/me/.kube/config": cluster.kubeconfig(tmp_path), "/tmp/shop": f"{tmp_path}/shop",
            })  # fmt: skip
            (measured,) = examples.run(tmp_path)
        finally:
            cluster.stop()
    assert_documented(measured, examples.returns())
    assert (measured["failures"], measured["problems"]) == ([], [])
    result = json.loads((tmp_path / "shop/report/result.json").read_text())
    assert [mark["name"] for mark in result["variants"][0]["marks"] if mark["source"] == "scenario"] == [
        "rollout restart"
    ]


def test_experiment_plan(tmp_path: Path) -> None:
    examples = Examples.of("experiment_plan")
    (planned,) = examples.run(tmp_path)
    assert_documented(planned, examples.returns())
    (plan,) = planned["plans"]
    assert plan["plan"]["steps"][0]["object"] == "web"
    assert not plan["root"]


def test_a_plan_with_a_secret_is_registered_and_not_shown(tmp_path: Path) -> None:
    (plan, say) = Examples.of("experiment_plan").tasks
    plan["availability.lab.experiment_plan"]["probe"]["headers"] = {"Authorization": "Bearer of-the-lab"}
    asked = {"assert": {"that": "planned.plans[0].plan.probe.headers.Authorization == 'Bearer of-' ~ 'the-lab'"}}
    done = play(tmp_path, [plan, say, asked], "-vvv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rollout restart" in done.stdout
    assert "of-the-lab" not in done.stdout + done.stderr


def test_experiment_restore(tmp_path: Path) -> None:
    (tmp_path / "undo").mkdir()
    note = {"undo": "command", "argv": ["touch", str(tmp_path / "back")]}
    (tmp_path / "undo/1-command.json").write_text(json.dumps(note))
    with FakeCluster() as cluster:
        examples = Examples.of("experiment_restore", **{
            "~/.local/state/availability-lab/undo": str(tmp_path / "undo"),
            "~/.local/state/availability-lab/kubeconfig": cluster.kubeconfig(tmp_path),
        })  # fmt: skip
        (restored,) = examples.run(tmp_path)
    assert_documented(restored, examples.returns())
    assert restored["undone"] == ["1-command.json"]
    assert (tmp_path / "back").exists()


def test_workload_manifests(tmp_path: Path) -> None:
    workloads = Path(__file__).resolve().parents[4] / "workloads"
    examples = Examples.of("workload_manifests", **{"{{ playbook_dir }}/workloads": str(workloads)})
    (rendered,) = examples.run(tmp_path)
    assert_documented(rendered, examples.returns())
    kinds = {one["kind"]: one for one in rendered["manifests"]}
    assert set(kinds) == {"Service", "Deployment"}
    assert kinds["Deployment"]["spec"]["replicas"] == 2


def test_cluster_watch(tmp_path: Path) -> None:
    with FakeApi() as api:
        api.raw["/api/v1/namespaces/hello"] = b'{"kind": "Namespace"}'
        examples = Examples.of("cluster_watch", **{
            "~/.kube/config": api.kubeconfig(tmp_path), "{{ lab_kubeconfig }}": api.kubeconfig(tmp_path),
            "{{ lab_results_dir }}": str(tmp_path), "/tmp/shop": f"{tmp_path}/shop", "duration_s: 120": "duration_s: 1",
        })  # fmt: skip
        started, stopped, once = examples.run(tmp_path)
    for answer in (started, stopped, once):
        assert_documented(answer, examples.returns())
    assert started["pid"] > 1
    assert stopped["complete"]
    assert once["complete"]
    assert (tmp_path / "shop.jsonl").exists()


def test_availability_report(tmp_path: Path) -> None:
    run = tmp_path / "results/blue-green/2026-11-21T070000Z"
    run.mkdir(parents=True)
    for name in ("rolling", "switch"):
        record = probe_record(versions=[(0, "blue"), (15, "green")], duration_s=30)
        (run / f"{name}.json").write_text(json.dumps(record))
    (run / "rolling.cluster.jsonl").write_text(rolling_update(START_NS, 15).text(30))
    examples = Examples.of("availability_report")
    (report,) = examples.run(tmp_path)
    assert_documented(report, examples.returns())
    assert report["verdict"] == "pass"


def test_availability_compare(tmp_path: Path) -> None:
    for seed in range(5):
        write(tmp_path, f"results/old/{seed}", seed=seed)
        write(tmp_path, f"results/new/{seed}", seed=seed + 9)
    examples = Examples.of("availability_compare")
    (comparison,) = examples.run(tmp_path)
    assert_documented(comparison, examples.returns())
    assert comparison["verdict"] != "worse"


def test_availability_history_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "results/rolling-update/2026-11-21T070000Z", scenario="rolling-update")
    examples = Examples.of("availability_history")
    del examples.tasks[0]  # the same with etcd is in the integration test
    answers = examples.run(tmp_path)
    for answer in answers:
        assert_documented(answer, examples.returns())
    put, listed, _pruned = answers
    assert listed["entries"] == [put["entry"]]


def test_availability_overview(tmp_path: Path) -> None:
    for scenario, run in (("blue-green", "2026-11-21T070000Z"), ("rolling-update", "2026-11-21T070300Z")):
        write(tmp_path, f"results/{scenario}/{run}", scenario=scenario)
    examples = Examples.of("availability_overview")
    (overview,) = examples.run(tmp_path)
    assert_documented(overview, examples.returns())
    assert [row["scenario"] for row in overview["rows"]] == ["blue-green", "rolling-update"]


def test_toolchain_download(tmp_path: Path) -> None:
    binary = b"#!/bin/sh\necho a stand-in for kubectl\n"
    with serving(lambda path, _method: (200 if path.endswith("/kubectl") else 404, {}, binary)) as served:
        pinned = "5de4e9f2266738fd112b721265a0c1cd7f4e5208b670f811861f699474a100a3"
        examples = Examples.of("toolchain_download", **{
            "https://dl.k8s.io": served.url, "~/.cache": str(tmp_path), pinned: hashlib.sha256(binary).hexdigest(),
        })  # fmt: skip
        (fetched,) = examples.run(tmp_path)
    assert_documented(fetched, examples.returns())
    assert Path(fetched["paths"]["kubectl"]).read_bytes() == binary


def test_install_source_info(tmp_path: Path) -> None:
    with serving() as served:
        examples = Examples.of("install_source_info", **{"https://github.com": served.url})
        (look,) = examples.run(tmp_path)
    assert_documented(look, examples.returns())
    assert look["source"] == "upstream"


def test_host_check(tmp_path: Path) -> None:
    """Without its become: what the module measures needs no root, only the names of foreign processes do."""
    examples = Examples.of("host_check", **{"  become: true\n": "", "2379": "1", "min_disk_gb: 10": "min_disk_gb: 0.1"})
    (host,) = examples.run(tmp_path)
    assert_documented(host, examples.returns())
    assert host["missing"] == []


def test_host_info(tmp_path: Path) -> None:
    (host,) = Examples.of("host_info").run(tmp_path)
    assert_documented(host, Examples.of("host_info").returns())
    assert host["files"]["/etc/hostname"]["text"]


def test_host_files(tmp_path: Path) -> None:
    """With this test's own user, who needs no become."""
    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_text(f"{name}\n")
    me = pwd.getpwuid(os.getuid())
    examples = Examples.of("host_files", **{
        "  become: true\n": "", "/etc/service": f"{tmp_path}/service", "'server.": f"'{tmp_path}/server.",
        "owner: service": f"owner: {me.pw_name}", "group: service": f"group: {grp.getgrgid(me.pw_gid).gr_name}",
    })  # fmt: skip
    (written,) = examples.run(tmp_path)
    assert_documented(written, examples.returns())
    assert (tmp_path / "service/tls/server.key").read_text() == "server.key\n"


def test_cluster_ready(tmp_path: Path) -> None:
    """With a kubectl that tells of a cluster in which all is as wanted."""
    ready = {"type": "Available", "status": "True"}
    server = {"namespace": "kube-system", "name": "metrics-server", "generation": 1}
    items = [
        {"kind": "Node", "metadata": {"name": "lab"}, "status": {"conditions": [{**ready, "type": "Ready"}]}},
        {"kind": "Deployment", "metadata": server, "status": {"observedGeneration": 1, "conditions": [ready]}},
    ]
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps({'items': items})}\nEND\n")
    kubectl.chmod(0o755)
    (tmp_path / "metrics.yml.j2").write_text("kind: Deployment\n")
    examples = Examples.of("cluster_ready", **{
        "kubeconfig: /var/lib/lab/kubeconfig": f"kubeconfig: /none\n    kubectl: {kubectl}",
    })  # fmt: skip
    (answer,) = examples.run(tmp_path)
    assert_documented(answer, examples.returns())
    assert answer["changes"] == []


def test_no_module_is_forgotten() -> None:
    tests = Path(__file__).read_text() + INTEGRATION.read_text()
    run = set(re.findall(r"Examples\.of\(\s*\"(\w+)\"", tests))
    assert run == set(MODULES)


def test_every_module_tells_of_check_and_diff_mode() -> None:
    for module in MODULES:
        told = Examples.documentation(module)
        assert {"check_mode", "diff_mode"} <= set(told["attributes"]), module
        assert told["version_added"], module
