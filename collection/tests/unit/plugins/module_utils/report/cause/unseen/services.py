# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Services, what stands in front of them and behind, names, certificates and networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.cluster.record import ObjectChange
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.situation import situation


def service(run: Operation, at_s: float, event: str = "modified", **state: Any) -> None:
    told = {"type": "NodePort", "selector": {"app": "web"}, "cluster_ip": "10.96.0.9", "load_balancer": []}
    run.change(at_s, "Service", "web", {**told, "ports": run.ports, **state}, event=event)


def behind_nginx(**container: Any) -> tuple[Operation, Operation]:
    """The shop behind an Ingress, and the recorded proxy (two pods of its own namespace, also called web-a, web-b)."""
    proxy = Operation(namespace="ingress")
    shop = Operation(**container)
    rule = {"host": "shop.example.com", "path": "/", "exact": False, "service": "web"}
    shop.change(0, "Ingress", "shop", {"class": "nginx", "rules": [rule]}, via="list")
    shop.url = "https://shop.example.com/"
    return shop, proxy


def joined(shop: Operation, proxy: Operation) -> Operation:
    """The proxy's pods have uids of their own."""
    proxy.finish()
    own: list[ObjectChange] = []
    for one in proxy.cluster.changes:
        if one.kind == "EndpointSlice":
            ends = [{**end, "uid": f"ingress-{end['uid']}"} for end in one.state["endpoints"]]
            own.append(replace(one, uid=f"ingress-{one.uid}", state={**one.state, "endpoints": ends}))
        elif one.kind != "Node":
            own.append(replace(one, uid=f"ingress-{one.uid}"))
    proxy.cluster.changes = own
    shop.behind(proxy)
    return shop


@situation("the Service's targetPort becomes a name that no container has", "service_changed")
def target_port_typo() -> Operation:
    run = Operation()
    service(run, 40, ports=[{"port": 80, "target_port": "htpp", "node_port": 30080}])
    run.dropped(40.1, "web-a")
    run.dropped(40.1, "web-b")
    run.fail(40.2, "refused", count=3900, until_s=119)
    return run


@situation("the selector asks for a version whose pods do not exist yet", "selector_changed")
def selector_before_its_pods() -> Operation:
    run = Operation()
    service(run, 40, selector={"app": "web", "version": "2.0"})
    run.dropped(40.1, "web-a")
    run.dropped(40.1, "web-b")
    run.fail(40.2, "refused", count=1500, until_s=70)
    service(run, 70, selector={"app": "web"})
    run.endpoint(70.1, "web-a", ready=True)
    run.endpoint(70.1, "web-b", ready=True)
    return run


@situation("blue/green: the Service is switched to green pods 20 s before they are ready", "selector_changed")
def switched_too_early() -> Operation:
    run = Operation()
    run.pod(38, "green-a", image="web:2.0", owner="ReplicaSet/green", labels={"app": "web", "color": "green"})
    service(run, 40, selector={"app": "web", "color": "green"})
    run.dropped(40.1, "web-a")
    run.dropped(40.1, "web-b")
    run.endpoint(40.1, "green-a", ready=False)
    run.fail(40.2, "refused", count=990, until_s=60)
    run.ready(60, "green-a")
    return run


@situation("the Service is deleted and made again by a tool, and gets another node port", "service_changed")
def service_made_again() -> Operation:
    run = Operation()
    service(run, 40, event="deleted")
    run.dropped(40.1, "web-a")
    run.dropped(40.1, "web-b")
    service(run, 41, event="added", ports=[{"port": 80, "target_port": 5000, "node_port": 31999}])
    run.endpoint(41.2, "web-a", ready=True)
    run.endpoint(41.2, "web-b", ready=True)
    run.fail(40.2, "refused", count=3900, until_s=119)
    return run


@situation("a policy that denies all traffic is applied to the namespace", "network_policy")
def deny_all() -> Operation:
    run = Operation()
    state = {"selector": {}, "expressions": [], "incoming": True, "lets_in": []}
    run.change(40, "NetworkPolicy", "default-deny", state, event="added")
    run.fail(41, "timeout_connecting", count=3950, until_s=119.98, next_good_s=None)
    return run


@situation("a policy for the database's pods is applied; one connection times out by nobody", "unknown")
def policy_of_others() -> Operation:
    run = Operation()
    run.store()
    state = {"selector": {"app": "db"}, "expressions": [], "incoming": True, "lets_in": [{"from": "web"}]}
    run.change(40, "NetworkPolicy", "db", state, event="added")
    run.fail(41, "timeout_connecting")
    return run


@situation("a policy keeps web from its database: all pods answer 500", "application_error network_policy unknown")
def egress_denied() -> Operation:
    run = Operation()
    run.store()
    state = {"selector": {"app": "web"}, "expressions": [], "incoming": False, "lets_in": []}
    run.change(40, "NetworkPolicy", "web-egress", state, event="added")
    run.fail(40.5, "wrong_status", count=3900, until_s=119, first_error="status 500")
    return run


@situation("the name of the service is not found for 20 s", "dns")
def name_not_found() -> Operation:
    run = Operation()
    run.url = "http://shop.example.com/"
    run.asked = "web"
    run.fail(40, "dns", count=1000, until_s=60, first_error="Temporary failure in name resolution")
    return run


@situation("the certificate expires", "tls")
def certificate_expired() -> Operation:
    shop, proxy = behind_nginx()
    shop.fail(60, "tls", count=2950, until_s=119, first_error="certificate verify failed: certificate has expired")
    return joined(shop, proxy)


@situation(
    "a cloud balancer sends to a deleted pod for 20 s more, until it is deregistered",
    "terminated_while_routed late_deregistration unknown",
)
def late_deregistration() -> Operation:
    run = Operation()
    service(run, 0, event="listed", type="LoadBalancer", load_balancer=["lb.example.com"])
    run.url = "http://lb.example.com/"
    run.delete(40, "web-a", exit_s=1)
    run.pod(40.1, "web-c")
    run.ready(43, "web-c")
    run.some_fail(41, 61, "timeout_connecting", every_s=0.5, lost=2)
    return run


@situation(
    "all pods answer 503 while the database is not ready; their readiness does not tell",
    "dependency_down application_error no_ready_endpoint readiness_failed unknown",
)
def dependency_unready() -> Operation:
    run = Operation()
    run.store()
    run.told(49, "Pod", "db-0", "Unhealthy", "Readiness probe failed: /tmp:5432 - rejecting connections")
    run.update(50, "db-0", ready=False)
    run.store_endpoint(50.1, ready=False)
    run.fail(50, "wrong_status", count=1000, until_s=70, first_error="status 503")
    run.update(70, "db-0", ready=True)
    run.store_endpoint(70.1, ready=True)
    return run


@situation("the proxy is rolled without a hook while the shop is rolled carefully", "front_disrupted")
def proxy_rolled_beside_a_good_rollout() -> Operation:
    shop, proxy = behind_nginx(pre_stop="sleep 10 s")
    shop.revision(37, "2", "web:2.0")
    shop.new_pod(37.1, "web-c", pre_stop="sleep 10 s")
    shop.ready(39, "web-c")
    proxy.delete(40, "web-a", dropped_s=0.2, exit_s=0.15)
    shop.some_fail(40.1, 40.7, "refused")
    shop.delete(39.2, "web-a", exit_s=11)
    return joined(shop, proxy)


@situation("the proxy is rolled carefully while a pod of the shop ends without a hook", "terminated_while_routed")
def pod_ended_beside_a_good_proxy() -> Operation:
    shop, proxy = behind_nginx()
    proxy.delete(30, "web-a", exit_s=25)
    shop.delete(40, "web-b", dropped_s=0.2, exit_s=0.15)
    shop.some_fail(40.1, 40.7, "wrong_status", first_error="status 502")
    return joined(shop, proxy)


@situation(
    "now and then a 502: the application closes kept connections of the proxy first", "unknown application_error"
)
def keepalive_race_of_a_proxy() -> Operation:
    shop, proxy = behind_nginx()
    for at_s in (22, 47, 71, 95):
        shop.fail(at_s, "wrong_status", first_error="status 502")
    return joined(shop, proxy)


@situation("a pod of the proxy's namespace crashes; the shop is asked past the proxy; one reset", "unknown")
def noise_of_the_proxy() -> Operation:
    shop, proxy = behind_nginx()
    shop.url = "http://192.168.49.2:30080/"
    proxy.restarted(50, "web-a", "Error", 1, up_s=4)
    shop.fail(50.2, "reset")
    return joined(shop, proxy)
