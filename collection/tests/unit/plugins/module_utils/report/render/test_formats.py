# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Each format holds the figures of the result, and survives names that would break it."""

from __future__ import annotations

import csv
import io
import re
from xml.etree import ElementTree

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report import expectation
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.render import (
    junit,
    markdown,
    prometheus,
    table,
    text,
)
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record

EVIL = 'a"b\\c|<x>\n\x00'


def make(expected=("availability == 100", "versions >= 2"), **options):
    options.setdefault("versions", [(0, "blue"), (30, "green")])
    options.setdefault("bad", [(31, 31.5, "refused"), (40, 40.05, "reset")])
    probe = probe_record(**options)
    phases = {"rolling": ["during"]}
    return build("blue-green", "Blue to green", [Run("rolling", "during", "p.json", probe)],
                 [expectation.parse(line, phases) for line in expected], {})  # fmt: skip


@pytest.fixture(scope="module")
def record():
    return make()


def test_the_terminal_text(record):
    shown = text.render(record)
    assert shown.startswith("Blue to green: FAIL\n")
    assert re.search(r"rolling +1,200 +1,189 +11 +0 +99\.08 % +98\.\d+ % +99\.08 %", shown)
    assert "p50" in shown
    assert "p99.9" in shown
    rows = re.findall(r"^  \d+:\d\d-\d+:\d\d +(\d+) +(\d+) +(\d+) +(\d+)$", shown, re.M)
    assert len(rows) == 12
    assert [sum(int(row[i]) for row in rows) for i in range(4)][2:] == [10, 1]
    assert sum(int(cell) for row in rows for cell in row) == 1200
    assert "during 0:31.0 outage (new)  500 ms ± 50 ms        10" in shown
    assert "FAIL  availability == 100 (found 99.08 %, rolling)" in shown
    assert "ok    versions >= 2 (found 2, rolling)" in shown
    assert max(map(len, shown.splitlines())) <= 110


def test_the_terminal_text_without_data():
    shown = text.render(make(duration_s=0))
    assert "INCONCLUSIVE" in shown
    assert "no data" in shown


def test_junit_has_a_case_for_each_expectation(record):
    root = ElementTree.fromstring(junit.render(record))
    suite = root.find("testsuite")
    assert {key: suite.get(key) for key in ("name", "tests", "failures", "skipped", "errors")} == {
        "name": "blue-green.rolling",
        "tests": "3",
        "failures": "1",
        "skipped": "0",
        "errors": "0",
    }
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["expected availability == 100"]


def test_junit_does_not_pass_what_is_inconclusive():
    root = ElementTree.fromstring(junit.render(make(duration_s=0)))
    assert root.find("testsuite").get("skipped") == "3"
    assert root.find("testsuite").get("failures") == "0"


def test_prometheus_text(record):
    lines = prometheus.render(record).splitlines()
    where = 'scenario="blue-green",variant="rolling",phase="during"'
    assert f'availability_lab_requests{{{where},outcome="ok"}} 1189' in lines
    assert f'availability_lab_requests{{{where},outcome="refused"}} 10' in lines
    assert f"availability_lab_longest_outage_seconds{{{where}}} 0.5" in lines
    assert 'availability_lab_verdict{scenario="blue-green",verdict="fail"} 1' in lines
    sample = re.compile(r'^[a-z_]+\{([a-z]+="(\\.|[^"\\])*",?)+\} [-0-9.e+]+$')
    assert all(line.startswith("# ") or sample.match(line) for line in lines)
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_csv_adds_up(record):
    rows = list(csv.DictReader(io.StringIO(table.render(record))))
    assert len(rows) == 60
    assert sum(int(row["due"]) for row in rows) == 1200
    assert sum(int(row["ok"]) for row in rows) == 1189
    assert sum(int(row["version:blue"]) + int(row["version:green"]) for row in rows) == 1189
    assert rows[0]["time"] == "2026-11-21T07:00:00.000+00:00"


def test_markdown_is_a_table(record):
    lines = markdown.render(record).splitlines()
    assert lines[0].startswith("**Of 1,200 requests 11 were lost, in an outage of 500 ms, beginning 31 s into the run")
    assert lines[2] == "### Blue to green: ❌ failed: expected availability == 100, found 99.08 % (rolling)"
    row = next(line for line in lines if line.startswith("| rolling"))
    assert "| 1,200 | 11 | 0 | 99.08 % | ≥ 98." in row
    assert row.count("|") == 11


def test_names_from_the_service_break_no_format():
    record = make(versions=[(0, EVIL), (30, "green")], expected=())
    ElementTree.fromstring(junit.render(record))
    assert "\\n" in prometheus.render(record)
    assert all(len(line.split('"')) % 2 for line in prometheus.render(record).replace('\\"', "").splitlines())
    assert len(list(csv.reader(io.StringIO(table.render(record))))) == 61
    assert not [line for line in markdown.render(record).splitlines() if "<x>" in line]


def test_markdown_shows_an_expectation_as_it_was_written():
    assert "| `p99 < 2s` |" in markdown.render(make(expected=["p99 < 2s"]))
    assert [markdown.escaped(name) for name in ("`<b>", "`a` <b> `c`")] == ["`&lt;b>", "`a` &lt;b> `c`"]
