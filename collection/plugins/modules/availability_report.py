#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of availability_report; it runs on the controller, in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: availability_report
short_description: Join the records of a scenario run into a result, a verdict and a report
version_added: 0.1.0
description:
  - Reads the records that M(availability.lab.http_probe) and M(availability.lab.cluster_watch) wrote, groups
    them by variant and phase, computes the figures anew from the sums (percentiles are never averaged), checks
    what the scenario was expected to show, and writes the result in several formats into one folder.
  - The same records always give the same files, so that a report can be made again at any time.
  - The result is also shown as text on the terminal.
  - Nothing is written before every record was read and every expectation was understood.
  - Runs on the controller, whatever host the play is about. Relative paths are relative to the playbook.
options:
  scenario:
    description: Name of the scenario, as in the name of its playbook.
    type: str
    required: true
  title:
    description: Heading of the report; the scenario's name where it is empty.
    type: str
    default: ""
  directory:
    description: Folder for the files; it is made where it is missing.
    type: path
    required: true
  runs:
    description:
      - The records, in the order in which the report shows them.
      - Several records of one variant and phase are probes that watched at the same time. Their counts add
        up, and of their outages the worst probe's count.
    type: list
    elements: dict
    required: true
    suboptions:
      variant:
        description: What is contrasted, for example V(rolling) and V(service-switch).
        type: str
        required: true
      phase:
        description: Part of the run, for example V(before), V(during), V(after).
        type: str
        default: during
      probe:
        description:
          - Path of a probe record, version 1, or of what another tool measured, told by its content.
          - Of k6 C(--out json=FILE) (also gzipped), C(--summary-export FILE), what C(JSON.stringify) makes of
            handleSummary's data, and the new machine-readable summary; of vegeta C(vegeta encode) and
            C(vegeta report -type=json); hey's text and C(hey -o csv); oha's C(--output-format json) and C(--db-url);
            the text of wrk and siege; C(fortio load -json); locust's C(--csv), stats and history; JMeter's JTL as CSV;
            the answer to a range query of Prometheus for counters by status.
          - Summaries have no timeline and no outages. k6's thresholds become objectives.
          - hey's CSV, oha's database and wrk leave requests without an answer out, so that the verdict is
            V(inconclusive) at best.
          - Tools that tell no wall-clock time are taken to have ended when the file was written.
          - Without thresholds of its own another tool's result has to have no failed request, unless there are
            O(expectations), which then say what is right.
        type: path
        required: true
      cluster:
        description:
          - Path of the cluster record that M(availability.lab.cluster_watch) wrote meanwhile. Its changes become
            marks, the page shows pods, ready endpoints, replicas and CPU beside the requests, and every outage is
            given the cause that explains it best, or said to be unknown.
          - The phases of a variant may share one record.
        type: path
      attempts:
        description: Path of the probe's per-request log. With it the race of deleted pods is exact.
        type: path
      service:
        description:
          - The Service that was probed, where the URL alone does not tell it, as behind a load balancer that the
            cluster does not know. Without it the causes are less confident.
          - By default the Service whose address, node port or name the URL holds, or the one that an Ingress or
            HTTPRoute of the namespace leads it to.
        type: str
      events:
        description: What the scenario did to the service, shown as marks on the timeline.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: What was done, in a few words.
            type: str
            required: true
          at:
            description: When, as RFC 3339 text with a zone or in seconds of the Unix epoch.
            type: raw
            required: true
      disturbed_from:
        description:
          - When the disturbance began, in the forms of O(runs[].events[].at).
          - With it and O(runs[].disturbed_to) the one record is cut into the phases V(before), V(during), V(recover)
            (until the service is stable) and V(after), and O(runs[].phase) is not used. Their counts add up to the
            record's; a phase in which no request was due is left out; an outage belongs to the phase in which it began.
          - All records of a variant that are cut have to have the same disturbance.
        type: raw
      disturbed_to:
        description: When the disturbance was over.
        type: raw
      stable:
        description:
          - Seconds for which no request may fail before the service is called stable. The first such moment after
            O(runs[].disturbed_to) ends the phase V(recover). Without one there is no V(after).
        type: float
        default: 5
      stored:
        description:
          - Path of a JSON list of what the store held afterwards, numbers or text. Request number n of
            O(runs[].attempts), which is then required, wrote the value n, so it tells which acknowledged writes were
            lost and which were stored more than once.
        type: path
      settings:
        description:
          - Settings of the variant by name, each text, a number or true or false. Where variants differ in a setting,
            the report says what each of its values buys in failed requests and in time without service.
        type: dict
        default: {}
      served:
        description:
          - Path of a JSON object that has, by pod, the number of requests that it counted since its start, taken
            after the run. The lab's workloads count every request but those of the kubelet, and tell the sum in their
            last words.
          - With it fewer of the failed requests stay open between a lost request, which never reached the server, and
            a lost answer, which a retry repeats. It has to name every pod that was sent requests; counts that leave
            out one that answered, or that the cluster's record saw end, are not used, and the report says so.
        type: path
      cure_of:
        description:
          - The variant that this one repeats with the change that the report advised (the filter
            P(availability.lab.remedies#filter) has the patches). The report then compares the failed requests of both,
            each run of a phase of its own as one observation, and says V(better), V(worse) or V(no evidence), and how
            many pairs of runs are needed. Fewer than four pairs are no evidence.
        type: str
      experiment:
        description:
          - Path of the record that M(availability.lab.experiment) wrote. It tells the marks and the disturbance's
            begin and
            end, in place of O(runs[].events), O(runs[].disturbed_from) and O(runs[].disturbed_to); a step that did not
            happen, or ended after the load, makes the run V(inconclusive).
        type: path
  slo:
    description:
      - Percent of the time, or with O(monthly_requests) of the requests, that has to be good in 30 days. The report
        tells which share of the error budget that this leaves was used by each variant.
      - By time the failing share of the record's 100 ms buckets is downtime.
    type: float
    default: 99.9
  monthly_requests:
    description: >-
      Requests of the service in 30 days. The budget is then counted in requests, and the failed ones of this run are
      taken as they are; for a service whose load is the probe's own.
    type: int
  expectations:
    description:
      - >-
        What the run has to show, each a comparison such as V(availability == 100), V(noprobes: failed > 0),
        V(probes.during: p99 < 250ms) or V(starved.p95 > 2 * good.p95).
      - Without a variant it is checked for each of them; without a phase for all phases together.
      - >-
        Figures are attempts, ok, failed, not_sent, availability (over the plan), availability_sent,
        availability_time, error_rate, rate, duration, p50, p90, p95, p99, p999, max, mean, versions, outages,
        isolated_failures, longest_outage, total_outage and smallest_pod_share. Shares are percent; times need a unit
        (us, ms, s, m).
      - C(replicas_max), of a variant only, is the most ready replicas that one Deployment or StatefulSet had; it needs
        O(runs[].cluster). C(smallest_pod_share) is of the pods that answered.
      - C(time_to_recovery), of a variant only, is the time from the disturbance's begin to the end of the last failure
        before the service was stable, 0 where none failed.
      - C(error_budget), of a variant only, is the used percentage of the month's error budget, and
        C(availability_with_retry) an estimate of what clients with one immediate retry would have seen.
      - C(explained), of a variant only, is the percentage of the failed requests whose cause has a name, and
        C(lost_to_<cause>), such as C(lost_to_oom_killed), how many were lost to one (docs/causes.md); they need
        O(runs[].cluster).
      - C(writes_acknowledged), C(writes_lost), C(writes_duplicated), C(writes_unacknowledged_kept),
        C(writes_unavailable) and C(writes_foreign), of a variant only, need O(runs[].stored).
      - A figure without data satisfies nothing. There is none for the time to recovery when the service never got
        stable, and for a phase in which nothing was due.
    type: list
    elements: str
    default: []
  failures:
    description: >-
      What could not be done, such as a step that failed. Each makes the verdict V(fail), and is a reason of
      it.
    type: list
    elements: str
    default: []
  formats:
    description:
      - V(html) is one page, C(report.html), that holds everything it needs and opens from disk. Where O(directory)
        is C(<root>/<scenario>/<run>), C(<root>/index.html) is made anew too, the list of all runs (with V(json)).
      - V(png) holds the same charts as a picture, C(charts.png); it needs matplotlib on the controller.
      - V(card) is the story of the run as one picture of 1200 x 630, C(card.png), for chats and pull requests; it needs
        matplotlib too.
      - V(json) is the result record itself (RV(files) says the names), V(junit) has a case for each objective
        and expectation, V(markdown) is for a pull request, V(prometheus) for a textfile collector, V(csv) holds
        the requests over time.
    type: list
    elements: str
    choices: [html, png, card, json, junit, markdown, prometheus, csv]
    default: [html, png, card, json, junit, markdown, prometheus, csv]
attributes:
  check_mode:
    description: Reads everything and predicts RV(verdict) and whether a file would change; writes nothing.
    support: full
  diff_mode:
    description: Shows what would differ.
    support: none
author:
  - the Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Report on a rolling update and on a switch of the Service
  availability.lab.availability_report:
    scenario: blue-green
    title: Blue to green under load
    directory: results/blue-green/2026-11-21T070000Z
    runs:
      - variant: rolling
        probe: results/blue-green/2026-11-21T070000Z/rolling.json
        cluster: results/blue-green/2026-11-21T070000Z/rolling.cluster.jsonl
        events:
          - {name: image set to green, at: "2026-11-21T07:00:15.250Z"}
      - {variant: service-switch, probe: results/blue-green/2026-11-21T070000Z/switch.json}
    expectations:
      - availability == 100
      - versions >= 2
  register: report
  failed_when: report.verdict != 'pass'
"""

RETURN = r"""
scenario:
  description: The scenario reported on.
  type: str
  returned: success
  sample: blue-green
verdict:
  description:
    - V(fail) where an objective or an expectation was broken, V(inconclusive) where the measurement cannot be
      trusted (the probe could not keep its plan, was stopped, or sent nothing), otherwise V(pass).
  type: str
  returned: success
  sample: pass
reasons:
  description: Why RV(verdict) is not V(pass), one line each.
  type: list
  elements: str
  returned: success
  sample: ["expected availability == 100, found 99.38 % (rolling)"]
summary:
  description: The result as text for a terminal.
  type: str
  returned: success
files:
  description: Path of each written file by format.
  type: dict
  returned: success
  sample: {json: results/blue-green/2026-11-21T070000Z/result.json}
figures:
  description: Figures by variant and phase; the phase V(all) is all phases together. See docs/result.schema.json.
  type: dict
  returned: success
expectations:
  description: Each expectation checked, with C(what), C(variant), C(expected), C(found) and C(ok).
  type: list
  elements: dict
  returned: success
  sample:
    - {what: versions >= 2, variant: rolling, expected: ">= 2", found: "2", ok: true}
lost_by_cause:
  description:
    - By variant, the lost requests by cause, the costliest first; by outcome where the cluster was not recorded.
  type: dict
  returned: success
  sample: {rolling: {"endpoint removed late": 12, "not explained": 1}, service-switch: {}}
urls:
  description: By variant, the address at which the service was asked, where the probe's record says it.
  type: dict
  returned: success
  sample: {rolling: "http://192.168.49.2:30500/"}
"""
