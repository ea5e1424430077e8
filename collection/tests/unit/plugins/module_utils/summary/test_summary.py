# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Summaries line by line: the figures that the seeds and the real tools printed, from records that hold them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.histogram import Histogram
from ansible_collections.availability.lab.plugins.module_utils.summary.go_duration import go_duration
from ansible_collections.availability.lab.plugins.module_utils.summary.words import SUMMARIES, render

FIXTURES = Path(__file__).parents[3] / "fixtures"
US, MS, S = 1_000, 1_000_000, 1_000_000_000


def times(*values: tuple[int, int]) -> dict:
    """A histogram of (ns, how often)."""
    histogram = Histogram()
    for value, count in values:
        histogram.add(value, count)
    return histogram.to_record()


def record(**changes) -> dict:
    """A probe record with the parts that summaries read."""
    totals = {
        "completed": 0,
        "failed": 0,
        "not_sent": 0,
        "outcomes": {},
        "statuses": {},
        "bytes_sent": 0,
        "bytes_received": 0,
        "body_bytes": 0,
        "latency": times(),
        "service_time": times(),
        "connect_time": times(),
    }
    totals.update(changes.pop("totals", {}))
    made = {
        "record": "probe",
        "schema_version": 1,
        "elapsed_s": 1.0,
        "plan": {"stages": [], "duration_s": None, "iteration_s": None},
        "options": {},
        "users": {},
        "totals": totals,
    }
    made.update(changes)
    return made


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def attempt(**changes) -> dict:
    made = {
        "outcome": "ok",
        "status": 200,
        "identity": {"tag": "green"},
        "local_date": "2020-07-18T15:41:33.494411+00:00",
        "remote_date": {"year": 2020, "month": 7, "day": 18, "hour": 15, "minute": 41, "second": 33},
        "ttlb_s": 0.012790203094482422,
    }
    made.update(changes)
    return made


def test_client_prints_what_another_protocol_said():
    assert "attempt: 1 (PONG)" in render("client", record(), [attempt(status="PONG", identity={})]).splitlines()


def test_client_prints_each_attempt_and_the_totals_of_the_first_experiment():
    text = render("client", record(totals={"completed": 1200}), [attempt()])
    assert lines(text) == [
        "-" * 120,
        "attempt: 1 (HTTP 200) (TAG green)",
        "  local date:  {'year': 2020, 'month': 7, 'day': 18, 'hour': 15, 'minute': 41, 'second': 33, "
        "'microsecond': 494411}",
        "  remote date: {'year': 2020, 'month': 7, 'day': 18, 'hour': 15, 'minute': 41, 'second': 33}",
        "  ttlb:        0.012790203094482422",
        "-" * 120,
        "attempts:  1200",
        "successes: 1200 (100.0%)",
        "failures:  0 (0.0%)",
    ]


def test_client_names_what_failed_and_what_was_never_sent():
    refused = attempt(outcome="refused", status=None, identity={}, remote_date=None, ttlb_s=0.0004)
    unsent = attempt(outcome="not_sent", status=None, identity={}, local_date=None, remote_date=None, ttlb_s=None)
    text = render("client", record(totals={"completed": 2, "failed": 1, "not_sent": 1}), [refused, unsent])
    assert lines(text)[1:] == [
        "attempt: 1 (FAILED refused)",
        "  local date:  {'year': 2020, 'month': 7, 'day': 18, 'hour': 15, 'minute': 41, 'second': 33, "
        "'microsecond': 494411}",
        "  ttlb:        0.0004",
        "-" * 120,
        "attempt: 2 (FAILED not_sent)",
        "-" * 120,
        "attempts:  3",
        "successes: 2 (66.7%)",
        "failures:  1 (33.3%)",
        "not sent:  1",
    ]


def test_siege_prints_the_starved_run_of_the_seed():
    text = render(
        "siege",
        record(
            elapsed_s=9.98,
            totals={
                "completed": 16,
                "failed": 29,
                "body_bytes": int(0.19 * 2**20),
                "service_time": times((1_000_000, 1), (3_344_214 * US, 14), (9_800 * MS, 1)),
            },
        ),
    )
    assert text.splitlines() == [
        "Transactions:\t\t          16 hits",
        "Availability:\t\t       35.56 %",
        "Elapsed time:\t\t        9.98 secs",
        "Data transferred:\t        0.19 MB",
        "Response time:\t\t        3.54 secs",
        "Transaction rate:\t        1.60 trans/sec",
        "Throughput:\t\t        0.02 MB/sec",
        "Concurrency:\t\t        5.67",
        "Successful transactions:          16",
        "Failed transactions:\t          29",
        "Longest transaction:\t        9.80",
        "Shortest transaction:\t        0.00",
    ]


def test_siege_of_nothing_and_of_unsent_requests():
    text = render("siege", record(elapsed_s=0.0, totals={"not_sent": 3}))
    assert lines(text)[1] == "Availability:\t\t        0.00 %"
    assert lines(text)[-1] == "Not sent:\t\t           3"


def test_hey_prints_its_report():
    text = render(
        "hey",
        record(
            elapsed_s=1.0065,
            totals={
                "completed": 99,
                "failed": 1,
                "body_bytes": 300,
                "statuses": {"200": 99},
                "outcomes": {
                    "ok": {"count": 99, "example": "status 200"},
                    "refused": {"count": 1, "example": "connect: Connection refused"},
                },
                "service_time": times((100 * US, 49), (500 * US, 40), (5 * MS, 9), (10_100 * US, 1)),
                "connect_time": times((100 * US, 1), (300 * US, 1)),
            },
        ),
    )
    assert lines(text) == [
        "",
        "Summary:",
        "  Total:\t1.0065 secs",
        "  Slowest:\t0.0101 secs",
        "  Fastest:\t0.0001 secs",
        "  Average:\t0.0008 secs",
        "  Requests/sec:\t99.3542",
        "",
        "  Total data:\t300 bytes",
        "  Size/request:\t3 bytes",
        "",
        "Response time histogram:",
        "  0.000 [49]\t|" + "■" * 40,
        "  0.001 [40]\t|" + "■" * 33,
        "  0.002 [0]\t|",
        "  0.003 [0]\t|",
        "  0.004 [0]\t|",
        "  0.005 [9]\t|" + "■" * 7,
        "  0.006 [0]\t|",
        "  0.007 [0]\t|",
        "  0.008 [0]\t|",
        "  0.009 [0]\t|",
        "  0.010 [1]\t|■",
        "",
        "",
        "Latency distribution:",
        "  10% in 0.0001 secs",
        "  25% in 0.0001 secs",
        "  50% in 0.0005 secs",
        "  75% in 0.0005 secs",
        "  90% in 0.0050 secs",
        "  95% in 0.0050 secs",
        "  99% in 0.0101 secs",
        "",
        "Details (average, fastest, slowest):",
        "  DNS+dialup:\t0.0002 secs, 0.0001 secs, 0.0003 secs",
        "",
        "Status code distribution:",
        "  [200]\t99 responses",
        "",
        "Error distribution:",
        "  [1]\trefused: connect: Connection refused",
    ]


def test_vegeta_prints_its_report():
    text = render(
        "vegeta",
        record(
            elapsed_s=1.988,
            plan={"stages": [], "duration_s": 1.986, "iteration_s": None},
            totals={
                "completed": 199,
                "failed": 1,
                "body_bytes": 600,
                "statuses": {"200": 199},
                "outcomes": {
                    "ok": {"count": 199, "example": "status 200"},
                    "reset": {"count": 1, "example": "recv: Connection reset by peer"},
                },
                "latency": times((155_100, 1), (273_408, 197), (4_266_123, 1)),
            },
        ),
    )
    assert lines(text) == [
        "Requests      [total, rate, throughput]         200, 100.70, 100.10",
        "Duration      [total, attack, wait]             1.988s, 1.986s, 2ms",
        "Latencies     [min, mean, 50, 90, 95, 99, max]  155.1µs, 292.877µs, 273.536µs, 273.536µs, 273.536µs, "
        "273.536µs, 4.266ms",
        "Bytes In      [total, mean]                     600, 3.00",
        "Bytes Out     [total, mean]                     0, 0.00",
        "Success       [ratio]                           99.50%",
        "Status Codes  [code:count]                      0:1  200:199",
        "Error Set:",
        "reset: recv: Connection reset by peer",
    ]


def test_k6_prints_the_ramp_of_the_seed():
    text = render(
        "k6",
        record(
            elapsed_s=53607 / 104.524564,
            plan={"stages": [{"duration_s": 60.0, "from": 100.0, "to": 1.0}], "duration_s": 540, "iteration_s": 1.0},
            options={"expect_status": ["200"]},
            users={"min": 0, "max": 100},
            totals={
                "completed": 53607,
                "statuses": {"200": 53607},
                "bytes_received": 8_400_000,
                "bytes_sent": 4_200_000,
                "service_time": times((335_110, 1), (2 * MS, 53605), (3_290 * MS, 1)),
                "latency": times((335_110, 1), (2 * MS, 53605), (4_290 * MS, 1)),
            },
        ),
    )
    durations = "avg=2.06ms min=335.11µs med=2ms max=3.29s p(90)=2ms p(95)=2ms"
    assert lines(text) == [
        "",
        "",
        "  █ TOTAL RESULTS",
        "",
        "    checks_total.......................: 53607   104.524564/s",
        "    checks_succeeded...................: 100.00% 53607 out of 53607",
        "    checks_failed......................: 0.00%   0 out of 53607",
        "",
        "    ✓ status was 200",
        "",
        "    HTTP",
        f"    http_req_duration.......................................................: {durations}",
        f"      {{ expected_response:true }}............................................: {durations}",
        "    http_req_failed.........................................................: 0.00%  0 out of 53607",
        "    http_reqs...............................................................: 53607  104.524564/s",
        "",
        "    EXECUTION",
        "    iteration_duration......................................................: "
        "avg=1s     min=1s       med=1s  max=4.29s p(90)=1s  p(95)=1s",
        "    iterations..............................................................: 53607  104.524564/s",
        "    vus.....................................................................: 1      min=0          max=100",
        "    vus_max.................................................................: 100    min=100        max=100",
        "",
        "    NETWORK",
        "    data_received...........................................................: 8.4 MB 16 kB/s",
        "    data_sent...............................................................: 4.2 MB 8.2 kB/s",
    ]


def test_k6_counts_failures_and_dropped_iterations():
    text = render("k6", record(totals={"failed": 3835, "not_sent": 5}))
    assert "    ✗ met every expectation" in lines(text)
    assert "      ↳  0% — ✓ 0 / ✗ 3835" in lines(text)
    assert any(line.startswith("    http_req_failed") and "100.00% 3835 out of 3835" in line for line in lines(text))
    assert any(line.startswith("    dropped_iterations") and "5 " in line for line in lines(text))
    assert any(
        line.startswith("    http_req_duration") and "avg=0s min=0s" in line.replace("  ", " ") for line in lines(text)
    )
    assert "expected_response" not in text


@pytest.mark.parametrize("name", sorted(SUMMARIES))
def test_every_summary_renders_the_recorded_run(name):
    recorded = json.loads((FIXTURES / "probe-record.json").read_text())
    attempts = [json.loads(line) for line in (FIXTURES / "probe-attempts.jsonl").read_text().splitlines()]
    text = render(name, recorded, attempts)
    assert text.endswith("\n")
    assert "2385" in text  # completed, in everybody's words


def test_wrong_name_and_wrong_record_are_told():
    with pytest.raises(ValueError, match="expected one of client, siege, hey, k6, vegeta"):
        render("jmeter", record())
    with pytest.raises(ValueError, match="schema_version 1, got record 'probe' of schema_version 2"):
        render("siege", record(schema_version=2))


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (155_100, "155.1µs"),
        (1_596_000, "1.596ms"),
        (2 * S, "2s"),
        (1_988 * MS, "1.988s"),
        (60 * S + 500 * MS, "1m0.5s"),
        (3_603 * S, "1h0m3s"),
    ],
)
def test_go_duration(ns, text):
    assert go_duration(ns) == text
