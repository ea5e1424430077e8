#!/usr/bin/python

# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Records what happens in a namespace while something else happens."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_watch
short_description: Record every change in a Kubernetes namespace
version_added: 0.1.0
description:
  - Watches pods, EndpointSlices, Services, Deployments, ReplicaSets, StatefulSets, HorizontalPodAutoscalers, Ingresses,
    HTTPRoutes, PodDisruptionBudgets, NetworkPolicies, Events and nodes, and writes each change with the API's time and
    the observer's, as one JSON line, to a record.
  - CPU and memory of the pods (metrics-server) and CPU throttling (the nodes' cAdvisor) are added where the cluster
    offers them and the kubeconfig's user may read them.
  - A watch that expires or breaks is resumed without losing or doubling a change; the time it was down is recorded.
  - The report joins this record with the one of M(availability.lab.http_probe) to name the cause of every outage.
author:
  - The Availability Lab founders (@availability-lab)
options:
  state:
    description:
      - V(started) starts a recorder process that outlives the task, and returns once all its watches are open.
        A recorder that already writes O(record) is left alone.
      - V(stopped) ends it and returns what it recorded.
      - V(once) records for O(duration_s) in the foreground.
    type: str
    choices: [started, stopped, once]
    default: started
  record:
    description:
      - The record file. Its folder is created. A record that is there already is overwritten by V(started) and V(once).
      - Beside it stands C(<record>.pid) while a recorder runs.
    type: path
    required: true
  kubeconfig:
    description: The kubeconfig file. Needed by V(started) and V(once).
    type: path
  context:
    description: The context of the kubeconfig to use, instead of its current one.
    type: str
  namespace:
    description: The namespace to record. It must exist. Needed by V(started) and V(once).
    type: str
  front:
    description:
      - The proxy that answers HTTP in front of the service (an Ingress controller, a Gateway), as namespace/service of
        its own Service. Its pods are recorded, too, so that its restarts are told from those of the service.
    type: str
    default: ""
  duration_s:
    description:
      - How long V(once) records.
      - With V(started) the longest time that a recorder runs when nobody stops it.
    type: float
    default: 14400
  owner_pid:
    description:
      - Process of the same host that the recorder of V(started) belongs to. When it ends, the recorder ends too, with
        a whole record; so a playbook that was interrupted leaves none behind.
    type: int
  metrics_interval_s:
    description: Seconds between two questions for CPU, memory and throttling. metrics-server averages over about 15 s.
    type: float
    default: 10
requirements:
  - kubernetes (Python client)
attributes:
  check_mode:
    description: Tells whether a recorder would be started or stopped, and starts or stops none.
    support: full
  diff_mode:
    description: There is no text to compare.
    support: none
"""

EXAMPLES = r"""
- name: Record the namespace from before the first request
  availability.lab.cluster_watch:
    state: started
    kubeconfig: "{{ lab_kubeconfig }}"
    namespace: hello
    record: "{{ lab_results_dir }}/cluster.jsonl"

- name: End the recording after the last request
  availability.lab.cluster_watch:
    state: stopped
    record: "{{ lab_results_dir }}/cluster.jsonl"
  register: recording

- name: Record two minutes in the foreground
  availability.lab.cluster_watch:
    state: once
    duration_s: 120
    kubeconfig: ~/.kube/config
    namespace: shop
    record: /tmp/shop.jsonl
"""

RETURN = r"""
record:
  description: The record file.
  returned: always
  type: str
  sample: results/cluster.jsonl
pid:
  description: Process id of the recorder.
  returned: when state is started and not in check mode
  type: int
  sample: 4711
counts:
  description: Lines in the record by kind of object, and of gaps, usage, throttling, skipped and clock.
  returned: when state is stopped or once, and there is a record
  type: dict
  sample: {"Pod": 64, "EndpointSlice": 17, "Event": 58, "gaps": 0}
complete:
  description: Whether the recorder ended by itself or as asked. If not, it was killed and the record has no end line.
  returned: when state is stopped or once, and there is a record
  type: bool
  sample: true
gaps:
  description: Times in which a watch was down, with the kind of object, the reason, and whether it was listed anew.
  returned: when state is stopped or once, and there is a record
  type: list
  elements: dict
  sample: []
skipped:
  description: What could not be recorded, and why.
  returned: when state is stopped or once, and there is a record
  type: dict
  sample: {"usage": "/apis/metrics.k8s.io/v1beta1/...: 404 page not found"}
end:
  description: The record's end line, with the reason, the CPU seconds used and the peak memory.
  returned: when state is stopped or once, and there is a whole record
  type: dict
  sample: {"reason": "asked to stop", "cpu_s": 1.2, "peak_memory_kib": 60000}
"""

import os
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import Front, RecordError, read_record

try:
    from ansible_collections.availability.lab.plugins.module_utils.cluster.api import ClusterApi, ClusterError
    from ansible_collections.availability.lab.plugins.module_utils.cluster.detached import (
        run_in_foreground,
        running,
        start_detached,
        stop,
    )
    from ansible_collections.availability.lab.plugins.module_utils.cluster.recorder import Recorder
except ImportError:
    MISSING_LIBRARY = traceback.format_exc()
else:
    MISSING_LIBRARY = ""


def summary(path: str) -> dict[str, Any]:
    """What a finished record holds, as the module returns it; empty when there is none."""
    if not os.path.exists(path):
        return {}
    record = read_record(path)
    counts: dict[str, int] = {}
    for change in record.changes:
        counts[change.kind] = counts.get(change.kind, 0) + 1
    counts.update(gaps=len(record.gaps), usage=len(record.usage), throttling=len(record.throttling))
    found: dict[str, Any] = {
        "counts": counts,
        "complete": record.end is not None,
        "gaps": [gap.__dict__ for gap in record.gaps],
        "skipped": record.skipped,
    }
    if record.end is not None:
        found["end"] = record.end
    return found


def run(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Carry out the wanted state; returns the module's result. Raises ClusterError, RecordError, OSError."""
    path, front = params["record"], Front.parse("front", params["front"])

    def make() -> Recorder:
        api = ClusterApi.from_kubeconfig(params["kubeconfig"], params["context"])
        return Recorder(api, params["namespace"], path, params["metrics_interval_s"], front=front)

    if params["state"] == "stopped":
        if check_mode:
            return {"changed": running(path) is not None, **summary(path)}
        return {"changed": stop(path), **summary(path)}
    found = running(path)
    if found is not None:
        if params["state"] == "once":
            raise ClusterError(f"record: {path} is being written by another recorder (pid {found.pid}); stop it first")
        return {"changed": False, "pid": found.pid}
    if check_mode:
        return {"changed": True}
    if params["state"] == "once":
        run_in_foreground(make(), params["duration_s"])
        return {"changed": True, **summary(path)}
    return {"changed": True, "pid": start_detached(make, path, params["duration_s"], params["owner_pid"]).pid}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped", "once"], "default": "started"},
            "record": {"type": "path", "required": True},
            "kubeconfig": {"type": "path"},
            "context": {"type": "str"},
            "namespace": {"type": "str"},
            "front": {"type": "str", "default": ""},
            "duration_s": {"type": "float", "default": 14400},
            "owner_pid": {"type": "int"},
            "metrics_interval_s": {"type": "float", "default": 10},
        },
        required_if=[
            ("state", "started", ["kubeconfig", "namespace"]),
            ("state", "once", ["kubeconfig", "namespace"]),
        ],
        supports_check_mode=True,
    )
    if MISSING_LIBRARY:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=MISSING_LIBRARY)
    for name in ("duration_s", "metrics_interval_s"):
        if module.params[name] <= 0:
            module.fail_json(msg=f"{name}: expected a number above 0, got {module.params[name]:g}")
    try:
        result = run(module.params, module.check_mode)
    except (ClusterError, RecordError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(record=module.params["record"], **result)


if __name__ == "__main__":
    main()
