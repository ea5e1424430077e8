#!/usr/bin/python
# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measure the availability of an HTTP service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: http_probe
short_description: Measure the availability of a service, every request accounted for
version_added: 0.1.0
description:
  - Sends requests on a plan (a rate, users, or stages of either) and books every planned request under exactly one
    outcome. Availability is computed over the plan, and latency counts from the time when a request was due, so
    that an outage or a stall is never hidden.
  - Finds outages with their start, end and resolution, breaks figures down by lane, target and by what answers say
    about themselves, and judges objectives.
  - It watches itself. When it could not keep the plan, the verdict is V(inconclusive), never V(pass).
  - With C(async) it runs beside other tasks. A SIGTERM or SIGINT to the module ends it early, with a record of what
    was measured.
options:
  url:
    description:
      - >-
        Addresses to probe, C(http://host:port/path) or C(https://…). V({value}) in the path or in a body takes each of
        O(values) in turn.
      - >-
        C(grpc://host:port/package.Service/Method) and C(grpcs://…) (TLS) call a gRPC method with O(body_base64) as its
        message; without a method it is the health check C(grpc.health.v1.Health/Check), which has to answer SERVING.
        The answer's C(grpc-status) decides, O(expect_status) is about the status of HTTP.
      - >-
        What is no HTTP: C(tcp://host:port) only connects (with O(expect_body), O(expect_regex) or O(identify) a banner
        must come), C(redis://[user:password@]host) and C(rediss://) send PING, C(dns://server/name?type=A) (or V(AAAA),
        V(SRV)) looks the name up over UDP.
      - >-
        C(ws://) and C(wss://) hold a WebSocket (with O(connection=reuse)) and send a PING for each request, which the
        PONG of the same number answers.
      - Options about HTTP are refused with them. C(tcp://) has no kept connections.
      - Give either this or O(targets).
    type: list
    elements: str
  targets:
    description:
      - Addresses with a weight, method, headers or body of their own.
    type: list
    elements: dict
    suboptions:
      url:
        description:
          - The address.
        type: str
        required: true
      name:
        description:
          - Its name in the record; the address when it is not given.
        type: str
      weight:
        description:
          - Its share of the requests, relative to the others' weights.
        type: int
        default: 1
      method:
        description:
          - HTTP method; O(method) when it is not given.
        type: str
      headers:
        description:
          - Headers added to O(headers).
        type: dict
      body:
        description:
          - Request body; O(body) when it is not given.
        type: str
      body_base64:
        description:
          - Request body of any bytes, as Base64; O(body_base64) when it is not given.
        type: str
  values:
    description:
      - >-
        What V({value}) in an address or a body stands for, in turn; for example product ids, or numbers by which
        writes are found again.
    type: list
    elements: str
  method:
    description:
      - HTTP method.
    type: str
    choices: ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
    default: "GET"
  headers:
    description:
      - Request headers. Values that look like secrets are masked in the record.
    type: dict
    default: {}
  body:
    description:
      - Request body.
    type: str
  body_base64:
    description:
      - Request body of any bytes, as Base64, instead of O(body). A gRPC message goes without its prefix of five bytes.
    type: str
  http_version:
    description:
      - V(2) puts many requests on each kept connection, as many as the server takes, and opens another when it is full.
        With C(http://) HTTP/2 is spoken at once (prior knowledge), with C(https://) the server has to agree (ALPN),
        else the request fails with V(tls). It is never HTTP/1.1 instead. gRPC is always HTTP/2.
      - The control target is asked by HTTP/1.1. Redirects are not followed with V(2).
    type: str
    choices: ["1.1", "2"]
    default: "1.1"
  connect_to:
    description:
      - Connect to this C(address:port) instead of the one in the address.
    type: str
  host:
    description:
      - The Host header, instead of the address's.
    type: str
  server_name:
    description:
      - TLS server name (SNI), instead of the address's host.
    type: str
  ca_file:
    description:
      - PEM file of the authorities to trust, instead of the system's.
    type: path
  client_cert:
    description:
      - PEM file of the client certificate.
    type: path
  client_key:
    description:
      - PEM file of its private key.
    type: path
  verify:
    description:
      - Verify the server's certificate.
    type: bool
    default: true
  tls_min_version:
    description:
      - Oldest version of TLS that is spoken; a server without it fails as C(tls). Without this it is what Python takes.
    type: str
    choices: ["1.2", "1.3"]
  ip_version:
    description:
      - Address family for host names.
    type: str
    choices: ["any", "4", "6"]
    default: "any"
  address_order:
    description:
      - Where a name has several addresses, V(system) connects to the first in the system's order, V(in_turn) to each in
        turn, as for a headless Service whose pods all count.
      - Either way the next address is tried when one cannot be reached, and beside one that has said nothing for 250 ms
        (RFC 8305); what connects first is taken. Names are looked up again every second.
    type: str
    choices: [system, in_turn]
    default: system
  follow_redirects:
    description:
      - >-
        How many redirects to follow; V(0) reports the redirect as the answer, one more than this is a failure. 307 and
        308 keep method and body; headers stay, credentials only at the same origin.
    type: int
    default: 0
  connection:
    description:
      - >-
        V(new) opens a connection for each request, V(reuse) keeps connections, V(both) sends every arrival on both
        lanes, with figures, outages and a verdict for each. V(resumed) opens one for each request, too, and resumes the
        TLS session of an earlier one, as browsers do (C(https://) alone).
      - When a kept connection fails, a new one is tried at once to tell a reset or stalled connection from an outage;
        the failed request stays failed.
    type: str
    choices: ["new", "reuse", "both", "resumed"]
    default: "new"
  rate:
    description:
      - >-
        Open model: requests a second, sent when they are due, however slow the answers are.
      - Give exactly one of O(rate), O(users) and O(stages).
    type: float
  users:
    description:
      - >-
        Closed model: users that send a request, wait for its end, and send the next.
    type: int
  stages:
    description:
      - A rate or a number of users that goes in straight lines, from 0, from stage to stage. A stage of no time sets
        the value at once.
    type: list
    elements: dict
    suboptions:
      duration:
        description:
          - How long it takes to get to the value.
        type: str
        required: true
      rate:
        description:
          - Requests a second at the end of the stage (open model).
        type: float
      users:
        description:
          - Users at the end of the stage (closed model).
        type: int
  arrivals:
    description:
      - How the open model's arrivals are spaced.
    type: str
    choices: ["constant", "poisson"]
    default: "constant"
  think_time:
    description:
      - >-
        Closed model: the pause after each answer, V(1s) or V(0-1s) (uniform).
    type: str
  iteration_time:
    description:
      - >-
        Closed model: every user sends one request each such time.
    type: str
  requests:
    description:
      - Stop after so many arrivals.
    type: int
  duration:
    description:
      - Stop after this time. Times are written V(500ms), V(10s), V(1m30s) or as a number of seconds.
    type: str
  max_in_flight:
    description:
      - Cap on the requests in flight of a lane. What it holds back is not sent, and the verdict is not pass. V(0) is
        no cap.
    type: int
    default: 0
  processes:
    description:
      - Worker processes; each uses one core.
    type: int
    default: 1
  timeout:
    description:
      - Time limit of a request, from its start.
    type: str
    default: "5s"
  expect_status:
    description:
      - Statuses that are ok, as V(200), V(200-299) or V(2xx).
    type: list
    elements: str
    default: ["200-399"]
  expect_body:
    description:
      - Text that the body must contain.
    type: str
  expect_regex:
    description:
      - Regular expression that must match somewhere in the body.
    type: str
  expect_json:
    description:
      - Values that the body must have at JSON pointers.
    type: dict
    default: {}
  expect_latency:
    description:
      - Slower answers fail (from the due time).
    type: str
  identify:
    description:
      - >-
        Break all figures down by a name found in the answer, as V(version=header:X-Version), V(pod=json:/pod) or
        V(node=regex:node ([a-z0-9-]+\)). Several names are possible.
    type: list
    elements: str
    default: []
  remote_date:
    description:
      - Where O(attempts) finds the server's date, as V(header:Date) or V(json:/date).
    type: str
  control:
    description:
      - An address that is known to work, probed in the same loop. Outages during which it fails too make the verdict
        inconclusive.
    type: str
  control_rate:
    description:
      - Requests a second to O(control).
    type: float
    default: 10.0
  stall_after:
    description:
      - An answer that takes longer is part of a stall.
    type: str
    default: "1s"
  brownout_share:
    description:
      - A second in which so many percent of the requests to a target fail (and at least two) is part of a brown-out,
        although now and then one is answered.
    type: float
    default: 50.0
  objectives:
    description:
      - >-
        What must hold for a pass, such as V(availability >= 99.9), V(p99{lane=new} < 50ms), V(longest_outage < 1s),
        V(error_rate <= 0.1), V(failed == 0).
      - Metrics are availability, availability_sent, availability_time, availability_lower and error_rate (in %), p50,
        p99.9, mean, max, min and the same with service_ in front, longest_outage, total_outage, longest_stall,
        longest_brownout, total_brownout, brownouts, outages, isolated_failures, stalls, failed, completed, not_sent,
        requests.
      - availability_lower is the 95 % confidence bound for requests that fail independently of each other. Failures
        come in clusters, so the truth may be below it.
      - The scope in braces is a lane, a target or a name of O(identify).
    type: list
    elements: str
    default: ["failed == 0"]
  abort_on:
    description:
      - Objectives that end the probe, with verdict fail, as soon as they can no longer be met.
    type: list
    elements: str
    default: []
  max_lateness:
    description:
      - >-
        Self-check: when more than 1 % of the requests are sent later than this, the verdict is inconclusive.
    type: str
    default: "100ms"
  max_steal:
    description:
      - >-
        Self-check: the limit of the CPU time stolen by the hypervisor, and of that kept back by a cgroup's quota, in
        percent.
    type: float
    default: 20.0
  name:
    description:
      - Name of the run in the record.
    type: str
    default: ""
  result:
    description:
      - File for the record (JSON, docs/probe-result.md). While the probe runs, a file with C(.progress) behind its
        name grows by a line a second; it stays below some 30 MiB however long that is.
    type: path
  attempts:
    description:
      - File for one JSON line a request.
    type: path
  seed:
    description:
      - Seed of random arrivals and think times.
    type: int
    default: 1
  owner_pid:
    description:
      - Process of the same host that the probe belongs to. When it ends, the probe ends early, with its record; so a
        playbook that was interrupted leaves no load behind.
    type: int
  report:
    description:
      - Also return the text that this client would have printed; V(client) prints every attempt and needs O(attempts)
        for that.
    type: str
    choices: ["client", "siege", "hey", "k6", "vegeta"]
  fail_on:
    description:
      - >-
        Which verdicts fail the task: V(fail) only that one, V(inconclusive) every verdict but pass, V(never) none.
    type: str
    choices: ["fail", "inconclusive", "never"]
    default: "fail"
attributes:
  check_mode:
    description: Validates every option and returns the plan; nothing is sent.
    support: full
  diff_mode:
    description: Nothing on the host is changed but the files asked for.
    support: none
  async:
    description: Runs beside other tasks.
    support: full
notes:
  - Needs Linux (epoll) and Python 3.9 or later on the host that probes, nothing else.
  - The verdict V(fail) fails the task unless O(fail_on) says otherwise; the record is written first.
author:
  - The Availability Lab founders (@availability-lab)
"""

EXAMPLES = r"""
- name: Is the service there, 20 times a second, on new connections
  availability.lab.http_probe:
    url: [http://127.0.0.1:5000/]
    rate: 20
    duration: 60s
    identify: ["version=json:/tag"]
    objectives: [availability >= 99.9, longest_outage < 1s]
    result: /tmp/hello.probe.json

- name: The same beside other tasks, on new and kept connections
  availability.lab.http_probe:
    url: [http://127.0.0.1:5000/]
    rate: 50
    duration: 2m
    connection: both
    objectives: ["availability{lane=new} == 100", "availability{lane=reuse} >= 99.99"]
    result: /tmp/hello.probe.json
  async: 180
  poll: 0
  register: probe

- name: Does the store answer, on new connections and on kept ones; a server that loads its data counts as failed
  availability.lab.http_probe:
    url: ["redis://127.0.0.1:6379"]
    rate: 20
    duration: 60s
    connection: both
    objectives: [longest_outage < 5s]

- name: Does the cluster's name service find the Service, every 50 ms and without sending twice
  availability.lab.http_probe:
    url: ["dns://10.96.0.10/hello.default.svc.cluster.local"]
    rate: 20
    duration: 60s
    timeout: 1s

- name: Are held connections kept, ten PINGs a second; what the server closes in the middle is named by its code
  availability.lab.http_probe:
    url: ["ws://127.0.0.1:8090/feed"]
    connection: reuse
    rate: 10
    duration: 60s
    objectives: [failed <= 1]

- name: A hundred users, one request a second each, ramped up and down
  availability.lab.http_probe:
    url: ["http://127.0.0.1:8080/price/{value}"]
    values: ["1", "2", "3"]
    connection: reuse
    stages:
      - {duration: 30s, users: 100}
      - {duration: 60s, users: 100}
      - {duration: 30s, users: 0}
    iteration_time: 1s
    objectives: [error_rate <= 0.1, p95 < 500ms]
    report: k6

- name: HTTP/2, a connection for each request beside one that all share
  availability.lab.http_probe:
    url: [https://127.0.0.1:8443/]
    http_version: "2"
    connection: both
    rate: 50
    duration: 60s

- name: Does a gRPC server say that it serves, ten times a second
  availability.lab.http_probe:
    url: [grpc://127.0.0.1:50051]
    connection: reuse
    rate: 10
    duration: 60s
"""

RETURN = r"""
verdict:
  description: V(pass), V(fail) or V(inconclusive).
  type: str
  returned: when the probe ran
reasons:
  description: Why it is not a pass.
  type: list
  elements: str
  returned: when the probe ran
probe:
  description: The record without its timeline and histogram buckets (docs/probe-result.md).
  type: dict
  returned: when the probe ran
result:
  description: Path of the whole record.
  type: str
  returned: when O(result) is set
report:
  description: The text of O(report).
  type: str
  returned: when O(report) is set
plan:
  description: What would be sent.
  type: dict
  returned: in check mode
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import (
    ARGUMENTS,
    TASK_ARGUMENTS,
    OptionError,
)
from ansible_collections.availability.lab.plugins.module_utils.probe.condensed import condensed
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.secret import values_of
from ansible_collections.availability.lab.plugins.module_utils.probe.supervisor import Supervisor, WorkerError
from ansible_collections.availability.lab.plugins.module_utils.summary.words import render

FAILING = {"fail": ("fail",), "inconclusive": ("fail", "inconclusive"), "never": ()}


def main() -> None:
    """Arguments in, one run, record out."""
    # Its arguments are not logged on the host: headers and addresses may hold secrets, which are known only now.
    module = AnsibleModule(argument_spec={**ARGUMENTS, **TASK_ARGUMENTS}, supports_check_mode=True, no_log=True)
    given = {name: module.params[name] for name in ARGUMENTS}
    module.no_log_values.update(values_of(given))
    try:
        options = parse(given)
        writes = bool(options.result or options.attempts)
        if module.check_mode:
            module.exit_json(changed=writes, plan=options.plan())
        record = Supervisor(options, ["http_probe"]).run()
    except (OptionError, OSError) as error:
        module.fail_json(msg=str(error))
    except WorkerError as error:
        module.fail_json(msg="the probe itself failed", exception=str(error))
    outcome: dict[str, Any] = {
        "changed": writes,
        "verdict": record["verdict"],
        "reasons": record["reasons"],
        "probe": condensed(record),
    }
    if options.result:
        outcome["result"] = options.result
    if module.params["report"]:
        outcome["report"] = render(module.params["report"], record, attempts_of(options.attempts))
    if record["verdict"] in FAILING[module.params["fail_on"]]:
        module.fail_json(msg=f"{record['verdict']}: {'; '.join(record['reasons'])}", **outcome)
    module.exit_json(**outcome)


def attempts_of(path: str | None) -> list[dict[str, Any]] | None:
    """The attempts that the run wrote, or None when none were asked for."""
    if path is None:
        return None
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    main()
