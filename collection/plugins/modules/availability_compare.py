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
  - The difference of availability has a 95 % confidence interval over runs (Welch). Latency (p50, p99) is compared by
    the rank test of Mann and Whitney. Both need four runs of each side; fewer are said to be too few.
  - The longest outage, the share of failed requests and the p99 latency of a run may be what the 99th percentile of the
    earlier runs was, plus a grace of half a second, 0.1 percentage points or 10 ms, or of a fifth if that is more. For
    that one new run is enough, but five earlier ones are needed; fewer are said to be too little history, never passed.
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
      C(longest_outage), C(failed_share) and C(slow_answers) a C(verdict), a C(text) and the numbers behind it.
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
