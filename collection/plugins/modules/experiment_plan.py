#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of experiment_plan; it runs on the controller, in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: experiment_plan
short_description: Make and check the plans of a scenario's variants
version_added: 0.1.0
description:
  - Joins what the variants of a scenario share, renders the manifests of its workloads, and checks every field (steps
    and
    their arguments, options of the probe, objectives, expectations, values of the workload) before anything is changed.
  - The first thing that does not fit is the error, with its place and what was expected there.
  - Runs on the controller, changes nothing, and asks no host. M(availability.lab.experiment) runs the plans.
options:
  scenario:
    description: Name of the scenario.
    type: str
    required: true
  profile:
    description: Which of O(probe_profiles) is joined with O(probe).
    type: str
    default: quick
  directory:
    description: Folder of the records, on the host that runs the experiment.
    type: path
    required: true
  journal:
    description: Folder of the notes of what has to be undone, on that host.
    type: path
    required: true
  variants:
    description:
      - What is contrasted. Fields are those of the role scenario's C(scenario_variants), and of a proof C(round),
        C(cure_of) and C(patches).
    type: list
    elements: dict
    required: true
  only:
    description: Names of the variants to plan. Empty for all.
    type: list
    elements: str
    default: []
  workload:
    description: Folder of O(workload_dir) that is deployed. Empty where the service is there already.
    type: str
    default: ""
  workload_dir:
    description: Folder of the workloads, on the controller.
    type: path
  images:
    description: Image of each workload by its name. Without it the plans can be checked, but not run.
    type: dict
  beside:
    description: Workloads beside it, each with C(workload) and C(values).
    type: list
    elements: dict
    default: []
  values_common:
    description: Settings of the workload in all variants.
    type: dict
    default: {}
  disturbances:
    description: Steps of the variants that have none of their own.
    type: list
    elements: dict
    default: []
  service:
    description: Service that is asked.
    type: str
    default: ""
  front:
    description:
      - The proxy that answers HTTP in front of the service, as namespace/service of its own Service; without a
        namespace, one beside the service. With O(address_from=ingress) the lab's own is the default.
    type: str
    default: ""
  address_from:
    description: Where it is asked, V(node), V(loadbalancer), or V(ingress) for the node port of O(front).
    type: str
    default: node
  host:
    description: >-
      The host of the Ingress, with O(address_from=ingress). Empty for C(SERVICE.NAMESPACE.lab.test).
    type: str
    default: ""
  cluster:
    description: Whether the experiment is about a cluster.
    type: bool
    default: true
  kubeconfig:
    description: Kubeconfig of the cluster, on the host that runs the experiment.
    type: path
  context:
    description: Its context, instead of the current one.
    type: str
    default: ""
  namespace:
    description: The one namespace that may be used, for all variants.
    type: str
    default: ""
  keep:
    description: Leave the workload as it was deployed. Else it is removed.
    type: bool
    default: false
  probe:
    description:
      - Options of M(availability.lab.http_probe), and C(path), C(steady_path), C(url) (scheme, address and port of a
        service that is not looked up), C(report), and C(scheme), such as V(grpc), V(ws) or V(redis), where the service
        speaks no HTTP.
    type: dict
    default: {}
  probe_profiles:
    description: Options that a profile adds or replaces.
    type: dict
    default: {}
  attempts:
    description: Keep a line for each request.
    type: bool
    default: false
  steady_requests:
    description: Good answers in a row before the load begins.
    type: int
    default: 20
  steady_timeout_s:
    description: Seconds that they may take to come.
    type: float
    default: 60
  before_s:
    description: Seconds from the first request to the first step.
    type: float
    default: 5
  between_s:
    description: Seconds between steps that do not say C(after_s).
    type: float
    default: 5
  after_s:
    description: Seconds from the last step's end to the load's.
    type: float
    default: 5
  limit_s:
    description: Seconds that the load may last at all.
    type: float
    default: 1800
  stable_s:
    description: Seconds without a failure that count as recovered.
    type: float
    default: 5
  expectations:
    description: What has to show, as M(availability.lab.availability_report) takes it.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Changes nothing anyway.
    support: full
  diff_mode:
    description: There is no text to compare.
    support: none
seealso:
  - module: availability.lab.experiment
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Plan a restart of a service that is there already
  availability.lab.experiment_plan:
    scenario: shop
    directory: /tmp/shop
    journal: /tmp/shop/undo
    kubeconfig: /home/me/.kube/config
    namespace: shop
    service: web
    variants: [{name: restart}]
    disturbances: [{do: restart, name: rollout restart, object: web}]
    probe: {rate: 20, timeout: 2s}
    expectations: [availability >= 99.9]
  register: planned

- name: Say what would be done
  ansible.builtin.debug:
    msg: "{{ planned.plans[0].shown }}"
"""

RETURN = r"""
plans:
  description:
    - One entry a variant, with C(plan) for M(availability.lab.experiment), C(report) with what the report's run has
      beside
      its records, C(root) where a step needs root, C(tasks) with the steps that the playbook does, and C(shown) in
      words.
  returned: always
  type: list
  elements: dict
fronts:
  description: Proxies that have to be there before, each as namespace/service. Those that a plan deploys are left out.
  returned: always
  type: list
  elements: str
namespaces:
  description: The namespaces of all plans.
  returned: always
  type: list
  elements: str
expectations:
  description: Those of O(expectations) that speak of the variants which are planned.
  returned: always
  type: list
  elements: str
"""
