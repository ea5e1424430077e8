"""Every workload's manifests, with their own defaults and with each switch turned: what all of them promise."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule
from ansible_collections.availability.lab.plugins.plugin_utils.manifests import shared_by_all

WORKLOADS = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in WORKLOADS.glob("*/manifests"))


def defaults(name):
    return yaml.safe_load((WORKLOADS / name / "defaults.yml").read_text())


def switches(name):
    """Each setting that is true or false, turned."""
    return [{setting: not value} for setting, value in defaults(name).items() if isinstance(value, bool)]


VARIANTS = [(folder.name, variables) for folder in FOLDERS for variables in [{}, *switches(folder.name)]] + [
    ("hello", {"side_by_side": ["blue", "green"]}),
    ("hello", {"prestop_s": 0}),
    ("simpleprobe", {"version": "2.0"}),
    ("guestbook", {"redis_kind": "StatefulSet", "redis_storage_class": "fast", "api_liveness_path": "/wrong"}),
]


def render(name, variables):
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(FilterModule().filters())
    settings = {**defaults(name), **variables}
    images = {"redis": "lab/redis:1", "simpleprobe-2.0": "lab/simpleprobe-2.0:1"}
    values = {"workload_namespace": "ns", "workload_image": f"lab/{name}:1", "workload_images": images}
    documents = []
    for path in sorted((WORKLOADS / name / "manifests").glob("*.yml.j2")):
        text = environment.from_string(path.read_text()).render(
            **shared_by_all(name), **values, workload_settings=settings
        )
        documents += [document for document in yaml.safe_load_all(text) if document]
    return documents


def pod_specs(documents):
    for document in documents:
        if document["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield document["spec"]["template"]["spec"]
        elif document["kind"] == "Pod":
            yield document["spec"]


@pytest.mark.parametrize(("name", "variables"), VARIANTS)
def test_every_pod_is_locked_down_and_bounded(name, variables):
    documents = render(name, variables)
    specs = list(pod_specs(documents))
    # A TestRun's pods are the k6-operator's to make.
    assert specs or [document["kind"] for document in documents] == ["ConfigMap", "TestRun"]
    for spec in specs:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"]
            assert container["resources"]["limits"]
            assert container["imagePullPolicy"] == "IfNotPresent"
            assert all(isinstance(entry.get("value", ""), str) for entry in container.get("env", []))


def test_what_the_k6_operator_runs_is_locked_down_too():
    runner = render("k6", {"operator": True})[-1]["spec"]["runner"]
    assert runner["image"] == "lab/k6:1"
    assert runner["securityContext"]["runAsNonRoot"] is True
    assert runner["containerSecurityContext"]["readOnlyRootFilesystem"] is True
    assert runner["resources"]["limits"]


@pytest.mark.parametrize(("name", "variables"), [one for one in VARIANTS if one[0] != "k6"])  # which serves nobody
def test_services_come_before_what_they_select_and_select_it(name, variables):
    documents = render(name, variables)
    kinds = [document["kind"] for document in documents]
    workloads = [d for d in documents if d["kind"] in ("Deployment", "StatefulSet")]
    assert max(i for i, kind in enumerate(kinds) if kind == "Service") < kinds.index(workloads[0]["kind"])
    for service in (document for document in documents if document["kind"] == "Service"):
        selector = service["spec"]["selector"].items()
        selected = [d for d in workloads if selector <= d["spec"]["template"]["metadata"]["labels"].items()]
        assert len(selected) == 1
        ports = [port["name"] for port in selected[0]["spec"]["template"]["spec"]["containers"][0]["ports"]]
        assert service["spec"]["ports"][0]["targetPort"] in ports
    for workload in workloads:
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_switches_take_probes_and_hooks_away():
    [spec] = pod_specs(render("simpleprobe", {"readiness": False, "liveness": False, "prestop_s": 0}))
    assert not {"readinessProbe", "livenessProbe", "lifecycle"} & set(spec["containers"][0])


def test_the_grace_period_holds_the_hook_and_the_requests_in_flight():
    for name in ("hello", "simpleprobe"):
        settings = defaults(name)
        assert settings["prestop_s"] + 20 < settings["termination_grace_s"]  # 20: SHUTDOWN_TIMEOUT_S


def test_the_autoscaler_owns_the_number_of_replicas():
    by_kind = {document["kind"]: document for document in render("price-api", {})}
    assert "replicas" not in by_kind["Deployment"]["spec"]
    assert by_kind["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "price-api"
    by_kind = {document["kind"]: document for document in render("price-api", {"hpa": False})}
    assert by_kind["Deployment"]["spec"]["replicas"] == 1
    assert "HorizontalPodAutoscaler" not in by_kind


def test_redis_keeps_its_data_in_a_claim_only_as_a_statefulset():
    by_kind = {document["kind"]: document for document in render("guestbook", {"redis_kind": "StatefulSet"})}
    [claim] = by_kind["StatefulSet"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "3Gi"
    assert all(document["kind"] != "StatefulSet" for document in render("guestbook", {}))
