#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of availability_history; it runs on the controller, in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: availability_history
short_description: Keep summaries of scenario runs in etcd or in a folder
version_added: 0.1.0
description:
  - Keeps a summary of each result that M(availability.lab.availability_report) wrote, about 300 bytes a variant, in the
    lab's etcd (role P(availability.lab.etcd#role)) or, where there is none, in files of a folder.
  - M(availability.lab.availability_compare) holds a new run against what O(operation=list) returns.
  - A run is known by its scenario and the time at which it began. Putting the same run again changes nothing.
  - Runs on the controller. Relative paths are relative to the playbook.
options:
  operation:
    description:
      - V(put) stores the summary of O(result).
      - V(list) returns all runs, or those of O(scenario) and O(profile), the oldest first.
      - V(get) returns one O(run), without it the newest of O(scenario) and O(profile).
      - V(prune) removes runs by O(keep) and O(older_than).
    type: str
    choices: [put, list, get, prune]
    required: true
  result:
    description: Path of the C(result.json) to put.
    type: path
  profile:
    description:
      - How large the run was, for example V(quick) or V(full). Stored by O(operation=put), otherwise only runs of this
        profile are looked at.
      - Runs of different profiles are not compared.
    type: str
    default: ""
  scenario:
    description: Name of the scenario. Needed by O(operation=get).
    type: str
  run:
    description: Name of the run, as RV(entries) has it, for example V(2026-11-21T070000.000000Z).
    type: str
  keep:
    description:
      - O(operation=prune) keeps so many of the newest runs of each scenario and profile.
      - With O(older_than) only those of the others are removed that are old enough.
    type: int
  older_than:
    description: O(operation=prune) removes runs that began so long ago, a number with V(s), V(m), V(h), V(d) or V(w).
    type: str
  directory:
    description: Folder of the history, made where it is missing. Either this or O(endpoints).
    type: path
  endpoints:
    description: Client URLs of etcd's members; the first that answers is used. The role etcd sets C(etcd_endpoints).
    type: list
    elements: str
  ca_cert:
    description: Certificate of the authority that signed etcd's, on the controller; C(etcd_client_files.ca).
    type: path
  client_cert:
    description: Certificate of the client, on the controller; C(etcd_client_files.certificate).
    type: path
  client_key:
    description: Key of the client, on the controller; C(etcd_client_files.key).
    type: path
attributes:
  check_mode:
    description: Reads everything and predicts what would change.
    support: full
  diff_mode:
    description: Shows the entry before and after a put, and the runs that are removed.
    support: full
seealso:
  - module: availability.lab.availability_report
  - module: availability.lab.availability_compare
author:
  - the Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Keep the run in the lab's etcd
  availability.lab.availability_history:
    operation: put
    result: results/rolling-update/2026-11-21T070000Z/result.json
    profile: quick
    endpoints: "{{ etcd_endpoints }}"
    ca_cert: "{{ etcd_client_files.ca }}"
    client_cert: "{{ etcd_client_files.certificate }}"
    client_key: "{{ etcd_client_files.key }}"

- name: Or in a folder
  availability.lab.availability_history:
    operation: put
    result: results/rolling-update/2026-11-21T070000Z/result.json
    profile: quick
    directory: results/history

- name: Read what there is of this scenario
  availability.lab.availability_history:
    operation: list
    scenario: rolling-update
    profile: quick
    directory: results/history
  register: history

- name: Stop when the new run is worse than history allows
  availability.lab.availability_compare:
    history: "{{ history.entries }}"
    candidate: [results/rolling-update/2026-11-21T070000Z/result.json]
    fail_on_regression: true

- name: Keep the last hundred runs, and all of the last month
  availability.lab.availability_history:
    operation: prune
    keep: 100
    older_than: 30d
    directory: results/history
"""

RETURN = r"""
entry:
  description: The run that was put or got (docs/history.md).
  type: dict
  returned: put and get
  sample:
    record: history
    schema_version: 1
    scenario: rolling-update
    run: 2026-11-21T070000.000000Z
    profile: quick
    started_unix_ns: 1795244400000000000
    ended_unix_ns: 1795244460000000000
    verdict: pass
    variants:
      - name: bare
        attempts: 1200
        failed: 3
        not_sent: 0
        availability_percent: 99.75
        lower_percent: 99.356
        p50_ms: 2.9
        p99_ms: 8.1
        longest_outage_s: 0.15
        total_outage_s: 0.15
        blocks: {length_s: 5, observed: 12, failing: 1}
entries:
  description: The runs, the oldest first, each as RV(entry).
  type: list
  elements: dict
  returned: list
removed:
  description: The removed runs, each as scenario/run.
  type: list
  elements: str
  returned: prune
  sample: [rolling-update/2026-10-01T070000.000000Z]
"""
