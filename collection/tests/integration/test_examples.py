# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The EXAMPLES that need root, an engine or a cluster, run against the lab of this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_collections.availability.lab.plugins.filter import remedies
from ansible_collections.availability.lab.tests.unit.examples.examples import Examples, assert_documented, play
from ansible_collections.availability.lab.tests.unit.plugins.action.test_availability_compare import write
from ansible_collections.availability.lab.tests.unit.plugins.filter.test_remedies import PATCH, RESULT
from lab_under_test import ROOT, Lab

pytestmark = [pytest.mark.lab, pytest.mark.long]

CACHE = Path.home() / ".cache/availability-lab"


@pytest.fixture(scope="module", autouse=True)
def cluster(lab: Lab) -> Iterator[None]:
    """The lab is up, and what the examples left in the engine is gone afterwards."""
    lab.succeed("playbooks/lab.yml")
    yield
    made = ("availability-lab/python:bookworm", "availability-lab-examples/hello")
    listed = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for image in listed:
        if image.startswith(made):
            docker("rmi", "--force", image)


def docker(*arguments: str) -> str:
    """What the engine's client says."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, timeout=120).stdout


def test_docker_engine_heal_leaves_a_good_engine_alone(tmp_path: Path) -> None:
    examples = Examples.of("docker_engine_heal")
    (healed,) = examples.run(tmp_path)
    assert_documented(healed, examples.returns())
    assert not healed["changed"]
    assert healed["engine"] in {"systemd", "supervised"}


def test_supervised_service(tmp_path: Path) -> None:
    examples = Examples.of("supervised_service", **{"/srv": str(tmp_path), "8099": "18099"})
    ask = {"ansible.builtin.wait_for": {"host": "127.0.0.1", "port": 18099, "timeout": 20}}
    examples.tasks.insert(1, ask)
    try:
        started, gone = examples.run(tmp_path)
    finally:
        play(tmp_path, examples.tasks[-1:])  # the removal again, should the run have stopped before it
    for answer in (started, gone):
        assert_documented(answer, examples.returns())
    assert started["pid"] > 1
    assert gone["pid"] is None


def test_toolchain_build_finds_the_cached_build(tmp_path: Path) -> None:
    """The role built the same: version, module and packages are those of its table."""
    examples = Examples.of("toolchain_build", **{"~/.cache/availability-lab": str(CACHE)})
    (built,) = examples.run(tmp_path, "-e", f"role_path={ROOT}/collection/roles/toolchain", timeout_s=900)
    assert_documented(built, examples.returns())
    version = subprocess.run([built["paths"]["etcd"], "--version"], check=True, capture_output=True, text=True).stdout
    assert "etcd Version: 3.5.21" in version


def test_availability_history_in_the_labs_etcd(lab: Lab, tmp_path: Path) -> None:
    write(tmp_path, "results/rolling-update/2026-11-21T070000Z", scenario="rolling-update")
    examples = Examples.of("availability_history", **{"profile: quick": "profile: examples"})
    del examples.tasks[1:]
    keys = lab.kubeconfig.parent / "pki/etcd"
    files = {"ca": str(keys / "ca.crt"), "certificate": str(keys / "client.crt"), "key": str(keys / "client.key")}
    etcd = {"etcd_endpoints": ["https://127.0.0.1:2379"], "etcd_client_files": files}
    call = "availability.lab.availability_history"
    connection = {name: value for name, value in examples.tasks[0][call].items() if name not in ("operation", "result")}
    prune = {call: {**connection, "operation": "prune", "older_than": "1s"}}
    examples.tasks.append(prune)
    put, pruned = examples.run(tmp_path, "-e", json.dumps(etcd))
    for answer in (put, pruned):
        assert_documented(answer, examples.returns())
    assert len(pruned["removed"]) == 1


def test_cluster_requirements_info(lab: Lab, tmp_path: Path) -> None:
    examples = Examples.of("cluster_requirements_info", **{
        "{{ lab_kubeconfig }}": str(lab.kubeconfig), "[shop]": "[default]", "nodes: 2": "nodes: 1",
    })  # fmt: skip
    (found,) = examples.run(tmp_path)
    assert_documented(found, examples.returns())
    assert found["nodes"][0]["ready"]


def test_debian_image(tmp_path: Path) -> None:
    examples = Examples.of("debian_image", **{"/var/cache/availability-lab/images": str(tmp_path)})
    (image,) = examples.run(tmp_path, timeout_s=400)
    assert_documented(image, examples.returns())
    said = docker("run", "--rm", "--network=none", image["name"], "python3", "-c", "print('here')")
    assert said == "here\n"


def test_image_bundle(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_bytes(b"a static binary")
    examples = Examples.of("image_bundle", **{
        "/var/cache/availability-lab/images": str(tmp_path / "cache"), "/usr/local/bin/tool": str(tool),
    })  # fmt: skip
    (bundle,) = examples.run(tmp_path)
    assert_documented(bundle, examples.returns())
    assert Path(bundle["path"]).stat().st_size > 1000


def test_workload_image_and_cluster_images(tmp_path: Path) -> None:
    """Built from the base that the lab has; its nodes get what they lack, once."""
    base = next(
        line for line in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split() if "python-base:" in line
    )
    building = Examples.of("workload_image", **{
        "repository: availability-lab/hello": "repository: availability-lab-examples/hello",
        "workloads/hello": str(ROOT / "workloads/hello"), "availability-lab/python-base:0f3c9e6a5b7d": base,
        "/var/cache/availability-lab/images": str(tmp_path / "cache"),
    })  # fmt: skip
    (built,) = building.run(tmp_path, timeout_s=300)
    assert_documented(built, building.returns())
    loading = Examples.of("cluster_images", **{
        "availability-lab/hello:3f0c9e6a5b7d": built["image"], "[minikube, minikube-m02]": "[availability-lab]",
    })  # fmt: skip
    for loaded in ({"availability-lab": [built["image"]]}, {}):
        (answer,) = loading.run(tmp_path)
        assert_documented(answer, loading.returns())
        assert answer["loaded"] == loaded
    # The name alone: `crictl rmi` would take the lab's own image of the same content with it.
    docker("exec", "availability-lab", "ctr", "--namespace=k8s.io", "images", "rm", f"docker.io/{built['image']}")


def test_minikube_cluster(tmp_path: Path) -> None:
    """In check mode, because a second cluster has no room here: one would be made, and none is there to remove."""
    minikube = next((CACHE / "toolchain/minikube").glob("*/minikube"))
    examples = Examples.of("minikube_cluster", **{
        "/var/lib/lab": str(tmp_path), "profile: lab": f"profile: example\n    binary: {minikube}",
    })  # fmt: skip
    made, removed = examples.run(tmp_path, "--check")
    for answer in (made, removed):
        assert_documented(answer, examples.returns())
    assert made["changed"]
    assert (removed["changed"], removed["action"]) == (False, "nothing")


def test_remedies_patch_the_cluster(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter's example as it stands, on a Deployment without pods."""
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    documented = yaml.safe_load(Path(remedies.__file__).with_suffix(".yml").read_text())
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", str(lab.kubeconfig))
    lab.kubectl("create", "namespace", "shop")
    try:
        lab.kubectl("create", "deployment", "web", "--namespace=shop", "--image=none", "--replicas=0")
        done = play(tmp_path, yaml.safe_load(documented["EXAMPLES"]))
        assert done.returncode == 0, done.stdout + done.stderr
        web = json.loads(lab.kubectl("get", "deployment", "web", "--namespace=shop", "--output=json"))
    finally:
        lab.kubectl("delete", "namespace", "shop")
    assert web["spec"]["replicas"] == PATCH["spec"]["replicas"]
