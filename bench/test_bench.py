# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the benchmark computes and reads; what it measures is not tested here. `pytest bench`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest
import usage
from arrivals import ArrivalLogger, lateness_ns, quantiles
from causes import judge
from clients import H2load, Hey, Siege, Wrk
from cores import on_core
from figures import Figures, middle
from load import Load
from table import number, ratio, table
from truth import render, true_ms

LOAD = Load("http://127.0.0.1:1/")


def ran(output: str) -> usage.Run:
    return usage.Run(output, "", 0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("right", "lost", "verdict"),
    [
        (["evicted"], {"evicted": 99, "unknown": 1}, "right"),
        (["evicted"], {"evicted": 80, "unknown": 20}, "unknown"),
        (["evicted"], {"evicted": 80, "oom_killed": 20}, "wrong"),
        (["unknown"], {"unknown": 5}, "right"),
        (["unknown"], {"oom_killed": 5}, "wrong"),
        (["nothing"], {}, "right"),
        (["nothing"], {"unknown": 1}, "unknown"),
        (["evicted"], {}, "lost nothing"),
    ],
)
def test_what_was_named_is_held_against_the_label(right: list[str], lost: dict[str, int], verdict: str) -> None:
    causes = [
        {"id": cause, "requests_lost": count, "confidence": {"high": count, "medium": 0, "low": 0}}
        for cause, count in lost.items()
    ]
    found = {"failed_requests": sum(lost.values()), "causes": causes}
    assert judge({"plant": "one", "right": right}, found).verdict == verdict


def test_punctual_arrivals_are_not_late_and_a_late_one_is() -> None:
    step = 1_000_000
    arrived = [1_000 + n * step for n in range(1_000)]
    assert lateness_ns(arrived, 1_000, 0.0) == [0] * 1_000
    arrived[500] += 300_000
    assert lateness_ns(arrived, 1_000, 0.0)[-1] == 300_000
    assert lateness_ns(arrived, 1_000, 0.6)[-1] == 0  # not counted any more


def test_a_client_that_is_slower_than_its_rate_is_later_and_later() -> None:
    arrived = [n * 1_100_000 for n in range(1_000)]
    assert lateness_ns(arrived, 1_000, 0.0)[-1] == pytest.approx(99_900_000, rel=0.02)


def test_quantiles_and_medians() -> None:
    assert quantiles(list(range(100))) == {"p50": 50, "p90": 90, "p99": 99, "max": 99}
    assert quantiles([])["max"] == 0
    assert middle([3.0, None, 1.0, 2.0]) == 2.0
    assert middle([None]) is None


def test_the_arrival_logger_stamps_every_request(tmp_path: Path) -> None:
    with ArrivalLogger(min(os.sched_getaffinity(0))) as logger:
        curl = usage.run(["curl", "-s", logger.url, logger.url, logger.url], max(os.sched_getaffinity(0)), 10)
        arrived, delay = logger.take()
        assert logger.take()[0] == []
    assert curl.output == "ok\n" * 3
    assert len(arrived) == 3
    assert arrived == sorted(arrived)
    assert 0 <= delay["p50"] < 1e9
    assert 0 < curl.cpu_s < 5
    assert curl.elapsed_s > 0


def test_h2load_is_read() -> None:
    said = H2load(Path("h2load")).read(
        ran(
            "finished in 3.00s, 34800.33 req/s, 1.23MB/s\n"
            "requests: 104401 total, 104451 started, 104401 done, 104394 succeeded, 7 failed, 7 errored, 0 timeout\n"
            "status codes: 104394 2xx, 0 3xx, 0 4xx, 0 5xx\n"
        ),
        LOAD,
    )
    assert (said.requests, said.elapsed_s, said.good, said.bad) == (104401, 3.0, 104394, {"failed": 7})


def test_wrk_is_read() -> None:
    said = Wrk(Path("wrk")).read(
        ran(
            "    Latency     1.83ms    5.41ms  48.85ms   95.28%\n  Latency Distribution\n     50%  171.00us\n"
            "     75%    1.19ms\n     90%    3.89ms\n     99%   34.67ms\n  25798 requests in 1.05s, 3.69MB read\n"
            "  Socket errors: connect 0, read 7, write 0, timeout 2\n  Non-2xx or 3xx responses: 5\n"
        ),
        LOAD,
    )
    assert (said.requests, said.elapsed_s, said.good) == (25798, 1.05, 25793)
    assert said.p50_ms == pytest.approx(0.171)
    assert (said.p90_ms, said.p99_ms) == (3.89, 34.67)
    assert said.bad == {"read": 7, "timeout": 2, "non-2xx": 5}


def test_hey_is_read_and_its_error_counts_are_not_taken_for_statuses() -> None:
    said = Hey(Path("hey")).read(
        ran(
            "Summary:\n  Total:\t1.0065 secs\n\nLatency distribution:\n  50% in 0.0005 secs\n  90% in 0.0011 secs\n"
            "  99% in 0.0070 secs\n\nStatus code distribution:\n  [200]\t90 responses\n  [500]\t5 responses\n\n"
            'Error distribution:\n  [4]\tGet "http://x/": EOF\n  [1]\tGet "http://x/": read: connection reset by peer\n'
        ),
        LOAD,
    )
    assert (said.requests, said.good) == (100, 90)
    assert said.bad == {"500": 5, "EOF": 4, "connection reset by peer": 1}
    assert said.p99_ms == pytest.approx(7.0)


def test_siege_is_read(tmp_path: Path) -> None:
    said = Siege(Path("siege"), tmp_path).read(
        ran(
            "Transactions:\t\t          16 hits\nElapsed time:\t\t        9.98 secs\n"
            "Successful transactions:          16\nFailed transactions:\t          29\n"
        ),
        LOAD,
    )
    assert (said.requests, said.good, said.bad) == (45, 16, {"failed": 29})


def test_figures_and_tables() -> None:
    said = Figures(requests=100, elapsed_s=2.0, good=100, bad={}, cpu_s=0.001)
    assert (said.rate, said.cpu_us) == (50.0, 10.0)
    assert number(None, 1) == "-"
    assert number(1234.56, 1) == "1,234.6"
    assert ratio(0.95, 0.9) == "0.95 (≥ 0.9: reached)"
    assert ratio(0.85, 0.9) == "0.85 (≥ 0.9: **missed**)"
    assert table(["a", "b"], [["x|y", "1"]]) == ["| a | b |", "|---|---:|", "| x\\|y | 1 |"]


def test_what_is_true_of_a_stall_is_read_from_when_each_request_was_answered() -> None:
    stalled = {n + 1: 100.0 + max(n / 1000, 6.0 + (n - 4000) * 5e-5) for n in range(4000, 6000)}
    answered = {n + 1: 100.0 + n / 1000 for n in range(10_000)} | stalled
    true = true_ms(answered, 100.0)
    assert true == pytest.approx({"p90_ms": 1_050.0, "p99_ms": 1_905.0}, rel=2e-3)
    assert true_ms({}, 100.0) == {}

    said = {"stall_s": 2.0, "requests": 10_000, "bad": {}, "answered": 10_000, "true": true, "found": []}
    near, far = ({**said, "p90_ms": ms, "p99_ms": 1_905.0} for ms in (1_050.0, 1_062.0))
    assert "1,050 (true 1,050; 1,000)" in render({"ours": near})[2]
    assert render({"ours": near})[-1].endswith("accounted for: reached")
    assert render({"ours": far})[-1].endswith("accounted for: **missed**")
    assert render({"ours": {**near, "answered": 9_999}})[-1].endswith("accounted for: **missed**")


def test_on_core_is_given_back() -> None:
    before = os.sched_getaffinity(0)
    with on_core(min(before)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before
