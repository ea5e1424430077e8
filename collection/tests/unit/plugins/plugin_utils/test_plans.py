# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A scenario's data becomes plans: what variants share is joined, values are rendered, expectations are chosen."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.experiment.fields import PlanError
from ansible_collections.availability.lab.plugins.plugin_utils.plans import chosen, expected, plan_of

Json = dict[str, Any]
DATA: Json = {
    "scenario": "shop", "profile": "quick", "directory": "/r", "journal": "/j", "workload": "web", "beside": [],
    "values_common": {"replicas": 2, "resources": {"cpu": 1, "memory": 2}}, "disturbances": [], "service": "web",
    "front": "", "host": "",
    "address_from": "node", "cluster": True, "kubeconfig": "/k", "context": "", "namespace": "", "keep": False,
    "probe": {"rate": 20}, "probe_profiles": {"quick": {"rate": 30, "timeout": "2s"}}, "attempts": False,
    "steady_requests": 20, "steady_timeout_s": 60, "before_s": 5, "between_s": 5, "after_s": 5, "limit_s": 60,
    "stable_s": 5,
}  # fmt: skip


def render(name: str, namespace: str, values: Json) -> list[Json]:
    """One object that tells what it was rendered from."""
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": values}
    ]


def planned(variant: Json, **changes: Any) -> Any:
    (one,) = chosen([variant], [], "shop")
    return plan_of({**DATA, **changes}, one, render)


def test_values_and_probe_options_are_joined_from_the_general_to_the_special() -> None:
    step = {"do": "apply", "name": "more", "values": {"resources": {"cpu": 9}}}
    made = planned({"name": "a", "values": {"replicas": 3}, "probe": {"timeout": "1s"}, "disturbances": [step]})
    assert made.plan["probe"] == {"rate": 30, "timeout": "1s"}
    assert made.plan["deploy"][0]["manifests"][0]["data"] == {"replicas": 3, "resources": {"cpu": 1, "memory": 2}}
    assert made.plan["steps"][0]["manifests"][0]["data"] == {"replicas": 3, "resources": {"cpu": 9, "memory": 2}}
    assert made.plan["namespace"] == "web"
    assert made.plan["record"] == "/r/a"


@pytest.mark.parametrize(
    ("changes", "secret"),
    [
        ({}, False),
        ({"probe": {"headers": {"X-Team": "lab-team"}}}, False),
        ({"probe": {"headers": {"Authorization": "Bearer 1234"}}}, True),
        ({"probe": {"url": "http://me:pass-word@10.0.0.1/"}}, True),
    ],
)
def test_a_plan_knows_whether_it_may_be_shown(changes: Json, secret: bool) -> None:
    assert planned({"name": "a"}, **changes).secret is secret


def test_a_plan_with_a_secret_object_is_not_shown() -> None:
    (one,) = chosen([{"name": "a"}], [], "shop")

    def with_secret(name: str, namespace: str, values: Json) -> list[Json]:
        return [*render(name, namespace, values), {**render(name, namespace, values)[0], "kind": "Secret"}]

    assert plan_of(DATA, one, with_secret).secret


def test_one_namespace_is_used_for_all_where_it_is_given() -> None:
    assert planned({"name": "a", "namespace": "own"}, namespace="team").plan["namespace"] == "team"


def test_a_round_of_a_proof_has_a_record_and_a_phase_of_its_own() -> None:
    patch = {"target": "Deployment/web", "text": "t", "patch": {}, "variant": "a"}
    made = planned({"name": "a-changed", "round": 2, "cure_of": "a", "patches": [patch]})
    assert made.plan["record"] == "/r/a-changed2"
    assert made.report == {"stable": 5, "phase": "round 2", "cure_of": "a"}
    assert made.plan["patches"] == [{"target": "Deployment/web", "text": "t", "patch": {}}]


def test_k6_goes_through_the_same_stages() -> None:
    probe = {"path": "/price/{value}", "values": ["1"], "stages": [{"duration": "5s", "users": 9}], "rate": None}
    made = planned({"name": "a", "engine": "k6"}, probe=probe, probe_profiles={})
    assert made.plan["job"][0]["data"] == {
        "url": "http://web/price/", "products": ["1"], "stages": [{"duration": "5s", "target": 9}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("variants", "only", "words"),
    [
        ([], [], ["scenario_variants", "empty"]),
        ([{"nam": "a"}], [], ["scenario_variants[0].nam", "no such field"]),
        ([{"name": "a"}, {"name": "a"}], [], ["two are called a"]),
        ([{"name": "a"}], ["b"], ["scenario_only", "no variant b", "expected some of a"]),
    ],
)
def test_bad_variants_are_named(variants: list[Any], only: list[str], words: list[str]) -> None:
    with pytest.raises(PlanError) as raised:
        chosen(variants, only, "shop")
    for word in words:
        assert word in str(raised.value)


def test_apply_without_a_workload_or_values_is_named() -> None:
    step = {"do": "apply", "name": "x"}
    with pytest.raises(PlanError, match=r"disturbances\[0\]\.values: is missing"):
        planned({"name": "a", "disturbances": [step]})
    with pytest.raises(PlanError, match="needs scenario_workload"):
        planned({"name": "a", "disturbances": [{**step, "values": {}}]}, workload="")


def test_expectations_are_all_checked_and_those_of_variants_that_run_are_kept() -> None:
    variants = [{"name": "a"}, {"name": "b"}]
    runs = [plan_of(DATA, one, render) for one in chosen(variants, ["a"], "shop")]
    texts = ["a: failed == 0", "b: failed > 0", "b.p95 > a.p95", "availability == 100", "a.during: p99 < 1s"]
    assert expected(texts, variants, runs) == ["a: failed == 0", "availability == 100", "a.during: p99 < 1s"]
    for bad in ("b: falied > 0", "c: failed > 0", "a.later: failed == 0"):
        with pytest.raises(PlanError, match="scenario_expectations"):
            expected([bad], variants, runs)


def with_ingress(name: str, namespace: str, values: Json) -> list[Json]:
    """An Ingress for each host in the values."""
    rules = [{"host": host} for host in values.get("hosts", [f"{name}.{namespace}.lab.test"])]
    metadata = {"name": name, "namespace": namespace}
    return [
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": {"rules": rules}},
    ]


def through_ingress(**changes: Any) -> Any:
    (one,) = chosen([{"name": "a", "namespace": "shop"}], [], "shop")
    return plan_of({**DATA, "address_from": "ingress", **changes}, one, with_ingress)


def test_an_ingress_is_asked_by_its_host_at_the_lab_s_own_front() -> None:
    made = through_ingress()
    assert made.plan["probe"]["host"] == "web.shop.lab.test"
    assert made.plan["front"] == made.front_needed == "projectcontour/envoy"


def test_host_and_front_may_be_others() -> None:
    made = through_ingress(host="a.test", values_common={"hosts": ["b.test", "a.test"]}, front="nginx/controller")
    assert (made.plan["probe"]["host"], made.front_needed) == ("a.test", "nginx/controller")
    assert through_ingress(workload="", namespace="shop", host="a.test").plan["probe"]["host"] == "a.test"


def test_a_front_beside_the_service_is_named_without_its_namespace_and_need_not_be_there_before() -> None:
    made = through_ingress(front="envoy")
    assert (made.plan["front"], made.front_needed) == ("shop/envoy", "")
    assert planned({"name": "a"}).front_needed == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"values_common": {"hosts": []}}, ["scenario_host", "web.shop.lab.test", "ingress: true"]),
        ({"host": "a.test"}, ["scenario_host", "a.test", "expected web.shop.lab.test"]),
        ({"address_from": "node", "host": "a.test"}, ["scenario_address_from", "node", "ingress"]),
        ({"probe": {"rate": 20, "host": "a.test"}}, ["scenario_probe.host", "scenario_host"]),
        ({"probe": {"rate": 20, "url": "http://10.0.0.1"}}, ["probe.url", "one of the two"]),
        ({"front": "a/b/c"}, ["front", "namespace/service", "a/b/c"]),
    ],
)
def test_a_way_through_an_ingress_that_leads_nowhere_is_refused(changes: Json, words: list[str]) -> None:
    with pytest.raises(PlanError) as raised:
        through_ingress(**changes)
    for word in words:
        assert word in str(raised.value)
