# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Records of several probers as one: what adds, what is judged anew, what is refused; in any order the same."""

from __future__ import annotations

import copy
import itertools
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe import outcome
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import OptionError
from ansible_collections.availability.lab.plugins.module_utils.probe.command import main
from ansible_collections.availability.lab.plugins.module_utils.probe.joint_record import Joint
from ansible_collections.availability.lab.plugins.module_utils.probe.summary import summary_text
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.probers import (
    EPOCH_NS,
    MS,
    STALLED,
    Request,
    record_of,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.running import accounted
from hypothesis import given, settings
from hypothesis import strategies as st

ENGINE = Path(__file__).parents[5] / "plugins" / "module_utils"
#: What says how a record came about, not what was measured.
ORIGIN = ("merge", "argv")


def merged(*records: dict[str, Any], objectives: list[str] | None = None) -> dict[str, Any]:
    made = joined(*records, objectives=objectives)
    accounted_together(made)
    return made


def joined(*records: dict[str, Any], objectives: list[str] | None = None) -> dict[str, Any]:
    joint = Joint()
    for number, record in enumerate(records):
        joint.add(f"{number}.json", json.loads(json.dumps(record)))
    return json.loads(json.dumps(joint.record([], objectives)))  # type: ignore[no-any-return]


def accounted_together(record: dict[str, Any]) -> None:
    """As every record; of failures some may be in no outage for sure."""
    plain = copy.deepcopy(record)
    plain["outages"]["requests_lost"] += plain["outages"]["failures_between"]
    accounted(plain)
    for name in ("due", "completed", "failed", "not_sent"):
        assert sum(part[name] for part in record["merge"]["parts"]) == record["totals"][name]


def measured(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ORIGIN}


def every(step_ms: int, begun_ms: int, ended_ms: int, kind: str = outcome.OK) -> list[Request]:
    return [(at, "new", 0, kind) for at in range(begun_ms, ended_ms, step_ms)]


def test_counts_and_distributions_add_and_times_are_on_one_axis() -> None:
    first = record_of(every(100, 0, 10_000), host="h1")
    second = record_of(
        [*every(50, 2_000, 6_000), *every(50, 6_000, 6_500, outcome.RESET), *every(50, 6_500, 12_000)],
        begun_ms=2_000, ended_ms=12_000, host="h2", rate=20.0,
    )  # fmt: skip
    both = merged(second, first)
    totals = both["totals"]
    assert (totals["due"], totals["completed"], totals["failed"]) == (300, 290, 10)
    assert totals["availability"]["planned"]["value"] == pytest.approx(290 / 300)
    assert totals["outcomes"]["reset"] == {"count": 10, "first_s": 6.0, "last_s": 6.45, "example": "why reset"}
    assert totals["latency"]["count"] == 290
    assert totals["latency"]["max_ns"] == max(one["totals"]["latency"]["max_ns"] for one in (first, second))
    assert (both["started_unix_ns"], both["elapsed_s"]) == (EPOCH_NS, 12.0)
    assert (both["vantage"]["host"], both["vantage"]["cores"]) == ("h1, h2", 4)
    assert [part["outages"] for part in both["merge"]["parts"]] == [0, 1]
    assert both["plan"]["requests"] == first["plan"]["requests"] + second["plan"]["requests"]
    assert both["plan"]["stages"] == [
        {"duration_s": 2.0, "from": 10.0, "to": 10.0},
        {"duration_s": 8.0, "from": 30.0, "to": 30.0},
        {"duration_s": 2.0, "from": 20.0, "to": 20.0},
    ]
    assert both["plan"]["duration_s"] == 12.0
    assert both["self_check"]["planned_rate"] == pytest.approx(30.0)
    rows = {row["i"]: row for row in both["timeline"]["rows"]}
    assert rows[60]["outcomes"] == {"ok": 1, "reset": 2}
    assert both["lanes"]["new"]["answered_s"] == {"a": [0.0, 11.95]}
    assert both["lanes"]["new"]["kept_connection_failures"]["reset"] == 2
    assert "availability" in summary_text(both)


def test_plans_that_begin_together_add_stage_by_stage() -> None:
    stages = [{"duration": "2s", "rate": 10}, {"duration": "8s", "rate": 30}]
    one, other = (
        record_of(every(100, begun, 10_000), begun_ms=begun, ended_ms=10_000 + begun, host=f"h{begun}", rate=None,
                  duration=None, stages=stages)
        for begun in (0, 60)
    )  # fmt: skip
    plan = merged(one, other)["plan"]
    assert plan["stages"] == [
        {"duration_s": 2.0, "from": 0.0, "to": 20.0},
        {"duration_s": 8.0, "from": 20.0, "to": 60.0},
    ]
    assert plan["duration_s"] == 10.0


def test_an_outage_that_all_saw_is_that_of_one_prober_with_all_requests() -> None:
    sent = [*every(10, 0, 3_000), *every(10, 3_000, 5_000, outcome.REFUSED), *every(10, 5_000, 10_000)]
    parts = [record_of(sent[number::3], host=f"h{number}") for number in range(3)]
    together, alone = merged(*parts), record_of(sent)
    for name in ("list", "count", "longest_s", "total_s", "longest_between_s", "total_between_s", "lengths"):
        assert together["outages"][name] == alone["outages"][name], name
    assert together["outages"]["failures_between"] == 0
    assert together["brownouts"] == {**alone["brownouts"], "ends_off_s": 0.2}
    assert together["timeline"] == alone["timeline"]
    assert together["totals"]["availability"] == alone["totals"]["availability"]
    assert together["targets"]["a"]["outages"] == {
        name: value for name, value in together["outages"].items() if not name.startswith("list")
    }


def test_what_one_place_alone_saw_is_no_outage_but_its_failures_count() -> None:
    good = record_of(every(100, 0, 10_000), host="h1", objectives=["outages == 0"])
    sent = [*every(100, 0, 3_000), *every(100, 3_000, 5_000, outcome.REFUSED), *every(100, 5_000, 10_000)]
    both = merged(good, record_of(sent, host="h2", objectives=["outages == 0"]))
    outages = both["outages"]
    assert (outages["count"], outages["list"], outages["failures_between"]) == (0, [], 20)
    assert outages["longest_between_s"] == [0.0, pytest.approx(0.1, abs=0.001)]
    assert outages["total_between_s"] == [0.0, pytest.approx(2.1)]
    assert both["totals"]["failed"] == 20
    pausing = record_of([(at, "new", 0, kind if at < 9_000 else outcome.NOT_SENT) for at, _lane, _target, kind in
                         every(100, 0, 10_000)], host="h3")  # fmt: skip
    unsure = merged(pausing, record_of(sent, host="h2"))["outages"]
    assert unsure["longest_between_s"] == [0.0, pytest.approx(2.1)]
    (judged,) = both["objectives"]
    assert (judged["verdict"], judged["value"]) == ("inconclusive", 0)
    assert judged["reason"] == "outages is between 0 and 20, as far as merged records can tell, expected == 0"


def test_objectives_are_judged_over_all_and_may_be_replaced() -> None:
    bad = record_of(every(100, 0, 1_000, outcome.RESET), host="h1", objectives=["availability >= 90"])
    good = record_of(every(10, 0, 10_000), host="h2", objectives=["availability >= 90"])
    assert bad["verdict"] == "fail"
    assert merged(bad, good)["verdict"] == "pass"
    strict = merged(bad, good, objectives=["availability >= 99.9", "p99.9{lane=new} < 1s"])
    assert [entry["verdict"] for entry in strict["objectives"]] == ["fail", "fail"]
    other = record_of(every(10, 0, 10_000), host="h3", objectives=["availability >= 80"])
    with pytest.raises(OptionError, match=r"0\.json and 1\.json have different objectives, expected --objectives"):
        merged(good, other)
    for text, said in (("p99{lane=reuse} < 1s", "as lane one of new"), ("p99{pod=a} < 1s", "a scope of lane, target")):
        with pytest.raises(OptionError, match=said):
            merged(bad, good, objectives=[text])


def test_probers_that_were_stopped_or_told_too_much_forbid_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    good = record_of(every(10, 0, 10_000), host="h1")
    stopped = merged(good, record_of(every(10, 0, 9_000), host="h2", ended_ms=9_000, stopped_by="signal"))
    assert (stopped["verdict"], stopped["complete"], stopped["stopped_by"]) == ("inconclusive", False, "signal")
    assert stopped["reasons"] == ["h2: the probe was stopped after 9.0 s, before the plan's end"]
    lost = record_of(every(10, 0, 10_000), host="h3")
    lost["self_check"].update(ok=False, reasons=["1 of 1 workers were lost"], workers_lost=1)
    lost["complete"] = False
    both = merged(good, lost)
    assert (both["verdict"], both["complete"]) == ("inconclusive", False)
    assert both["reasons"][0] == "h3: 1 of 1 workers were lost"
    monkeypatch.setattr("ansible_collections.availability.lab.plugins.module_utils.probe.outages.LIST_LIMIT", 2)
    sent = [(at, "new", 0, outcome.RESET if at % 1000 < 200 else outcome.OK) for at in range(0, 10_000, 100)]
    many = record_of(sent, host="h4")
    both = merged(many, good, objectives=["availability > 50"])
    assert both["outages"]["list_truncated"] == many["outages"]["list_truncated"] == 8
    assert (both["verdict"], both["complete"]) == ("inconclusive", False)
    assert "h4: 8 of its outages are not listed" in both["reasons"][0]
    assert both["outages"]["longest_between_s"][1] >= many["outages"]["longest_between_s"][1]


def test_rows_of_different_widths_are_as_wide_as_the_widest_and_say_less() -> None:
    fine = record_of([*every(100, 0, 5_000), *every(100, 5_000, 10_000, outcome.RESET)], host="h1")
    wide = record_of(every(100, 0, 10_000), host="h2")
    wide["timeline"]["bucket_ms"] = 1000
    rows = wide["timeline"]["rows"][::10]
    for number, row in enumerate(rows):
        row.update(i=number, outcomes={"ok": 10}, lanes={"new": {"ok": 10}}, latency=[row["latency"][0], 10])
    wide["timeline"]["rows"] = rows
    both = merged(fine, wide)
    assert both["timeline"]["bucket_ms"] == 1000
    assert [row["outcomes"] for row in both["timeline"]["rows"][4:6]] == [{"ok": 20}, {"ok": 10, "reset": 10}]
    assert both["totals"]["availability"]["time"] == {"value": None, "lower": None, "good": 0, "of": 0}
    assert "brownouts" not in both
    assert merged(wide, fine) == {**both, "merge": merged(wide, fine)["merge"]}


def test_several_lanes_and_targets() -> None:
    def sent(step_ms: int, lanes: tuple[str, ...], targets: int) -> list[Request]:
        bad = range(4_000, 6_000)
        return [
            (at, lane, number % targets, outcome.RESET if at in bad and lane == "new" else outcome.OK)
            for number, at in enumerate(range(0, 10_000, step_ms))
            for lane in lanes
        ]

    both_lanes = record_of(sent(20, ("new", "reuse"), 2), host="h1", targets=("a", "b"), connection="both")
    one = record_of(sent(30, ("new",), 1), host="h2", targets=("b",), connection="new")
    told = merged(both_lanes, one)
    assert sorted(told["lanes"]) == ["new", "reuse"]
    assert "brownouts" not in told
    assert told["plan"]["lanes"] == ["new", "reuse"]
    assert [(entry["lane"], entry["target"], entry["requests_lost"]) for entry in told["outages"]["list"]] == [
        ("new", "a", 50),
        ("new", "b", 50 + 66),
    ]
    assert told["targets"]["b"]["due"] == 2 * 250 + 334
    assert sum(counts["ok"] for row in told["timeline"]["rows"] for counts in [row["targets"].get("b", {"ok": 0})]
               if "ok" in counts) == told["targets"]["b"]["completed"]  # fmt: skip
    older = json.loads(json.dumps(both_lanes))
    for lane in older["lanes"].values():
        del lane["answered_s"]
    with pytest.raises(OptionError, match=r"0\.json has several lanes and targets and is from before 2026-11-28"):
        merged(older, one)
    old = json.loads(json.dumps(one))
    del old["lanes"]["new"]["answered_s"]
    assert measured(merged(both_lanes, old)) == measured(told)


def test_a_control_that_failed_for_all_marks_the_outage() -> None:
    control = "http://127.0.0.1:1/control"
    bad = [*every(100, 0, 4_000), *every(100, 4_000, 6_000, outcome.RESET), *every(100, 6_000, 10_000)]
    fails = [(at, "control", 0, kind) for at, _lane, _target, kind in bad]
    holds = [(at, "control", 0, outcome.OK) for at, *_unused in bad]
    first = record_of(bad + fails, host="h1", control=control)
    assert merged(first, record_of(bad + fails, host="h2", control=control))["outages"]["control_failed"] == 1
    assert merged(first, record_of(bad + holds, host="h2", control=control))["outages"]["control_failed"] == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"options": {"stall_after": "2s"}}, "stall_after_s is 1 in 0.json and 2 in 1.json"),
        ({"options": {"timeout": "3s"}}, "timeout_s is 5 in 0.json and 3 in 1.json"),
        ({"options": {"brownout_share": 20}}, "brownout_percent is 50 in 0.json and 20 in 1.json"),
        ({"identities": {"pod": {}}}, "0.json identifies nothing, 1.json pod"),
        ({"totals": {}}, "1.json is no whole record"),
        ({"vantage": None}, "1.json is no whole record"),
        ({"self_check": {"lateness": None, "reasons": []}}, "1.json is no whole record"),
    ],
)
def test_records_that_say_nothing_together_are_refused(change: dict[str, Any], said: str) -> None:
    first, second = (record_of(every(100, 0, 10_000), host=host) for host in ("h1", "h2"))
    second.update(change)
    with pytest.raises(OptionError, match=said):
        merged(first, second)


def test_a_record_from_before_outages_had_targets_is_refused() -> None:
    first = record_of(every(100, 0, 10_000), host="h1")
    second = record_of([*every(100, 0, 5_000), *every(100, 5_000, 10_000, outcome.RESET)], host="h2")
    for entry in second["lanes"]["new"]["outages"]["list"]:
        del entry["target"]
    with pytest.raises(OptionError, match=r"1\.json is no whole record \(KeyError\('target'\)\)"):
        joined(first, second)


def test_twice_the_same_record_and_different_times_are_refused() -> None:
    first, second = (record_of(every(100, 0, 10_000), host=host) for host in ("h1", "h2"))
    with pytest.raises(OptionError, match=r"0\.json and 2\.json hold the same record"):
        merged(first, second, first)
    with pytest.raises(OptionError, match="hold the same record"):
        merged(merged(first, second), first)
    later = record_of(every(100, 11_000, 20_000), begun_ms=11_000, ended_ms=20_000, host="h3")
    with pytest.raises(OptionError, match=r"1\.json begins 1\.000 s after all before it ended"):
        merged(first, later)
    between = record_of(every(100, 9_000, 12_000), begun_ms=9_000, ended_ms=12_000, host="h4")
    assert merged(first, later, between)["elapsed_s"] == 20.0


def random_record(chance: random.Random, host: str) -> dict[str, Any]:
    begun = chance.randrange(0, 1_500)
    kinds, requests, kind = [outcome.OK, outcome.RESET, outcome.REFUSED, STALLED, outcome.NOT_SENT], [], outcome.OK
    for at in range(begun, begun + 2_000, chance.choice([7, 20, 50])):
        if chance.random() < 0.1:
            kind = chance.choice(kinds)
        requests.append((at, "new", chance.randrange(2), kind))
    return record_of(
        requests, begun_ms=begun, ended_ms=begun + 4_000, host=host, targets=("a", "b"), rate=chance.choice([1, 20.1]),
        stopped_by=chance.choice(["plan", "plan", "signal"]),
    )  # fmt: skip


@given(st.integers(0, 1_000_000))
@settings(max_examples=20)
def test_the_order_of_merges_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    records = [random_record(chance, f"h{number}") for number in range(3)]
    for record in records:  # clocks count in ns
        record["started_unix_ns"] += chance.randrange(100 * MS)
    at_once = measured(merged(*records))
    for first, second, third in itertools.permutations(records):
        assert measured(joined(first, second, third)) == at_once
        assert measured(joined(joined(first, second), third)) == at_once


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["GOOD"], "merge: expected two files or more, got 1"),
        (["GOOD", "NONE"], "cannot be read"),
        (["GOOD", "LIST"], "is no record of the probe"),
        (["GOOD", "NEWER"], "has the schema version 2, expected 1"),
        (["GOOD", "GOOD"], "hold the same record"),
        (["GOOD", "LATER", "--rate", "5"], "rate: is about a measurement, and merge makes none"),
        (["GOOD", "LATER", "--objectives", "nonsense"], "objectives: 'nonsense', expected for example"),
    ],
)
def test_a_wrong_use_of_the_word_is_one_line(
    files: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = record_of(every(100, 0, 1_000), ended_ms=1_000)
    later = record_of(every(100, 500, 1_500), begun_ms=500, ended_ms=1_500)
    texts = {"GOOD": good, "LATER": later, "LIST": [], "NEWER": {**good, "schema_version": 2}}
    for name, value in texts.items():
        (tmp_path / name).write_text(json.dumps(value))
    assert main(["merge", *(str(tmp_path / name) if name.isupper() else name for name in files)]) == 64
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_two_real_probes_become_one_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(tmp_path / name) for name in ("one.json", "two.json", "both.json")]
    with serving() as server:
        running = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "probe", server.url + path, "-q", "50", "-z", "2s", "--result", name),
                    *("--identify", "version=header:X-Version", "--max-lateness", "10s", "--max-steal", "100"),
                ],
                env={**os.environ, "PYTHONPATH": str(ENGINE)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for name, path in zip(names, ("/", "/green"))
        ]
        assert [one.wait(timeout=60) for one in running] == [0, 0]
    assert main(["merge", *names[:2], "--result", names[2], "--quiet"]) == 0
    assert capsys.readouterr().out == "verdict: pass\n"
    both = json.loads(Path(names[2]).read_text())
    accounted_together(both)
    assert both["totals"]["due"] == 200
    assert both["argv"] == ["merge", *names[:2]]
    assert sorted(part["file"] for part in both["merge"]["parts"]) == names[:2]
    assert sorted(both["targets"]) == sorted(f"{server.url}{path}" for path in ("/", "/green"))
    assert main(["report", names[2]]) == 0
    assert "due 200  completed 200" in capsys.readouterr().out
    assert main(["merge", *names[:2], "--objectives", "p50 < 1us", "-o", "csv"]) == 1
    assert capsys.readouterr().out.startswith("start_s,ok,")
