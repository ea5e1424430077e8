# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Variations of what was named wrongly at first: written with their right answers once the rules had been changed, by
who had read them. They show whether a kind was mended or a sample. Here those of releases, services and fronts.
"""

from __future__ import annotations

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import rfc3339
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen import releases, services
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.situation import situation


def by_balancer(run: Operation) -> None:
    services.service(run, 0, event="listed", type="LoadBalancer", load_balancer=["lb.example.com"])
    run.url = "http://lb.example.com/"


@situation(
    "a rollout; 15 s after it the database is OOM killed and stays away",
    "oom_killed dependency_down application_error no_ready_endpoint",
)
def database_stays_away_after_a_rollout() -> Operation:
    run = Operation(pre_stop=releases.HOOK)
    run.store()
    releases.replaced(run, 30)
    last = {"state": "terminated", "exit_code": 137, "reason": "OOMKilled", "finished_at": rfc3339(55)}
    run.container(55, "db-0", restarts=1, last=last, state="waiting", reason="CrashLoopBackOff")
    run.store_endpoint(55.2, ready=False)
    run.update(55.2, "db-0", ready=False)
    run.fail(55, "wrong_status", count=3245, until_s=119.98, first_error="status 500", next_good_s=None)
    return run


@situation("a bad release; the database was not ready for a moment 25 s before it", "bad_release")
def database_flapped_before_a_bad_release() -> Operation:
    run = Operation(pre_stop=releases.HOOK)
    run.store()
    run.store_endpoint(5, ready=False)
    run.store_endpoint(8, ready=True)
    releases.replaced(run, 30)
    run.some_fail(33.2, 37, "wrong_status", first_error="status 500")
    run.fail(37.1, "wrong_status", count=4100, until_s=119.98, first_error="status 500", next_good_s=None)
    return run


@situation("one new pod of five answers too late, once a second", "bad_release")
def canary_is_late() -> Operation:
    run = Operation(pods=4)
    run.revision(30, "2", "web:2.0", pods=5)
    run.new_pod(30.1, "web-x")
    run.ready(33, "web-x")
    run.some_fail(33.5, 110, "timeout_headers", every_s=1, lost=1)
    return run


@situation("a good canary; 20 s later one answer is 500, and another one a minute later", "application_error")
def two_errors_after_a_canary() -> Operation:
    run = Operation()
    run.revision(10, "2", "web:2.0")
    run.new_pod(10.1, "web-x")
    run.ready(13, "web-x")
    for at_s in (33, 95):
        run.fail(at_s, "wrong_status", first_error="status 500")
    return run


@situation("the application answers 500 now and then before and after a good canary", "application_error")
def errors_before_and_after() -> Operation:
    run = Operation()
    run.some_fail(5, 28, "wrong_status", every_s=4, lost=1, first_error="status 500")
    run.revision(30, "2", "web:2.0")
    run.new_pod(30.1, "web-x")
    run.ready(33, "web-x")
    run.some_fail(34, 80, "wrong_status", every_s=4, lost=1, first_error="status 500")
    return run


@situation(
    "a pod ends without a hook, and its node sends three reused ports there for a minute",
    "terminated_while_routed stale_connection",
)
def reused_ports() -> Operation:
    run = Operation()
    run.delete(30, "web-a", dropped_s=0.3, exit_s=0.2)
    run.fail(30.3, "timeout_connecting", count=4, until_s=30.5)
    for at_s in (52, 71, 88):
        run.fail(at_s, "timeout_connecting")
    return run


@situation(
    "a node's kube-proxy stands still: half of the connections go to a pod that is gone, for 30 s",
    "terminated_while_routed unknown",
    innocent="web-b",
)
def proxy_stands_still() -> Operation:
    run = Operation()
    run.delete(30, "web-a", dropped_s=0.3, exit_s=0.2)
    run.pod(30.4, "web-c")
    run.ready(33, "web-c")
    run.some_fail(30.3, 60, "timeout_connecting", every_s=0.4)
    return run


@situation(
    "a mistyped selector for 20 s; as it is mended the only pod is OOM killed for 10 s",
    "selector_changed oom_killed",
    most="selector_changed",
)
def selector_then_kill() -> Operation:
    run = Operation(pods=1)
    services.service(run, 30, selector={"app": "wbe"})
    run.dropped(30.1, "web-a")
    services.service(run, 50, selector={"app": "web"})
    run.endpoint(50.1, "web-a", ready=True)
    run.restarted(51, "web-a", "OOMKilled", 137, up_s=10)
    run.fail(30.2, "refused", count=1540, until_s=60.99)
    return run


@situation("a policy that denies all, asked through a load balancer, right after a pod ended well", "network_policy")
def deny_all_by_balancer() -> Operation:
    run = Operation(pre_stop="sleep 10 s")
    by_balancer(run)
    run.delete(25, "web-b", exit_s=11)
    state = {"selector": {}, "expressions": [], "incoming": True, "lets_in": []}
    run.change(40, "NetworkPolicy", "default-deny", state, event="added")
    run.fail(41, "timeout_connecting", count=3950, until_s=119.98, next_good_s=None)
    return run


@situation("through a load balancer: a pod crashes, nobody deleted it", "container_crashed", innocent="web-b")
def crash_by_balancer() -> Operation:
    run = Operation()
    by_balancer(run)
    run.restarted(40, "web-a", "Error", 1, up_s=12)
    run.fail(40, "reset", count=2, until_s=40.02)
    run.some_fail(40.1, 42, "refused")
    return run


@situation("through a load balancer: a careful rollout, and later connections time out by nobody", "unknown")
def nothing_by_balancer() -> Operation:
    run = Operation(pre_stop="sleep 20 s")
    by_balancer(run)
    run.delete(20, "web-b", exit_s=21)
    run.some_fail(70, 90, "timeout_connecting", every_s=1)
    return run


@situation(
    "the database's only pod is replaced, web answers 500 for 6 s",
    "no_ready_endpoint terminated_while_routed application_error",
)
def database_replaced() -> Operation:
    run = Operation()
    run.store()
    run.update(40, "db-0", deletion_timestamp=rfc3339(70), deletion_grace_s=30)
    run.store_endpoint(40.1, ready=False)
    run.change(41, "Pod", "db-0", dict(run._pods["db-0"]), event="deleted")
    run.store_endpoint(46, ready=True)
    run.fail(40.5, "wrong_status", count=275, until_s=46, first_error="status 500")
    return run


@situation("the proxy's pod is OOM killed , the shop is well", "front_disrupted")
def proxy_killed() -> Operation:
    shop, proxy = services.behind_nginx()
    proxy.restarted(50, "web-a", "OOMKilled", 137, up_s=4)
    shop.fail(50.1, "reset", count=3, until_s=50.2)
    shop.some_fail(50.3, 50.9, "refused")
    return services.joined(shop, proxy)


@situation("the shop's pod is OOM killed, its proxy answers 502 until the endpoint is gone", "oom_killed")
def shop_killed_behind_a_proxy() -> Operation:
    shop, proxy = services.behind_nginx()
    shop.restarted(50, "web-a", "OOMKilled", 137, up_s=4)
    shop.some_fail(50.1, 51, "wrong_status", first_error="status 502")
    return services.joined(shop, proxy)
