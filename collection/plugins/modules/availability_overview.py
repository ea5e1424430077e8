#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of availability_overview; it runs on the controller, in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: availability_overview
short_description: Show the results of several scenario runs in one table
version_added: 0.1.0
description:
  - Reads C(result.json), which M(availability.lab.availability_report) wrote, from each folder and shows one table with
    a row for each variant, on the terminal and in two files.
  - A folder without a result becomes a row with the verdict V(inconclusive), because a run that made no report is never
    a pass. A result that cannot be read is an error.
  - Runs on the controller, whatever host the play is about. Relative paths are relative to the playbook.
options:
  directories:
    description: Folders of the runs, C(<root>/<scenario>/<run>), in the order in which the table shows them.
    type: list
    elements: path
    required: true
  directory:
    description: Folder for C(overview.json) and C(overview.md); it is made where it is missing.
    type: path
    required: true
attributes:
  check_mode:
    description: Reads everything and predicts whether a file would change; writes nothing.
    support: full
  diff_mode:
    description: Shows what would differ.
    support: none
author:
  - the Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Show all scenarios of this run in one table
  availability.lab.availability_overview:
    directories:
      - results/blue-green/2026-11-21T070000Z
      - results/rolling-update/2026-11-21T070300Z
    directory: results
  register: overview
  failed_when: overview.verdict != 'pass'
"""

RETURN = r"""
verdict:
  description: The worst verdict of all rows, V(fail) before V(inconclusive) before V(pass).
  type: str
  returned: success
  sample: pass
rows:
  description:
    - A row for each variant. A figure is none where there is no data, in a row of a folder without a result all are.
    - C(verdict) is the variant's own together with the expectations that speak of it, C(note) what was broken.
  type: list
  elements: dict
  returned: success
  sample:
    - scenario: rolling-update
      variant: no-probes
      attempts: 40000
      availability_percent: 99.82
      failed: 72
      outages: 3
      longest_outage_s: 1.2
      p99_ms: 21.4
      time_to_recovery_s: 4.1
      disturbed: true
      verdict: pass
      main_cause: endpoint added before the application listened
      note: ""
summary:
  description: The table as text for a terminal.
  type: str
  returned: success
files:
  description: Path of each written file by format.
  type: dict
  returned: success
  sample: {json: results/overview.json, markdown: results/overview.md}
"""
