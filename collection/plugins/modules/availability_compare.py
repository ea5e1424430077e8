#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of availability_compare; it runs on the controller, in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: availability_compare
short_description: Tell whether runs of a scenario are better or worse than earlier ones
version_added: 0.1.0
description:
  - Compares results that M(availability.lab.availability_report) wrote. Each run is one observation, because failed
    requests come in clusters and a thousand requests of one run are not a thousand observations.
  - One exact permutation test over runs judges availability, longest outage, p50 and p99 of all variants together. If
    nothing changed, it says better or worse at most once in twenty comparisons, whatever the number of runs.
  - So few runs that they cannot reach that are said to be too few, never passed. One new run needs 19 earlier ones, two
    need five, three need four, four need three.
  - A difference has to matter, too. Availability by a tenth of the failed share that its objective allows (99.9 % where
    the runs had none), the longest outage by 100 ms, latency by a tenth and at least 1 ms.
  - The worst new run is shown beside what the earlier ones allow, their 99th percentile plus that difference. To be
    beyond it is no verdict of its own, because the worst of few runs is beaten by chance.
  - On one machine, alternate the runs (old, new, old, new), so that both sides see the same conditions.
  - Runs on the controller. Relative paths are relative to the playbook.
options:
  baseline:
    description: Paths of earlier C(result.json) files, of one scenario. Either this or O(history).
    type: list
    elements: path
  history:
    description:
      - Earlier runs, as M(availability.lab.availability_history) lists them, of one scenario and profile.
      - The runs of O(candidate) are left out where they are already in it. An empty list is too little history.
    type: list
    elements: dict
  candidate:
    description: Paths of the C(result.json) files to judge.
    type: list
    elements: path
    required: true
  variants:
    description: Which variants to compare; all that every run has where it is empty.
    type: list
    elements: str
    default: []
  fail_on_regression:
    description: Fail the task when RV(verdict) is V(worse).
    type: bool
    default: false
attributes:
  check_mode:
    description: Only reads, so check mode is the same.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
seealso:
  - module: availability.lab.availability_report
  - module: availability.lab.availability_history
author:
  - the Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Find the runs of both versions
  ansible.builtin.find:
    paths: "{{ playbook_dir }}/results/{{ item }}"
    patterns: result.json
    recurse: true
  loop: [old, new]
  register: runs

- name: Stop the pipeline when the new version rolls out worse than the old one
  availability.lab.availability_compare:
    baseline: "{{ runs.results[0].files | map(attribute='path') }}"
    candidate: "{{ runs.results[1].files | map(attribute='path') }}"
    fail_on_regression: true
  register: comparison

- name: Show it in words
  ansible.builtin.debug:
    msg: "{{ comparison.summary.splitlines() }}"
"""

RETURN = r"""
verdict:
  description:
    - V(worse) where any figure of any variant is, else V(too few runs) where a variant cannot be judged, else
      V(better), else V(no evidence).
  type: str
  returned: success
  sample: no evidence
variants:
  description:
    - For each variant C(verdict), C(baseline_runs), C(candidate_runs), and for C(availability), C(p50), C(p99) and
      C(longest_outage), C(failed_share) and C(slow_answers) a C(verdict), a C(text), a C(p_value) (null where there are
      too few runs) and the numbers behind it. C(failed_share) is availability's test and C(slow_answers) that of p99,
      seen from the worst new run.
  type: dict
  returned: success
alternated:
  description: Whether the runs of both sides took turns, so that both saw the same conditions.
  type: bool
  returned: success
summary:
  description: The comparison as text; it is shown on the terminal, too.
  type: str
  returned: success
"""
