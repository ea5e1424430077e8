# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A broken record is refused with the file and the line."""

from __future__ import annotations

import json

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import (
    read_probe_record,
    version_key,
)
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record


def problem(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RecordError) as error:
        read_probe_record(path)
    text = str(error.value)
    assert text.startswith(f"{path}:")
    return text.removeprefix(f"{path}:")


@pytest.fixture
def whole():
    return json.dumps(probe_record(duration_s=2), indent=1)


def test_a_whole_record_is_read(tmp_path, whole):
    path = tmp_path / "probe.json"
    path.write_text(whole)
    assert read_probe_record(path)["totals"]["due"] == 40


def test_a_missing_one(tmp_path):
    with pytest.raises(RecordError, match=r"none\.json:0: cannot be read: No such file"):
        read_probe_record(tmp_path / "none.json")


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_one(tmp_path, content):
    assert problem(tmp_path / "p.json", content).startswith("1: the file is empty")


def test_a_truncated_one_names_the_line_it_ends_on(tmp_path, whole):
    lines = whole.split("\n")[:30]
    assert problem(tmp_path / "p.json", "\n".join(lines)).startswith("30: the record ends in the middle")


def test_any_truncation_is_noticed(tmp_path, whole):
    for cut in range(1, len(whole), len(whole) // 50):
        problem(tmp_path / "p.json", whole[:cut])


def test_garbage(tmp_path):
    assert problem(tmp_path / "p.json", '{\n "record": probe}').startswith("2: not JSON (Expecting value, column 12)")
    assert problem(tmp_path / "p.json", b"{\n\xff").startswith("2: not UTF-8")


def test_foreign_ones(tmp_path):
    assert 'no "record"' in problem(tmp_path / "p.json", '{"metrics": {}}')
    assert 'no "record"' in problem(tmp_path / "p.json", "[1]")
    assert problem(tmp_path / "p.json", '{\n"record": "cluster"}').startswith(
        '2: "record" is "cluster"; expected "probe"'
    )


@pytest.mark.parametrize("version", ["null", '"1"', "0", "true", "1.5"])
def test_a_version_that_is_none(tmp_path, version):
    text = problem(tmp_path / "p.json", f'{{"record": "probe",\n"schema_version": {version}}}')
    assert text.startswith('2: "schema_version" is')


def test_a_newer_one(tmp_path, whole):
    text = problem(tmp_path / "p.json", whole.replace('"schema_version": 1', '"schema_version": 2'))
    assert text.startswith('3: "schema_version" 2 of "probe" is newer than 1')


def test_one_that_lacks_a_part(tmp_path):
    record = probe_record(duration_s=2)
    del record["timeline"]
    assert '"timeline" is missing' in problem(tmp_path / "p.json", json.dumps(record))


def test_one_that_does_not_add_up(tmp_path):
    record = probe_record(duration_s=2)
    record["totals"]["due"] += 1
    assert "due 41 is not completed 40 + failed 0 + not_sent 0" in problem(tmp_path / "p.json", json.dumps(record))


@pytest.mark.parametrize(
    ("identities", "key"),
    [({}, None), ({"pod": {}}, None), ({"pod": {}, "colour": {}}, "colour"), ({"pod": {}, "tag": {}}, "tag")],
)
def test_which_identity_is_the_version(identities, key):
    assert version_key(identities) == key
