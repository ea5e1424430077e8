# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whole experiments against a fake cluster and a real server: order, stamps, ends, and what is put back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.detached import Running, start_ticks
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import read_record as read_cluster_record
from ansible_collections.availability.lab.plugins.module_utils.experiment import handover
from ansible_collections.availability.lab.plugins.module_utils.experiment.advice import Advise
from ansible_collections.availability.lab.plugins.module_utils.experiment.journal import Journal
from ansible_collections.availability.lab.plugins.module_utils.experiment.load import ProbeProcess
from ansible_collections.availability.lab.plugins.module_utils.experiment.plan import parse
from ansible_collections.availability.lab.plugins.module_utils.experiment.process import (
    await_probe,
    run_here,
    start_detached,
)
from ansible_collections.availability.lab.plugins.module_utils.experiment.record import read_record, run_of
from ansible_collections.availability.lab.plugins.module_utils.experiment.undo import restore
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.experiment.fake_cluster import FakeCluster
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving

Json = dict[str, Any]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(ready_after_s=0.3) as fake:
        yield fake


@pytest.fixture
def url() -> Iterator[str]:
    with serving() as server:
        yield server.url


def deployment(image: str) -> Json:
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}},
    }  # fmt: skip


def plan_of(folder: Path, url: str, cluster: FakeCluster | None, **changes: Any) -> Json:
    plan: Json = {
        "scenario": "shop", "variant": "rolling", "record": str(folder / "rolling"), "journal": str(folder / "undo"),
        "probe": {"rate": 50, "timeout": "1s", "url": url}, "steady_requests": 2,
        "before_s": 0.5, "between_s": 0.2, "after_s": 0.5,
    }  # fmt: skip
    if cluster is not None:
        plan["namespace"] = "shop"
        plan["cluster"] = {"kubeconfig": cluster.kubeconfig(folder)}
        plan["deploy"] = [{"workload": "web", "manifests": [deployment("web:1")]}]
    return {**plan, **changes}


def run(plan: Json, show: Callable[[str], None] | None = None, advise: Advise | None = None) -> Json:
    """In this process, as the command does."""
    checked = parse(plan)
    desk = handover.Desk(checked.record, Running(os.getpid(), start_ticks(os.getpid()) or 0), show)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        return run_here(checked, desk, advise=advise)
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before):
            signal.signal(number, handler)


def probe_of(record: Json, plan: Json) -> Json:
    found: Json = json.loads(Path(plan["record"] + ".probe.json").read_text())
    return found


def test_a_rollout_is_stamped_at_its_call_and_the_load_lasts_until_after_its_end(
    cluster: FakeCluster, url: str, tmp_path: Path
) -> None:
    roll = {"do": "apply", "name": "web:2", "manifests": [deployment("web:2")]}
    plan = plan_of(tmp_path, url, cluster, steps=[roll, {"do": "scale", "name": "3", "object": "web", "replicas": 3}])
    record = run(plan)
    assert (record["failures"], record["problems"]) == ([], [])
    sent = [at for at, method, path in cluster.calls if method == "PATCH" and path.endswith("/web")]
    for step, call in zip(record["steps"], sent[1:]):
        (change,) = step["changes"]
        assert step["at_unix_ns"] == change["called_unix_ns"] <= call * 1e9 <= change["answered_unix_ns"]
        assert step["ended_unix_ns"] - change["called_unix_ns"] >= 0.25e9  # the rollout was waited for
    load = record["load"]
    assert load["started_unix_ns"] + 0.4e9 < record["steps"][0]["at_unix_ns"]
    assert load["ended_unix_ns"] >= record["steps"][-1]["ended_unix_ns"] + 0.45e9
    probe = probe_of(record, plan)
    assert probe["complete"]
    assert probe["totals"]["due"] == probe["totals"]["completed"]
    assert cluster.namespaces == {}  # what the lab made is gone
    assert Journal(plan["journal"]).entries() == []
    assert record["advice"] is None  # nobody was asked for any
    assert set(run_of(parse(plan))) == {"variant", "experiment", "probe", "cluster"}
    assert not Path(plan["record"] + handover.STATUS_SUFFIX).exists()


def test_advice_is_tried_when_all_is_measured_and_nothing_put_back(
    cluster: FakeCluster, url: str, tmp_path: Path
) -> None:
    plan = plan_of(tmp_path, url, cluster, steps=[{"do": "scale", "name": "3", "object": "web", "replicas": 3}])
    seen: list[Any] = []

    def advise(record: str, service: str) -> list[tuple[str, Json]]:
        assert probe_of({}, plan)["complete"]
        assert read_cluster_record(f"{record}.cluster.jsonl").end is not None  # as the report will read it
        seen.append((record, service, cluster.objects["deployments", "web"]["spec"]["replicas"]))
        return [("Deployment/web", {"spec": {}})]

    record = run({**plan, "service": "web"}, advise=advise)
    assert record["failures"] == []
    assert seen == [(plan["record"], "web", 3)]
    assert record["advice"] == [{"target": "Deployment/web", "patch": {"spec": {}}, "taken": True, "said": ""}]
    assert "advice" in record["phases_s"]


def test_without_a_cluster_nobody_looks_for_advice(url: str, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, url, None, steps=[{"do": "wait", "name": "a moment", "seconds": 0.1}])
    assert run(plan, advise=lambda *_unused: [("Deployment/web", {})])["advice"] is None


def test_what_the_cluster_does_is_told_as_it_happens(cluster: FakeCluster, url: str, tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []
    plan = plan_of(tmp_path, url, cluster, steps=[{"do": "scale", "name": "3", "object": "web", "replicas": 3}])

    def show(words: str) -> None:
        status = handover.read_status(plan["record"])
        heard.append((words, len(status.news) if status else -1))

    run(plan, show)
    assert ("cluster: web: 2 → 3 replicas", 1) in heard
    assert [words for words, _news in heard].index("cluster: web: 2 → 3 replicas") > 2  # not before the step


def test_what_was_so_already_is_no_change(cluster: FakeCluster, url: str, tmp_path: Path) -> None:
    same = {"do": "apply", "name": "nothing new", "manifests": [deployment("web:1")]}
    record = run(plan_of(tmp_path, url, cluster, steps=[same]))
    assert record["steps"][0]["changes"] == []
    assert record["failures"] == record["problems"] == []


def test_a_duration_is_the_least_that_the_load_lasts(url: str, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, url, None, steps=[{"do": "wait", "name": "a moment", "seconds": 0.1}])
    plan["probe"]["duration"] = "2s"
    record = run(plan)
    assert 1.9 <= (record["load"]["ended_unix_ns"] - record["load"]["started_unix_ns"]) / 1e9 < 10
    assert record["problems"] == []


def test_a_step_that_ends_after_the_load_makes_the_run_inconclusive(url: str, tmp_path: Path) -> None:
    """A load whose requests are counted has its own end, and cannot wait for the step."""
    plan = plan_of(tmp_path, url, None, before_s=0.2)
    plan["probe"]["requests"] = 40
    plan["steps"] = [
        {"do": "wait", "name": "longer than the load", "seconds": 2},
        {"do": "wait", "name": "never", "seconds": 0},
    ]
    record = run(plan)
    assert "'longer than the load' ended" in record["problems"][0]
    assert "after the load" in record["problems"][0]
    assert "'never' did not happen: the load had ended before" in record["problems"][1]


def test_a_step_that_fails_is_told_and_the_rest_is_put_back(cluster: FakeCluster, url: str, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, url, cluster)
    plan["deploy"][0]["keep"] = True
    plan["steps"] = [
        {"do": "scale", "name": "fewer", "object": "web", "replicas": 1},
        {"do": "scale", "name": "of what is not there", "object": "nowhere", "replicas": 2},
        {"do": "scale", "name": "more", "object": "web", "replicas": 5},
    ]
    record = run(plan)
    assert record["failures"] == [
        "rolling: step 'of what is not there': there is no Deployment nowhere in namespace shop"
    ]
    assert [problem.split(" did not happen")[0] for problem in record["problems"]] == [
        "step 'of what is not there'", "step 'more'",
    ]  # fmt: skip
    assert probe_of(record, plan)["complete"]
    assert cluster.objects[("deployments", "web")]["spec"]["replicas"] == 2
    assert Journal(plan["journal"]).entries() == []


def test_a_service_that_never_answers_is_not_measured(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "http://127.0.0.1:9", None, steady_timeout_s=1)
    record = run(plan)
    assert "no steady state" in record["failures"][0]
    assert run_of(parse(plan)) == {}


def asked_twice(url: str) -> Json:
    """What a try for a steady state tells, of a probe that is never content with itself."""
    probe = ProbeProcess()
    try:
        probe.start({"url": [url], "requests": 2, "rate": 20, "timeout": "2s", "max_lateness": "0.001ms"})
        return probe.wait(20) or {}
    finally:
        probe.close()


def test_good_answers_are_a_steady_state_whatever_the_probe_thinks_of_itself(url: str) -> None:
    good = asked_twice(url)
    assert good["all_good"]
    assert "late" in good["reasons"][0]
    assert not asked_twice("http://127.0.0.1:9")["all_good"]


def test_a_program_is_a_step_and_its_undoing_too(url: str, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    step = {"do": "command", "name": "flag", "argv": ["touch", str(flag)], "undo": ["mv", str(flag), f"{flag}.gone"]}
    record = run(plan_of(tmp_path, url, None, steps=[step]))
    assert record["steps"][0]["changes"][0]["what"] == f"touch {flag}"
    assert Path(f"{flag}.gone").exists()


def await_step(plan: Json, name: str) -> handover.Status:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = handover.read_status(plan["record"])
        if status is not None and status.doing == name:
            return status
        time.sleep(0.02)
    raise AssertionError(f"{name} was not begun")


def test_it_ends_with_its_owner_and_puts_everything_back(cluster: FakeCluster, url: str, tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    steps = [
        {"do": "scale", "name": "more", "object": "web", "replicas": 4},
        {"do": "wait", "name": "for long", "seconds": 60},
    ]
    plan = plan_of(tmp_path, url, cluster, steps=steps)
    plan["deploy"][0]["keep"] = True
    start_detached(parse(plan), owner.pid)
    await_step(plan, "for long")
    time.sleep(0.5)
    owner.kill()
    owner.wait()
    assert handover.follow(plan["record"]) is None
    record = read_record(plan["record"])
    assert record is not None
    assert record["interrupted"]
    assert "step 'for long' did not happen: it was interrupted" in record["problems"]
    probe = probe_of(record, plan)
    assert probe["stopped_by"] == "signal"
    assert probe["totals"]["due"] > 20
    assert cluster.objects[("deployments", "web")]["spec"]["replicas"] == 2
    assert Journal(plan["journal"]).entries() == []


def test_what_a_killed_process_left_is_restored(cluster: FakeCluster, url: str, tmp_path: Path) -> None:
    steps = [
        {"do": "scale", "name": "more", "object": "web", "replicas": 4},
        {"do": "wait", "name": "for long", "seconds": 60},
    ]
    plan = plan_of(tmp_path, url, cluster, steps=steps)
    start_detached(parse(plan), None)
    status = await_step(plan, "for long")
    os.kill(status.pid, signal.SIGKILL)
    assert handover.follow(plan["record"]) is None
    assert read_record(plan["record"]) is None
    journal = Journal(plan["journal"])
    assert [path.stem.split("-")[-1] for path in journal.entries()] == ["patch", "objects"]
    done, failed, left = restore(journal, plan["cluster"]["kubeconfig"], None)
    assert (len(done), failed, left) == (2, [], [])
    assert cluster.namespaces == {}
    await_probe(plan["record"])
    assert set(run_of(parse(plan))) == {"variant", "probe", "cluster"}


@pytest.mark.parametrize("error", ["", "no such host"])
def test_a_step_of_the_playbook_is_waited_for(url: str, tmp_path: Path, error: str) -> None:
    plan = plan_of(tmp_path, url, None, steps=[{"do": "tasks", "name": "backup", "file": "backup.yml"}])
    start_detached(parse(plan), None)
    status = handover.follow(plan["record"])
    assert status is not None
    assert (status.tasks, status.file) == (0, "backup.yml")
    time.sleep(0.5)
    handover.go_on(plan["record"], error)
    assert handover.follow(plan["record"]) is None
    record = read_record(plan["record"])
    assert record is not None
    (step,) = record["steps"]
    assert step["error"] == error
    assert bool(record["failures"]) == bool(error)
    if not error:
        (change,) = step["changes"]
        assert change["answered_unix_ns"] - change["called_unix_ns"] >= 0.5e9


def test_experiments_with_one_journal_run_one_after_the_other(url: str, tmp_path: Path) -> None:
    first = plan_of(tmp_path, url, None, variant="first", record=str(tmp_path / "first"))
    second = plan_of(tmp_path, url, None, variant="second", record=str(tmp_path / "second"))
    threads = [threading.Thread(target=start_detached, args=(parse(plan), None)) for plan in (first, second)]
    for thread in threads:
        thread.start()
        thread.join()
    records = []
    for plan in (first, second):
        assert handover.follow(plan["record"]) is None
        records.append(read_record(plan["record"]))
    loads = sorted((record["load"]["started_unix_ns"], record["load"]["ended_unix_ns"]) for record in records if record)
    assert loads[0][1] <= loads[1][0]
