# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The whole way: records on disk to a folder of files."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import RecordError as ClusterRecordError
from ansible_collections.availability.lab.plugins.module_utils.report.expectation import ExpectationError
from ansible_collections.availability.lab.plugins.module_utils.report.figures.writes import WritesError
from ansible_collections.availability.lab.plugins.module_utils.report.publish import FORMATS, publish
from ansible_collections.availability.lab.plugins.module_utils.report.read.marks import MarkError
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_cluster import rolling_update
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)


@pytest.fixture
def folder(tmp_path):
    """<root>/<scenario>/<run> with a probe record in which the rollout loses requests, and the cluster's."""
    folder = tmp_path / "results" / "rolling" / "2026-11-21T070000Z"
    folder.mkdir(parents=True)
    record = probe_record(versions=[(0, "blue"), (30, "green")], bad=[(31.3, 32.5, "refused")])
    (folder / "probe.json").write_text(json.dumps(record))
    (folder / "cluster.jsonl").write_text(rolling_update(START_NS).text(60))
    return folder


def make(folder, **changes):
    source = {
        "variant": "bare",
        "phase": "during",
        "probe": str(folder / "probe.json"),
        "cluster": str(folder / "cluster.jsonl"),
        "attempts": None,
        "events": [{"name": "image set", "at": "2026-11-21T07:00:30Z"}],
    }
    options = {
        "scenario": "rolling",
        "title": "",
        "directory": folder,
        "expectations": ["failed > 0"],
        "formats": ("html", "json"),
        "sources": [{**source, **changes.pop("source", {})}],
    }
    return publish(**{**options, **changes})


def test_every_format_is_written_and_nothing_else(folder):
    published = make(folder, formats=FORMATS)
    assert published.changed
    names = {
        "card.png",
        "charts.png",
        "junit.xml",
        "metrics.prom",
        "report.html",
        "result.json",
        "summary.md",
        "timeline.csv",
    }
    assert {path.name for path in folder.iterdir()} == names | {"probe.json", "cluster.jsonl"}
    assert {Path(path).name for path in published.files.values()} == names
    assert (folder / "charts.png").read_bytes().startswith(b"\x89PNG")
    card = (folder / "card.png").read_bytes()
    assert (card[:4], struct.unpack(">II", card[16:24])) == (b"\x89PNG", (1200, 630))
    assert (folder.parent.parent / "index.html").is_file()


def test_the_same_records_make_the_same_files(folder):
    make(folder, formats=FORMATS)
    assert not make(folder, formats=FORMATS).changed


def test_check_mode_predicts_and_writes_nothing(folder):
    published = make(folder, check_mode=True)
    assert published.changed
    assert published.record["verdict"] == "pass"
    assert {path.name for path in folder.iterdir()} == {"probe.json", "cluster.jsonl"}
    make(folder)
    assert not make(folder, check_mode=True).changed


def test_the_outage_is_explained_and_the_changes_are_marked(folder):
    variant = make(folder, formats=["json"]).record["variants"][0]
    outage = variant["phases"][0]["outages"][0]
    assert outage["cause"]["id"] in ("terminated_while_routed", "added_before_listening")
    assert outage["cause"]["evidence"]
    assert variant["phases"][0]["explained"][0]["failed_requests"] == 24
    names = [mark["name"] for mark in variant["marks"]]
    assert names[:2] == ["image set", "hello: blue → green"]


def test_what_is_missing_in_the_manifest_is_in_every_form_of_the_result(folder):
    record = make(folder, formats=["json", "markdown", "html"]).record
    sheet = {one["piece"]: one for one in record["variants"][0]["risks"]}
    hook = sheet["preStop hook"]
    assert (hook["workload"], hook["state"], hook["found"]) == ("Deployment/hello", "missing", "none")
    assert hook["lost"] == record["variants"][0]["figures"]["failed"] > 0
    told = (folder / "summary.md").read_text()
    assert f"| bare | Deployment/hello | preStop hook | requests to a pod that is stopping | {hook['lost']:,} |" in told
    assert "Also missing, at no loss in this run: " in told
    assert "Risk sheet of the manifest" in (folder / "report.html").read_text()
    alone = make(folder, formats=["json", "markdown"], source={"cluster": None})
    assert alone.record["variants"][0]["risks"] is None
    assert "missing" not in (folder / "summary.md").read_text()


def test_records_beside_the_report_are_named_relative_to_it(folder):
    probe = make(folder, formats=["json"]).record["variants"][0]["phases"][0]["probes"][0]
    assert probe["record"] == "probe.json"


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"source": {"probe": "missing.json"}}, RecordError, r"missing\.json:0: cannot be read"),
        ({"source": {"cluster": __file__}}, ClusterRecordError, r"test_publish\.py:1: "),
        ({"source": {"attempts": __file__}}, RecordError, r"test_publish\.py:1: not JSON"),
        ({"source": {"events": [{"name": "x", "at": "soon"}]}}, MarkError, "'x': at is 'soon'; expected RFC 3339"),
        ({"source": {"events": [{"name": "x", "at": 12.5}]}}, MarkError, "seconds of the Unix epoch, not of the run"),
        ({"source": {"events": [{"name": "x", "at": "2026-11-21T07:00:00"}]}}, MarkError, "expected a zone"),
        ({"expectations": ["failed >"]}, ExpectationError, "neither a number nor a figure"),
    ],
)
def test_bad_input_is_one_error_and_nothing_is_written(folder, changes, error, text):
    before = set(folder.iterdir())
    with pytest.raises(error, match=text):
        make(folder, **changes)
    assert set(folder.iterdir()) == before


def test_the_index_lists_runs_and_names_what_it_cannot_read(folder):
    broken = folder.parent / "2026-11-22T070000Z"
    broken.mkdir()
    (broken / "result.json").write_text('{"record": "result",\n')
    make(folder)
    page = (folder.parent.parent / "index.html").read_text()
    assert 'href="rolling/2026-11-21T070000Z/report.html"' in page
    assert "rolling/2026-11-22T070000Z/result.json:2: the record ends in the middle" in page
    assert 'href="../../index.html"' in (folder / "report.html").read_text()


def test_a_folder_of_another_layout_gets_no_index(folder, tmp_path):
    other = tmp_path / "elsewhere" / "report"
    make(folder, directory=other)
    assert {path.name for path in tmp_path.iterdir()} == {"results", "elsewhere"}
    assert {path.name for path in other.parent.iterdir()} == {"report"}
    assert "All runs" not in (other / "report.html").read_text()


def test_the_page_loads_nothing(folder):
    make(folder)
    page = (folder / "report.html").read_text()
    assert not re.search(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=[\"'](?!data:)", page)
    assert "@import" not in page
    assert len(page.encode()) < 600_000


def test_ten_minutes_at_a_thousand_a_second_stay_small(tmp_path):
    """Built bucket by bucket: 6,000 rows with 100 latencies each, as the engine writes them."""
    record = probe_record(duration_s=600, rate=10, versions=[(0, "blue"), (300, "green")])
    for row in record["timeline"]["rows"]:
        row["outcomes"] = {"ok": 100}
        row["latency"] = [number for index in range(700, 800) for number in (index, 1)]
        row.update(p50_ms=3.1, p99_ms=9.2, max_ms=12.3)
    record["totals"].update(due=600_000, sent=600_000, completed=600_000)
    (tmp_path / "probe.json").write_text(json.dumps(record))
    made = make(tmp_path, formats=["html", "json"], source={"cluster": None, "events": []})
    assert (tmp_path / "report.html").stat().st_size < 3_000_000
    assert made.record["variants"][0]["figures"]["attempts"] == 600_000


def test_writes_phases_and_settings_of_a_source(folder):
    outcomes = ["ok"] * 626 + ["refused"] * 24 + ["ok"] * 550
    lines = [{"n": n, "outcome": outcome, "due_s": n / 20} for n, outcome in enumerate(outcomes)]
    (folder / "attempts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "stored.json").write_text(json.dumps([*range(3, 1200), 5]))
    source = {
        "cluster": None,
        "attempts": str(folder / "attempts.jsonl"),
        "stored": str(folder / "stored.json"),
        "settings": {"volume": False},
        "disturbed_from": "2026-11-21T07:00:30Z",
        "disturbed_to": "2026-11-21T07:00:31.5Z",
        "stable": 5,
    }
    lines = ["writes_lost == 3", "bare.recover: failed > 0", "time_to_recovery == 2500ms"]
    made = make(folder, source=source, expectations=lines, formats=["html", "json", "png", "junit"]).record
    assert made["verdict"] == "pass", made["reasons"]
    assert made["variants"][0]["writes"]["unacknowledged_kept"] == 24
    assert made["variants"][0]["writes"]["duplicated"] == 1
    assert made["variants"][0]["settings"] == {"volume": False}
    page = (folder / "report.html").read_text()
    assert 'data-section="Phases"' in page
    assert 'data-section="Writes"' in page
    with pytest.raises(WritesError, match="stored: expected attempts beside it"):
        make(folder, source={**source, "attempts": None})


def test_replicas_and_shares_of_pods_can_be_expected(folder):
    record = json.loads((folder / "probe.json").read_text())
    half = record["totals"]
    record["identities"]["pod"] = {"a": {**half, "due": 300}, "b": {**half, "due": 900}}
    (folder / "probe.json").write_text(json.dumps(record))
    lines = ["replicas_max == 2", "smallest_pod_share == 25", "bare.during: smallest_pod_share < 30%"]
    made = make(folder, expectations=lines, formats=["json"]).record
    assert made["variants"][0]["replicas_max"] == 2
    assert [row["ok"] for row in made["expectations"]] == [True] * 3
    alone = make(folder, expectations=lines, formats=["json"], source={"cluster": None}).record
    assert alone["expectations"][0]["found"] == "no data: the cluster was not recorded"


def test_causes_can_be_expected(folder):
    lines = ["explained == 100", "lost_to_terminated_while_routed > 0", "lost_to_oom_killed == 0"]
    made = make(folder, expectations=lines, formats=["json"]).record
    assert [row["ok"] for row in made["expectations"]] == [True] * 3, made["expectations"]
    alone = make(folder, expectations=lines, formats=["json"], source={"cluster": None}).record
    assert "not recorded" in alone["expectations"][0]["found"]
