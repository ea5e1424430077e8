# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every kind of bad input is one error that names the field and what was expected, before anything is changed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.experiment.fields import PlanError
from ansible_collections.availability.lab.plugins.module_utils.experiment.plan import parse

GOOD: dict[str, Any] = {
    "scenario": "shop",
    "variant": "restart",
    "record": "/tmp/shop/restart",
    "journal": "/tmp/shop/undo",
    "namespace": "shop",
    "cluster": {"kubeconfig": "/tmp/kubeconfig"},
    "service": "web",
    "probe": {"rate": 20, "timeout": "2s", "path": "/healthz"},
    "steps": [
        {"do": "restart", "name": "rollout restart", "object": "web"},
        {"do": "wait", "name": "a while", "seconds": "3", "after_s": 0},
    ],
}

INGRESS: dict[str, Any] = {
    "address_from": "ingress", "front": "front/envoy", "probe": {"rate": 20, "host": "shop.lab.test"},
}  # fmt: skip


def test_a_good_plan_has_types_and_defaults() -> None:
    plan = parse(GOOD)
    assert [(step.do, step.after_s) for step in plan.steps] == [("restart", 5.0), ("wait", 0.0)]
    assert plan.steps[0].args["kind"] == "Deployment"
    assert plan.steps[1].args == {"seconds": 3.0}
    assert plan.open_ended
    assert not plan.needs_root
    assert plan.probe_options("http://10.0.0.1:80")["url"] == ["http://10.0.0.1:80/healthz"]
    assert plan.probe_options("http://10.0.0.1:80")["duration"] == "1800s"


def test_a_service_that_speaks_no_http_is_asked_in_its_own_words_from_the_first_request_on() -> None:
    plan = parse({**GOOD, "probe": {"rate": 20, "scheme": "grpc", "path": "/shop.Prices/Get"}})
    for options in (plan.probe_options("http://10.0.0.1:80"), plan.steady_options("http://10.0.0.1:80")):
        assert options["url"] == ["grpc://10.0.0.1:80/shop.Prices/Get"]
    held = parse({**GOOD, "probe": {"rate": 20, "http_version": "2"}})
    assert held.steady_options("http://10.0.0.1:80")["http_version"] == "2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variant": None}, ["variant", "missing"]),
        ({"variant": "a/b"}, ["variant", "a/b"]),
        ({"stepps": []}, ["stepps", "no such field", "steps"]),
        ({"before_s": -1}, ["before_s", "0 or more"]),
        ({"before_s": "soon"}, ["before_s", "a number", "soon"]),
        ({"cluster": {"kubeconfig": "x", "contxt": "y"}}, ["cluster.contxt", "no such field"]),
        ({"namespace": ""}, ["namespace", "missing"]),
        ({"service": ""}, ["service", "missing"]),
        ({"front": "nginx"}, ["front", "namespace/service", "nginx"]),
        ({"front": "ingress/nginx"}, ["front", "probe.url"]),
        ({**INGRESS, "front": ""}, ["front", "missing", "ingress"]),
        ({**INGRESS, "cluster": None}, ["probe.url", "missing"]),
        ({**INGRESS, "engine": "k6"}, ["engine", "k6", "http_probe"]),
        ({**INGRESS, "probe": {"rate": 20}}, ["probe.host", "missing"]),
        ({**INGRESS, "probe": {"rate": 20, "host": "a", "url": "http://10.0.0.1"}}, ["probe.url", "one of the two"]),
        ({"engine": "wrk"}, ["engine", "http_probe, k6", "wrk"]),
        ({"engine": "k6"}, ["job", "missing"]),
        ({"collect": "stamps"}, ["collect", "served", "stamps"]),
        ({"address_from": "moon"}, ["address_from", "node, loadbalancer"]),
        ({"steps": [{"do": "melt", "name": "x"}]}, ["steps[0].do", "melt", "apply", "wait"]),
        ({"steps": [{"do": "wait", "seconds": 1}]}, ["steps[0].name", "missing"]),
        ({"steps": [{"do": "scale", "name": "x", "object": "web"}]}, ["steps[0] (scale).replicas", "missing"]),
        ({"steps": [{"do": "scale", "name": "x", "object": "web", "replicas": "many"}]}, ["replicas", "many"]),
        ({"steps": [{"do": "scale", "name": "x", "object": "web", "replicas": -1}]}, ["replicas", "0 or more"]),
        ({"steps": [{"do": "restart", "name": "x", "objct": "web"}]}, ["steps[0] (restart).objct", "object"]),
        ({"steps": [{"do": "request", "name": "x", "path": "/", "selector": "app=web"}]}, ["selector", "a list"]),
        ({"steps": [{"do": "apply", "name": "x", "manifests": [{"kind": "Pod"}]}]}, ["manifests[0]", "metadata.name"]),
        ({"probe": {"rate": 20, "tiemout": "2s"}}, ["probe.tiemout", "no such option", "timeout"]),
        ({"probe": {"rate": 20, "timeout": "soon"}}, ["probe.timeout", "soon"]),
        ({"probe": {"rate": 20, "result": "/tmp/x"}}, ["probe.result", "no such option"]),
        ({"probe": {"rate": 20, "path": "healthz"}}, ["probe.path", "begins with /"]),
        ({"probe": {"rate": 20, "report": "ab"}}, ["probe.report", "siege"]),
        ({"probe": {"rate": 20, "scheme": "ftp"}}, ["probe.scheme", "grpc", "ftp"]),
        ({"probe": {"rate": 20, "scheme": "redis", "method": "GET", "path": "/0"}}, ["probe.url", "redis://"]),
        ({"probe": {"rate": 20, "objectives": ["avail >= 99"]}}, ["probe.objectives", "avail"]),
        ({"probe": {"timeout": "2s"}}, ["probe.rate", "exactly one"]),
        ({"cluster": None, "probe": {"rate": 20}}, ["probe.url", "missing"]),
        ({"patches": [{"target": "Pod/web", "patch": {}}]}, ["patches[0].target", "Deployment/<name>"]),
    ],
)  # fmt: skip
def test_bad_input_is_one_error_that_names_field_and_expectation(change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(PlanError) as raised:
        parse({**GOOD, **change})
    said = str(raised.value)
    assert "\n" not in said
    for word in words:
        assert word in said


def test_files_of_certificates_are_looked_at_on_the_host_alone() -> None:
    raw = {**GOOD, "probe": {**GOOD["probe"], "ca_file": "/nowhere/ca.crt"}}
    parse(raw, on_host=False)
    with pytest.raises(PlanError, match=r"probe\.ca_file"):
        parse(raw)


def test_a_plan_whose_requests_are_counted_has_its_own_end() -> None:
    plan = parse({**GOOD, "probe": {"rate": 20, "requests": 100}})
    assert not plan.open_ended
    assert "duration" not in plan.probe_options("http://10.0.0.1:80")


def test_a_plan_is_shown_in_words() -> None:
    shown = "\n".join(parse(GOOD).shown())
    for words in (
        "shop, variant restart",
        "restart: rollout restart",
        "5 s after the first request",
        "0 s later: wait",
    ):
        assert words in shown


def test_what_is_asked_before_takes_values_only_where_its_path_does() -> None:
    probe = {"rate": 20, "path": "/price/{value}", "values": ["1", "2"]}
    assert parse({**GOOD, "probe": probe}).steady_options("http://x")["values"] == ["1", "2"]
    assert "values" not in parse({**GOOD, "probe": {**probe, "steady_path": "/"}}).steady_options("http://x")
