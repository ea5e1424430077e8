# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Releases, and what keeps the pods of a new one from serving."""

from __future__ import annotations

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.situation import situation

BROKEN_PATH = "Readiness probe failed: HTTP probe failed with statuscode: 404"
QUOTA = 'Error creating: pods "web-2-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4'
WEBHOOK = (
    'Error creating: admission webhook "validate.kyverno.svc-fail" denied the request: resource Pod/shop/web-2-x was '
    "blocked due to the following policies require-labels"
)


HOOK = "sleep 5 s"


def replaced(run: Operation, at_s: float) -> None:
    """A whole careful rollout in 13 s: web-c for web-a, web-d for web-b."""
    run.revision(at_s, "2", "web:2.0")
    run.new_pod(at_s + 0.1, "web-c", node="n1", pre_stop=HOOK)
    run.ready(at_s + 3, "web-c")
    run.delete(at_s + 3.1, "web-a", exit_s=5.4)
    run.new_pod(at_s + 3.2, "web-d", node="n2", pre_stop=HOOK)
    run.ready(at_s + 7, "web-d")
    run.delete(at_s + 7.1, "web-b", exit_s=5.4)


@situation("Recreate; the new revision's readiness probe asks for a path that is not there", "readiness_failed")
def readiness_path_recreate() -> Operation:
    run = Operation()
    run.revision(30, "2", "web:2.0", strategy="Recreate", rolling_update=None)
    run.delete(30.1, "web-a")
    run.delete(30.1, "web-b")
    for name in ("web-c", "web-d"):
        run.new_pod(31, name, readiness="GET :5000/health every 5 s")
        for at_s in (36, 41, 46, 51, 56, 61):
            run.told(at_s, "Pod", name, "Unhealthy", BROKEN_PATH)
    run.fail(30.4, "refused", count=4400, until_s=119)
    return run


@situation(
    "a rollout hangs at a bad readiness path, old pods serve; one 500 of the old ones", "application_error unknown"
)
def readiness_path_rolling() -> Operation:
    run = Operation()
    run.revision(30, "2", "web:2.0")
    run.new_pod(30.1, "web-c", readiness="GET :5000/health every 5 s")
    for at_s in (36, 41, 46, 51, 56, 61):
        run.told(at_s, "Pod", "web-c", "Unhealthy", BROKEN_PATH)
    run.fail(62, "wrong_status", first_error="status 500")
    return run


@situation("a canary of the new revision answers 500, old pods stay good", "bad_release", innocent="web-a web-b")
def canary_answers_500() -> Operation:
    run = Operation()
    run.names_pods = True
    run.revision(30, "2", "web:2.0")
    run.new_pod(30.1, "web-c")
    run.ready(33, "web-c")
    run.some_fail(33.3, 80, "wrong_status", every_s=0.3, lost=1, first_error="status 500")
    run.delete(80, "web-c")
    return run


@situation("all of the new revision answers with status 500 until it is rolled back", "bad_release")
def rolled_back() -> Operation:
    run = Operation(pre_stop=HOOK)
    replaced(run, 30)
    run.some_fail(33.2, 37, "wrong_status", first_error="status 500")
    run.fail(37.1, "wrong_status", count=1400, until_s=65, first_error="status 500")
    run.revision(60, "3", "web:1.0")
    run.pod(60.1, "web-e")
    run.ready(63, "web-e")
    run.delete(63.1, "web-c", exit_s=5.4)
    run.pod(63.2, "web-f", node="n2")
    run.ready(65, "web-f")
    run.delete(65.1, "web-d", exit_s=5.4)
    return run


@situation("the new revision answers each request later than the client waits", "bad_release")
def slow_revision() -> Operation:
    run = Operation(pre_stop=HOOK)
    replaced(run, 30)
    run.some_fail(33.2, 37, "timeout_headers")
    run.fail(37.1, "timeout_headers", count=4000, until_s=119)
    return run


@situation(
    "a good rollout; 15 s after it the database is OOM killed and all pods answer 500 for 8 s",
    "oom_killed dependency_down application_error no_ready_endpoint unknown",
)
def database_killed_after_a_rollout() -> Operation:
    run = Operation()
    run.store()
    replaced(run, 30)
    last = {"state": "terminated", "exit_code": 137, "reason": "OOMKilled", "finished_at": "2026-11-21T08:00:55Z"}
    run.container(55, "db-0", restarts=1, last=last)
    run.store_endpoint(55.2, ready=False)
    run.update(55.2, "db-0", ready=False)
    run.fail(55, "wrong_status", count=400, until_s=63, first_error="status 500")
    run.update(62.8, "db-0", ready=True)
    run.store_endpoint(62.9, ready=True)
    return run


@situation(
    "the new revision lacks its ConfigMap, one old pod went without a hook",
    "terminated_while_routed",
    innocent="web-c web-b",
)
def config_missing_beside() -> Operation:
    run = Operation()
    run.revision(30, "2", "web:2.0", rolling_update={"maxUnavailable": 1, "maxSurge": 0})
    run.delete(30.1, "web-a", dropped_s=0.2, exit_s=0.1)
    run.some_fail(30.2, 30.8, "refused")
    run.new_pod(30.2, "web-c")
    run.container(
        31, "web-c", state="waiting", reason="CreateContainerConfigError", message='configmap "web" not found'
    )
    run.told(31, "Pod", "web-c", "Failed", 'Error: configmap "web" not found')
    return run


@situation("an image takes 50 s to pull while the old pods serve; one reset by nobody", "unknown")
def slow_pull_beside() -> Operation:
    run = Operation()
    run.revision(20, "2", "web:2.0")
    run.new_pod(20.1, "web-c")
    run.container(20.3, "web-c", state="waiting", reason="ContainerCreating")
    run.told(20.4, "Pod", "web-c", "Pulling", 'Pulling image "registry.example.com/web:2.0"')
    run.fail(45, "reset")
    run.container(70, "web-c", state="running", reason=None)
    run.ready(72, "web-c")
    return run


@situation(
    "both pods are moved off their nodes, and the registry does not give their image again",
    "image_not_pulled evicted",
    most="image_not_pulled",
)
def registry_down_after_a_drain() -> Operation:
    run = Operation()
    for at_s, name, new in ((30, "web-a", "web-c"), (32, "web-b", "web-d")):
        run.update(at_s, name, disruption="EvictionByEvictionAPI")
        run.delete(at_s, name, exit_s=1)
        run.pod(at_s + 0.3, new, node="n3")
        said = (
            'Back-off pulling image "registry.example.com/web:1.0": dial tcp: lookup registry.example.com: no such host'
        )
        run.container(at_s + 2, new, state="waiting", reason="ErrImagePull", message=said)
        run.container(at_s + 15, new, state="waiting", reason="ImagePullBackOff", message=said)
    run.fail(32.6, "refused", count=4300, until_s=119)
    return run


@situation("a quota leaves no room for the new pods after Recreate", "not_created")
def quota_after_recreate() -> Operation:
    run = Operation()
    run.revision(30, "2", "web:2.0", strategy="Recreate", rolling_update=None)
    run.delete(30.1, "web-a")
    run.delete(30.1, "web-b")
    for at_s in (31, 33, 37, 45):
        run.told(at_s, "ReplicaSet", "web-2", "FailedCreate", QUOTA)
    run.fail(30.5, "refused", count=4400, until_s=119)
    return run


@situation("both pods are evicted, and a webhook refuses the new ones", "not_created evicted", most="not_created")
def webhook_after_a_drain() -> Operation:
    run = Operation()
    for at_s, name in ((30, "web-a"), (31, "web-b")):
        run.update(at_s, name, disruption="EvictionByEvictionAPI")
        run.delete(at_s, name, exit_s=0.8)
    for at_s in (30.4, 31.4, 33, 37, 45, 60):
        run.told(at_s, "ReplicaSet", "web-1", "FailedCreate", WEBHOOK)
    run.fail(31.4, "refused", count=4300, until_s=119)
    return run


@situation("a webhook refuses the surge of a rollout, old pods serve; one reset by nobody", "unknown")
def webhook_refuses_the_surge() -> Operation:
    run = Operation()
    run.revision(30, "2", "web:2.0")
    for at_s in (30.4, 31.4, 33, 37, 45, 60):
        run.told(at_s, "ReplicaSet", "web-2", "FailedCreate", WEBHOOK)
    run.fail(37.5, "reset")
    return run


@situation("Recreate moves a pod to another node, where its disk cannot be attached for a minute", "volume")
def multi_attach() -> Operation:
    run = Operation(pods=1)
    run.revision(30, "2", "web:2.0", pods=1, strategy="Recreate", rolling_update=None)
    run.delete(30.1, "web-a", exit_s=1)
    run.new_pod(31.5, "web-b", node="n2")
    run.container(31.6, "web-b", state="waiting", reason="ContainerCreating")
    said = 'Multi-Attach error for volume "pvc-7a" Volume is already exclusively attached to one node'
    run.told(32, "Pod", "web-b", "FailedAttachVolume", said)
    run.fail(31.2, "refused", count=3000, until_s=92)
    run.container(90, "web-b", state="running", reason=None)
    run.ready(92, "web-b")
    return run


@situation(
    "a rollout with hooks is over; its old ReplicaSet wants 0; some answers are 500", "application_error unknown"
)
def old_revision_at_zero() -> Operation:
    run = Operation(pre_stop=HOOK)
    replaced(run, 20)
    run.change(33, "ReplicaSet", "web-1", {"revision": "1", "replicas": 0, "owner": "Deployment/web"})
    run.some_fail(80, 84, "wrong_status", first_error="status 500")
    return run


@situation("the autoscaler takes web-b away, which has no hook", "terminated_while_routed", innocent="web-a")
def scaled_down_without_hook() -> Operation:
    run = Operation()
    scaler = {"target": "Deployment/web", "min": 1, "max": 4, "utilization_percent": {"cpu": 12}, "problems": {}}
    run.change(0, "HorizontalPodAutoscaler", "web", {**scaler, "current": 2, "desired": 2}, via="list")
    run.change(44.8, "HorizontalPodAutoscaler", "web", {**scaler, "current": 2, "desired": 1})
    run.revision(44.9, "1", "web:1.0", pods=1)
    run.delete(45, "web-b", dropped_s=0.2, exit_s=0.15)
    run.some_fail(45.1, 45.9, "refused")
    return run


@situation(
    "kept connections are reset as their pod takes SIGTERM after its hook", "terminated_while_routed", innocent="web-b"
)
def kept_connections_of_a_deleted_pod() -> Operation:
    run = Operation(pre_stop="sleep 5 s")
    run.delete(45, "web-a", exit_s=5.3)
    run.fail(50.1, "reset", count=6, until_s=50.3, lane="reuse")
    return run


@situation("somebody deletes a pod by force, with no grace", "terminated_while_routed", innocent="web-b")
def deleted_by_force() -> Operation:
    run = Operation()
    run.update(45, "web-a", deletion_timestamp="2026-11-21T08:00:45Z", deletion_grace_s=0)
    run.change(45.05, "Pod", "web-a", dict(run._pods["web-a"]), event="deleted")
    run.dropped(45.3, "web-a")
    run.fail(45.05, "reset", count=2, until_s=45.07)
    run.some_fail(45.2, 46, "refused")
    run.pod(45.1, "web-c")
    run.ready(48, "web-c")
    return run


@situation(
    "the only pod of a service is deleted; the next is ready 15 s later",
    "no_ready_endpoint terminated_while_routed",
    most="no_ready_endpoint",
)
def single_pod_deleted() -> Operation:
    run = Operation(pods=1)
    run.delete(45, "web-a", exit_s=0.5)
    run.pod(45.2, "web-b")
    run.fail(45.3, "refused", count=750, until_s=60)
    run.ready(60, "web-b")
    return run
