# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whole runs against a well-behaved server: load models, requests, expectations, identities, ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.progress import ProgressError, recover
from ansible_collections.availability.lab.plugins.module_utils.probe.supervisor import Supervisor
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.raw_server import raw_server, read_head
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import (
    accounted,
    children,
    counts,
    probe,
    stop_workers,
)


def test_an_open_plan_sends_exactly_its_requests_on_each_lane() -> None:
    with serving() as server:
        record = probe(url=[server.url + "/"], rate=50, duration="2s", connection="both")
        assert len(server.requests) == 200
    assert record["plan"]["requests"] == record["totals"]["due"] == 200
    assert record["lanes"]["new"]["connections_opened"] == 100
    assert record["lanes"]["reuse"]["connections_opened"] < 100
    assert (record["complete"], record["stopped_by"]) == (True, "plan")
    assert record["elapsed_s"] > 1.95
    assert 0.01 < record["lanes"]["new"]["resolution_s"] < record["elapsed_s"], "20 ms where the machine is idle"


def test_stages_of_rates_and_poisson_arrivals() -> None:
    stages = [{"duration": "0s", "rate": 20}, {"duration": "1s", "rate": 80}, {"duration": "500ms", "rate": 80}]
    with serving() as server:
        ramp = probe(url=[server.url + "/"], stages=stages)
        chance = probe(url=[server.url + "/"], rate=100, requests=80, duration="5s", arrivals="poisson", seed=4)
    assert ramp["totals"]["due"] == 90
    assert chance["totals"]["due"] == 80
    assert chance["plan"]["arrivals"] == "poisson"


def test_a_closed_plan_stops_after_its_requests() -> None:
    with serving() as server:
        record = probe(url=[server.url + "/"], users=4, requests=101, connection="reuse")
        assert len(server.requests) == 101
    totals = record["totals"]
    assert counts(record) == {"ok": 101}
    assert totals["connections_opened"] == 4
    assert totals["requests_on_kept_connections"] == 97
    assert record["users"] == {"min": 4, "max": 4}


def test_users_think_and_keep_a_pace() -> None:
    with serving() as server:
        thinking = probe(url=[server.url + "/"], users=5, duration="1s", think_time="200ms", connection="reuse")
        pacing = probe(url=[server.url + "/"], users=5, duration="2s", iteration_time="1s")
    assert 15 <= thinking["totals"]["due"] <= 25
    assert 5 <= pacing["totals"]["due"] <= 15
    begun = {row["i"] for row in pacing["timeline"]["rows"] if row["i"] < 10}
    assert len(begun) > 1, "those who keep a pace do not all begin at once"


def test_stages_of_users_ramp_up_and_down() -> None:
    stages = [{"duration": "1s", "users": 10}, {"duration": "1s", "users": 0}]
    with serving() as server:
        record = probe(url=[server.url + "/"], stages=stages, iteration_time="100ms", connection="reuse")
    assert record["users"]["max"] >= 9
    rows: Counter[int] = Counter()
    for row in record["timeline"]["rows"]:
        rows[row["i"] // 5] += sum(row["outcomes"].values())
    assert rows[1] > rows[0]
    assert rows[2] > rows[3]


def test_processes_share_the_plan_and_their_figures_add() -> None:
    with serving() as server:
        shared = probe(
            url=[server.url + "/"], rate=100, duration="1s", processes=3, identify=["version=header:X-Version"]
        )
        closed = probe(url=[server.url + "/"], users=4, requests=50, processes=2, connection="reuse")
    assert shared["totals"]["due"] == 100
    assert shared["vantage"]["processes"] == 3
    assert shared["identities"]["version"]["blue"]["completed"] == 100
    assert closed["totals"]["completed"] == 50


def test_weighted_targets_paths_from_a_list_methods_and_bodies() -> None:
    with serving() as server:
        targets = [
            {"url": server.url + "/price/{value}", "weight": 3, "name": "price"},
            {"url": server.url + "/item/{value}", "weight": 1, "name": "item", "method": "POST", "body": "x=1"},
        ]
        record = probe(targets=targets, values=["1", "a b"], rate=100, requests=80, connection="reuse")
        seen = Counter(server.requests)
    assert seen == {"GET /price/1": 30, "GET /price/a%20b": 30, "POST /item/1": 10, "POST /item/a%20b": 10}
    assert {name: group["due"] for name, group in record["targets"].items()} == {"price": 60, "item": 20}
    sent = sum(group["bytes_sent"] for group in record["targets"].values())
    assert sent == record["totals"]["bytes_sent"] > 80 * 50


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ({"expect_status": ["2xx"]}, "ok"),
        ({"expect_status": ["500"]}, "wrong_status"),
        ({"expect_body": '"blue"'}, "ok"),
        ({"expect_body": "red"}, "wrong_body"),
        ({"expect_regex": r'"n": \d'}, "ok"),
        ({"expect_regex": r"^\d"}, "wrong_body"),
        ({"expect_json": {"/tag": "blue", "/n": "3"}}, "ok"),
        ({"expect_json": {"/tag": "green"}}, "wrong_body"),
        ({"expect_json": {"/absent/0": 1}}, "wrong_body"),
        ({"expect_latency": "1us"}, "too_slow"),
    ],
)
def test_expectations(options: dict[str, Any], outcome: str) -> None:
    with serving() as server:
        record = probe(url=[server.url + "/"], rate=100, requests=10, connection="reuse", **options)
    assert counts(record) == {outcome: 10}


def test_figures_are_broken_down_by_several_identities() -> None:
    with serving() as server:
        targets = [{"url": server.url + "/", "weight": 2}, {"url": server.url + "/green"}]
        names = ["version=json:/tag", "pod=header:X-Pod", 'letter=regex:"tag": "(.)', "none=header:X-None"]
        record = probe(targets=targets, rate=100, requests=30, identify=names)
    shares = {
        name: {value: group["completed"] for value, group in v.items()} for name, v in record["identities"].items()
    }
    assert shares == {
        "version": {"blue": 20, "green": 10},
        "pod": {"pod-blue": 20, "pod-green": 10},
        "letter": {"b": 20, "g": 10},
        "none": {"": 30},
    }


@pytest.mark.parametrize(("follow", "requests", "statuses"), [(0, 5, {"302": 5}), (2, 10, {"200": 5})])
def test_redirects_are_reported_and_followed_only_when_asked(
    follow: int, requests: int, statuses: dict[str, int]
) -> None:
    with serving() as server:
        record = probe(url=[server.url + "/from"], rate=50, requests=5, follow_redirects=follow)
        assert len(server.requests) == requests
    assert record["totals"]["statuses"] == statuses
    assert counts(record) == {"ok": 5}


def test_ip_version_6_is_used_and_chosen() -> None:
    with serving(host="::1") as server:
        by_address = probe(url=[server.url + "/"], rate=50, requests=5, connection="both", ip_version="6")
        elsewhere = probe(url=["http://192.0.2.1/"], rate=50, requests=5, connect_to=f"[::1]:{server.port}")
        other_family = probe(url=[f"http://localhost:{server.port}/"], rate=50, requests=5, ip_version="4")
    assert counts(by_address) == {"ok": 10}
    assert counts(elsewhere) == {"ok": 5}
    assert counts(other_family) == {"refused": 5}


def test_head_and_put_carry_their_bodies_right() -> None:
    with serving() as server:
        heads = probe(url=[server.url + "/"], rate=50, requests=5, method="HEAD", connection="reuse")
        puts = probe(url=[server.url + "/"], rate=50, requests=5, method="PUT", body="x" * 100_000, connection="reuse")
    assert counts(heads) == counts(puts) == {"ok": 5}
    assert heads["totals"]["body_bytes"] == 0
    assert puts["totals"]["bytes_sent"] > 500_000


def test_every_attempt_is_written_with_both_dates(tmp_path: Path) -> None:
    path = tmp_path / "attempts.jsonl"
    with serving() as server:
        record = probe(
            url=[server.url + "/"], rate=50, requests=20, connection="both", processes=2, attempts=str(path),
            identify=["version=json:/tag"], remote_date="json:/n",
        )  # fmt: skip
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == record["totals"]["due"] == 40
    assert {(line["outcome"], line["status"], line["remote_date"], line["error"]) for line in lines} == {
        ("ok", 200, 3, "")
    }
    assert all(line["identity"] == {"version": "blue"} and line["ttlb_s"] > 0 for line in lines)
    assert Counter(line["lane"] for line in lines) == {"new": 20, "reuse": 20}


def test_a_stall_is_in_the_latency_and_in_the_list_although_nothing_failed() -> None:
    stand_still = threading.Event()

    def script(path: str, method: str) -> tuple[int, dict[str, str], bytes]:
        while stand_still.is_set():
            time.sleep(0.005)
        return 200, {}, b"ok"

    with serving(script) as server:
        threading.Timer(1.0, stand_still.set).start()
        threading.Timer(2.0, stand_still.clear).start()
        record = probe(url=[server.url + "/"], rate=50, duration="3s", stall_after="300ms")
    assert counts(record) == {"ok": 150}
    assert record["totals"]["latency"]["max_ns"] == pytest.approx(1e9, rel=0.2)
    stalls = [entry for entry in record["outages"]["list"] if entry["length_s"] > 0.5]
    assert [entry["kind"] for entry in stalls] == ["stall"]
    assert stalls[0]["length_s"] == pytest.approx(1.0, abs=0.25)
    assert record["outages"]["count"] == 0


def test_the_control_target_is_probed_beside_and_counted_apart() -> None:
    with serving() as server, serving() as reference:
        record = probe(url=[server.url + "/500"], rate=50, duration="1s", control=reference.url + "/", control_rate=10)
    assert record["control"] is not None
    assert record["control"]["completed"] == len(reference.requests) > 5
    assert counts(record) == {"wrong_status": 50}
    assert not record["outages"]["list"][0]["control_failed"]


def test_a_control_that_fails_too_makes_the_outage_inconclusive() -> None:
    with serving() as server:
        gone = server.url
    record = probe(url=[gone + "/"], rate=20, duration="1s", control=gone + "/", objectives=["failed == 0"])
    assert record["verdict"] == "inconclusive"
    assert "control target failed" in " ".join(record["reasons"])


def test_objectives_give_verdicts_to_run_and_lanes() -> None:
    with serving() as server:
        good = probe(
            url=[server.url + "/"], rate=50, requests=20, connection="both", objectives=["availability == 100"]
        )
        bad = probe(url=[server.url + "/500"], rate=50, requests=20, objectives=["failed == 0", "p99 < 1s"])
    assert good["verdict"] == "pass"
    assert {name: lane["verdict"] for name, lane in good["lanes"].items()} == {"new": "pass", "reuse": "pass"}
    assert bad["verdict"] == "fail"
    assert bad["reasons"][0] == "failed is 20, expected == 0"


def test_abort_on_ends_a_hopeless_run_early() -> None:
    with serving() as server:
        record = probe(url=[server.url + "/500"], rate=50, duration="60s", abort_on=["availability >= 99.9"])
    assert record["stopped_by"] == "abort_on"
    assert record["elapsed_s"] < 10
    assert record["verdict"] == "fail"
    assert "out of reach" in record["reasons"][0]


def test_nothing_measured_is_no_pass() -> None:
    with serving() as server:
        options = parse({"url": [server.url + "/"], "stages": [{"duration": "30s", "users": 1}], "objectives": []})
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        record = Supervisor(options, []).run()
    accounted(record)
    assert record["totals"]["due"] == 0
    assert record["verdict"] == "inconclusive"
    assert "nothing was measured" in record["reasons"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_with_a_result_on_disk(number: int, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    with serving() as server:
        options = parse({"url": [server.url + "/"], "rate": 50, "duration": "60s", "result": str(result)})
        threading.Timer(1.0, os.kill, (os.getpid(), number)).start()
        record = Supervisor(options, []).run()
    accounted(record)
    assert json.loads(result.read_text()) == record
    assert record["stopped_by"] == "signal"
    assert not record["complete"]
    assert 20 <= record["totals"]["due"] <= 250
    assert record["verdict"] == "inconclusive"
    assert not list(tmp_path.glob("*.progress"))


def test_the_plans_end_can_be_told_while_it_runs() -> None:
    """As an experiment does when its last step has ended: what is in flight is waited for, and the plan is complete."""
    with serving() as server:
        raw = {"url": [server.url + "/slow"], "rate": 50, "duration": "600s", "max_lateness": "10s", "max_steal": 100.0}
        options = parse(raw)
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        record = Supervisor(options, []).run()
    accounted(record)
    assert record["complete"]
    assert record["verdict"] == "pass", record["reasons"]
    assert record["totals"]["due"] == record["totals"]["completed"] == record["plan"]["requests"]
    assert record["plan"]["duration_s"] == record["plan"]["stages"][0]["duration_s"] == record["elapsed_s"] < 10


def test_a_probe_that_stood_still_holds_it_against_nobody() -> None:
    """Half a second of answers is under way when the worker is stopped, and all of them have come when it goes on."""
    with serving(lambda _path, _method: (time.sleep(0.5), (200, {}, b"ok"))[1]) as server:
        stop_workers(children(), 1.0, 4.0)
        record = probe(
            url=[server.url + "/"], rate=20, duration="5s", timeout="2s", expect_latency="1800ms", stall_after="1800ms",
            objectives=["longest_stall < 1s", "failed == 0"],
        )  # fmt: skip
    outcomes = counts(record)
    assert set(outcomes) == {"ok", "client_late", "not_sent"}
    assert outcomes["client_late"] >= 3
    assert outcomes["not_sent"] >= 40
    assert (record["totals"]["failed"], record["outages"]["stalls"]) == (0, 0)
    assert record["verdict"] == "inconclusive"
    lengths = [pause["end_s"] - pause["start_s"] for pause in record["self_check"]["pauses"]]
    assert 2 <= max(lengths) <= 4


def test_connections_are_counted_once_where_known_answers_were_read_late() -> None:
    """The head is the same in every answer, so that those that came during the stop are known."""

    def answer(sock: socket.socket) -> None:
        read_head(sock)
        time.sleep(0.3)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with raw_server(answer) as port:
        stop_workers(children(), 1.0, 2.5)
        record = probe(url=[f"http://127.0.0.1:{port}/"], rate=100, duration="3s", timeout="2s", stall_after="1s")
    outcomes = counts(record)
    assert outcomes["client_late"] >= 10
    for group in (record["totals"], record["lanes"]["new"]):
        assert group["requests_on_kept_connections"] == 0
        assert group["connections_opened"] == group["connect_time"]["count"] == group["due"] - outcomes["not_sent"]
        assert group["service_time"]["count"] == outcomes["ok"]


def test_a_short_stop_of_the_probe_is_no_stall_no_slowness_and_no_time_out() -> None:
    with serving(lambda _path, _method: (time.sleep(0.2), (200, {}, b"ok"))[1]) as server:
        stop_workers(children(), 1.0, 1.7)
        record = probe(
            url=[server.url + "/"], rate=40, duration="3s", timeout="700ms", expect_latency="600ms",
            stall_after="500ms", objectives=["longest_stall < 500ms", "failed == 0"],
        )  # fmt: skip
    assert set(counts(record)) <= {"ok", "client_late", "not_sent"}
    assert (record["totals"]["failed"], record["outages"]["stalls"]) == (0, 0)
    lengths = [pause["end_s"] - pause["start_s"] for pause in record["self_check"]["pauses"]]
    assert 0.5 <= max(lengths) <= 1.5


def test_a_killed_worker_costs_a_second_and_the_verdict() -> None:
    before = children()
    with serving() as server:
        options = parse({"url": [server.url + "/"], "rate": 100, "duration": "3s", "processes": 2, "objectives": []})
        killer = threading.Timer(1.6, lambda: os.kill(min(children() - before), signal.SIGKILL))
        killer.start()
        record = Supervisor(options, []).run()
    accounted(record)
    totals = record["totals"]
    assert totals["due"] == 300
    assert 30 <= totals["not_sent"] <= 150
    assert record["self_check"]["workers_lost"] == 1
    assert record["verdict"] == "inconclusive"


def test_a_killed_probe_is_recovered_from_its_progress_file(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    progress = tmp_path / "result.json.progress"
    with serving() as server:
        raw = {"url": [server.url + "/"], "rate": 50, "duration": "60s", "result": str(result)}
        pid = os.fork()
        if pid == 0:
            Supervisor(parse(raw), []).run()
            os._exit(0)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (not progress.exists() or progress.read_text().count("\n") < 4):
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert not result.exists()
    with progress.open("a") as file:
        file.write('{"record": "probe_pro')  # what a kill in the middle of a line leaves
    record = recover(str(progress))
    accounted(record)
    assert record["stopped_by"] == "killed"
    assert record["totals"]["completed"] >= 100
    assert record["verdict"] == "inconclusive"


def test_a_foreign_progress_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.progress"
    path.write_text('{"record": "something"}\n')
    with pytest.raises(ProgressError, match=r"x\.progress, line 1"):
        recover(str(path))
    path.write_text("")
    with pytest.raises(ProgressError, match="empty"):
        recover(str(path))
