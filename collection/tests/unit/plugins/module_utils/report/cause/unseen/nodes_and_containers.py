# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Nodes and containers that end: pressure, reclaimed machines, kills of memory, crashes, liveness."""

from __future__ import annotations

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import rfc3339
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.operation import Operation
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.situation import situation

MEMORY = (
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container web was using 900Mi."
)
DISK = "The node was low on resource: ephemeral-storage. Threshold quantity: 2Gi, available: 1Gi."
KUBELET = {"disruption": "TerminationByKubelet"}
GONE = {"ready": "Unknown"}  # the last state of a node whose object is deleted
LIVENESS = "Container web failed liveness probe, will be restarted"


@situation("node n2 under memory pressure evicts web-b", "evicted", innocent="web-a")
def memory_pressure_evicts() -> Operation:
    run = Operation()
    run.node_state(39.2, "n2", pressures=["MemoryPressure"], taints=["node.kubernetes.io/memory-pressure:NoSchedule"])
    run.evict(40, "web-b", MEMORY)
    run.fail(40.1, "reset", count=4, until_s=40.2)
    run.some_fail(40.3, 41.1, "refused")
    run.pod(41.2, "web-c", node="n1")
    run.ready(44, "web-c")
    return run


@situation("disk pressure evicts the pods of a batch job; web keeps serving, one reset by nobody", "unknown")
def disk_pressure_beside() -> Operation:
    run = Operation()
    run.other(0, "batch-x", "ReplicaSet/batch")
    run.node_state(49, "n1", pressures=["DiskPressure"], taints=["node.kubernetes.io/disk-pressure:NoSchedule"])
    run.told(50, "Pod", "batch-x", "Evicted", DISK)
    run.update(51, "batch-x", phase="Failed", reason="Evicted", message=DISK, ready=False)
    run.fail(51.2, "reset")
    return run


@situation("web-b writes more than its ephemeral limit and is evicted", "evicted", innocent="web-a")
def ephemeral_storage() -> Operation:
    run = Operation()
    run.evict(60, "web-b", "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ")
    run.some_fail(60.1, 61, "refused")
    run.pod(61.5, "web-c", node="n2")
    run.ready(65, "web-c")
    return run


@situation(
    "a spot machine is reclaimed with notice: the kubelet ends its pods, then the node is gone",
    "evicted node_not_ready",
    innocent="web-a n1",
)
def spot_reclaimed_with_notice() -> Operation:
    run = Operation()
    run.node_state(28, "n2", unschedulable=True, taints=["aws-node-termination-handler/spot-itn:NoSchedule"])
    said = "Pod was terminated in response to imminent node shutdown."
    run.node_state(30, "n2", ready="False", ready_reason="KubeletNotReady", unschedulable=True)
    run.endpoint(30.3, "web-b", ready=False)
    run.update(30.8, "web-b", phase="Failed", reason="Terminated", message=said, ready=False, **KUBELET)
    run.some_fail(30.2, 31.4, "refused")
    run.pod(31, "web-c", node="n1")
    run.ready(35, "web-c")
    run.change(50, "Node", "n2", dict(GONE), event="deleted")
    return run


@situation(
    "a machine vanishes: half of the requests time out until its node is called silent",
    "node_not_ready",
    innocent="web-a n1",
)
def machine_vanishes() -> Operation:
    run = Operation()
    run.some_fail(30, 72, "timeout_connecting", every_s=0.5, lost=3)
    run.node_state(71, "n2", ready="Unknown", ready_reason="NodeStatusUnknown")
    run.update(71.2, "web-b", ready=False)
    run.endpoint(71.3, "web-b", ready=False)
    return run


@situation(
    "the only node's kubelet is restarted and all its pods are called unready", "node_not_ready no_ready_endpoint"
)
def kubelet_restarted() -> Operation:
    run = Operation(pods=1)
    run.node_state(50, "n1", ready="False", ready_reason="KubeletNotReady")
    run.update(50.1, "web-a", ready=False)
    run.endpoint(50.2, "web-a", ready=False)
    run.fail(50.3, "refused", count=590, until_s=62.1)
    run.node_state(62, "n1")
    run.ready(62.1, "web-a")
    return run


@situation(
    "a drain that the PodDisruptionBudget refuses; meanwhile web-a crashes", "container_crashed", innocent="n1 n2 web-b"
)
def drain_refused_and_a_crash() -> Operation:
    run = Operation()
    budget = {"selector": {"app": "web"}, "min_available": 2, "max_unavailable": None, "allowed": 0}
    run.change(0, "PodDisruptionBudget", "web", budget, via="list")
    run.node_state(30, "n2", unschedulable=True, taints=["node.kubernetes.io/unschedulable:NoSchedule"])
    run.restarted(50, "web-a", "Error", 1, up_s=4)
    run.some_fail(50, 50.6, "refused")
    return run


@situation("the log shipper beside web (no port) is OOM killed, and once a request is reset by nobody", "unknown")
def sidecar_without_port() -> Operation:
    run = Operation()
    run.beside("web-a", "shipper", limits={"cpu_m": None, "memory_bytes": 2**26})
    shipper = {"name": "shipper", "ready": True, "restarts": 0, "state": "running"}
    run.update(1, "web-a", containers=[*run._pods["web-a"]["containers"], shipper])
    run.restarted(40, "web-a", "OOMKilled", 137, up_s=3, which="shipper")
    run.fail(42, "reset")
    return run


@situation("the mesh's proxy, through which all requests go, is OOM killed", "oom_killed", innocent="web-b")
def mesh_proxy_killed() -> Operation:
    run = Operation()
    run.beside(
        "web-a", "istio-proxy", ports=[15090], readiness="GET :15021/healthz/ready", limits={"memory_bytes": 2**27}
    )
    proxy = {"name": "istio-proxy", "ready": True, "restarts": 0, "state": "running"}
    run.update(1, "web-a", containers=[*run._pods["web-a"]["containers"], proxy])
    run.restarted(40, "web-a", "OOMKilled", 137, up_s=3, which="istio-proxy")
    run.fail(40.05, "reset", count=3, until_s=40.1)
    run.some_fail(40.2, 40.8, "refused")
    return run


@situation("web-a is OOM killed while the other Deployment api is rolled", "oom_killed", innocent="api-1 api-2 web-b")
def killed_beside_another_rollout() -> Operation:
    run = Operation()
    run.other(0, "api-1", "ReplicaSet/api-1")
    run.other(39, "api-2", "ReplicaSet/api-2", via="watch")
    run.update(40, "api-1", deletion_timestamp=rfc3339(70), deletion_grace_s=30)
    run.restarted(40.2, "web-a", "OOMKilled", 137, up_s=5)
    run.fail(40.2, "reset", count=2, until_s=40.22)
    run.some_fail(40.4, 40.8, "refused")
    return run


@situation("web-a is OOM killed while web-b is replaced carefully, with a hook", "oom_killed", innocent="web-b web-c")
def killed_while_rolled() -> Operation:
    run = Operation(pre_stop="sleep 10 s")
    run.revision(28, "2", "web:2.0")
    run.new_pod(28.1, "web-c", node="n2", pre_stop="sleep 10 s")
    run.ready(31, "web-c")
    run.delete(31.1, "web-b", exit_s=11)
    run.restarted(35, "web-a", "OOMKilled", 137, up_s=6)
    run.fail(35, "reset", count=3, until_s=35.05)
    run.some_fail(35.1, 35.5, "refused")
    return run


@situation("web-a was unready for 20 s when it crashed; one reset by nobody", "unknown")
def crash_out_of_the_way() -> Operation:
    run = Operation()
    run.unready(20, "web-a")
    run.restarted(40, "web-a", "Error", 1, up_s=30)
    run.fail(40.4, "reset")
    return run


@situation(
    "the old revision's pods crash; 16 s later the repaired one is rolled out without a loss", "container_crashed"
)
def crash_before_the_roll() -> Operation:
    run = Operation(pre_stop="sleep 5 s")
    run.restarted(20, "web-a", "Error", 2, up_s=4)
    run.restarted(20.2, "web-b", "Error", 2, up_s=4)
    run.fail(20.1, "refused", count=190, until_s=24)
    run.revision(40, "2", "web:1.1")
    run.new_pod(40.1, "web-c", node="n1", image="web:1.1")
    run.ready(43, "web-c")
    run.delete(43.1, "web-a", exit_s=6)
    run.new_pod(43.2, "web-d", node="n2", image="web:1.1")
    run.ready(46, "web-d")
    run.delete(46.1, "web-b", exit_s=6)
    return run


@situation("a new pod is killed by its liveness probe again and again; old pods serve; one reset by nobody", "unknown")
def slow_start_beside_serving_pods() -> Operation:
    run = Operation()
    run.revision(20, "2", "web:2.0")
    run.new_pod(20.1, "web-c", liveness="GET :5000/healthz every 3 s", readiness="GET :5000/healthz")
    for n, at_s in enumerate((30, 45, 60)):
        run.told(at_s, "Pod", "web-c", "Killing", LIVENESS)
        last = {"state": "terminated", "exit_code": 137, "reason": "Error", "finished_at": rfc3339(at_s + 1)}
        run.container(at_s + 1, "web-c", restarts=n + 1, state="running", last=last)
    run.fail(46, "reset")
    return run


@situation("Recreate, and the new pods start slower than their liveness probe lets them", "liveness_restart")
def slow_start_after_recreate() -> Operation:
    run = Operation()
    run.revision(20, "2", "web:2.0", strategy="Recreate", rolling_update=None)
    run.delete(20.1, "web-a")
    run.delete(20.1, "web-b")
    for name in ("web-c", "web-d"):
        run.new_pod(21, name, liveness="GET :5000/healthz every 3 s")
        for n, at_s in enumerate((31, 46, 61, 76)):
            run.told(
                at_s,
                "Pod",
                name,
                "Unhealthy",
                "Liveness probe failed: dial tcp 10.0.0.7:5000: connect: connection refused",
            )
            run.told(at_s, "Pod", name, "Killing", LIVENESS)
            last = {"state": "terminated", "exit_code": 137, "reason": "Error", "finished_at": rfc3339(at_s + 1)}
            run.container(at_s + 1, name, restarts=n + 1, state="running", last=last)
    run.fail(20.4, "refused", count=4900, until_s=119)
    return run


@situation(
    "web-a's process hangs for 12 s until its liveness probe ends it", "unknown liveness_restart", most="unknown"
)
def hung_until_liveness() -> Operation:
    run = Operation()
    run.some_fail(25, 37, "timeout_headers", every_s=0.4)
    run.told(36, "Pod", "web-a", "Unhealthy", "Liveness probe failed: context deadline exceeded")
    run.told(36, "Pod", "web-a", "Killing", LIVENESS)
    run.restarted(37, "web-a", "Error", 137, up_s=4)
    return run


@situation("a Job's pod is OOM killed in the moment of a reset by nobody", "unknown")
def job_killed_beside() -> Operation:
    run = Operation()
    run.other(20, "import-1", "Job/import", via="watch")
    over = {
        "name": "main",
        "ready": False,
        "restarts": 0,
        "state": "terminated",
        "exit_code": 137,
        "reason": "OOMKilled",
    }
    run.update(60, "import-1", phase="Failed", ready=False, containers=[{**over, "finished_at": rfc3339(60)}])
    run.fail(60.1, "reset")
    return run


@situation(
    "a Job's pods have the label that the Service selects, and no process that listens",
    "added_before_listening unknown",
)
def job_in_the_service() -> Operation:
    run = Operation()
    run.pod(40, "migrate-1", node="n1", called="migrate", ports=[], readiness=None, owner="Job/migrate")
    run.ready(41, "migrate-1")
    run.some_fail(41.1, 60, "refused", every_s=0.4, lost=3)
    run.update(60, "migrate-1", phase="Succeeded", ready=False)
    run.dropped(60.1, "migrate-1")
    return run


@situation("the autoscaler of nodes empties n2, and nothing has room for the two pods", "unschedulable evicted")
def node_removed_no_room() -> Operation:
    run = Operation(pods=1)
    why = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available."
    run.node_state(29, "n1", unschedulable=True, taints=["ToBeDeletedByClusterAutoscaler:NoSchedule"])
    run.update(30, "web-a", disruption="EvictionByEvictionAPI")
    run.delete(30, "web-a", exit_s=1)
    run.pod(30.3, "web-b", node="")
    run.update(30.4, "web-b", unscheduled=why, phase="Pending", containers=[])
    run.told(30.5, "Pod", "web-b", "FailedScheduling", why)
    run.fail(31, "refused", count=2000, until_s=71)
    run.update(
        68,
        "web-b",
        unscheduled=None,
        node="n2",
        phase="Running",
        containers=[{"name": "web", "ready": False, "restarts": 0, "state": "running"}],
    )
    run.ready(71, "web-b")
    return run
