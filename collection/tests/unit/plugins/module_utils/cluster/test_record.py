# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The reader: what was written comes back; what is not a record is refused with file and line."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import (
    Gap,
    RecordError,
    parse_time_ns,
    read_record,
)
from ansible_collections.availability.lab.plugins.module_utils.cluster.writer import RecordWriter

SCHEMA = json.loads((Path(__file__).parents[6] / "docs" / "cluster-record.schema.json").read_text())
HEADER = (
    '{"record":"cluster","schema_version":1,"started_at":"2026-11-21T08:00:00Z","t_ns":1,"mono_ns":1,"namespace":"x"}'
)


def write(path: Path) -> str:
    header = {
        "namespace": "shop",
        "api": "https://127.0.0.1",
        "kubernetes_version": "v1",
        "observer": "h",
        "boot_id": None,
        "pid": 1,
        "metrics_interval_s": 10.0,
    }
    writer = RecordWriter(str(path), header)
    metadata = {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7"}
    writer.change(
        "Pod", "added", "watch", metadata, api_time="2026-11-21T08:00:00Z", state={"phase": "Running"}, spec={}
    )
    writer.change("Pod", "deleted", "watch", metadata, api_time=None, state={"phase": "Running"})
    writer.gap(Gap("Pod", 5, 9, True, "cut"))
    usage = {"cpu_m": 1.5, "memory_bytes": 7, "window_s": 15.0, "api_time_ns": 3}
    writer.line("usage", pods={"web": {"web": usage}}, nodes={"minikube": usage})
    writer.line("throttling", containers={"web/web": {"periods": 3.0, "throttled_periods": 1.0}})
    writer.line("load", cores=2, load_1m=1.5, cpu_pressure_percent=None)
    writer.line("skipped", kind="Node", reason="403")
    writer.line("clock", offset_min_ms=-3.0, offset_max_ms=4.0)
    writer.close("asked to stop", cpu_s=0.1, peak_memory_kib=1, clock_steps=0)
    writer.close("twice")
    writer.gap(Gap("Pod", 5, 9, True, "after the end"))
    return str(path)


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    record = read_record(write(tmp_path / "new" / "folder" / "r.jsonl"))
    assert [(change.event, change.state["phase"]) for change in record.of_kind("Pod")] == [
        ("added", "Running"), ("deleted", "Running"),
    ]  # fmt: skip
    assert record.changes[0].api_time_ns == parse_time_ns("2026-11-21T08:00:00Z")
    assert record.gaps == [Gap("Pod", 5, 9, True, "cut")]
    assert record.usage[0].pods["web"]["web"]["cpu_m"] == 1.5
    assert record.throttling[0].containers["web/web"]["throttled_periods"] == 1
    assert (record.load[0].cores, record.load[0].cpu_pressure_percent) == (2, None)
    assert record.skipped == {"Node": "403"}
    assert record.clock_offset_ms == (-3.0, 4.0)
    assert record.end is not None
    assert record.end["counts"] == {
        "Pod": 2,
        "clock": 1,
        "gaps": 1,
        "load": 1,
        "skipped": 1,
        "throttling": 1,
        "usage": 1,
    }
    assert record.ended_ns == record.end["t_ns"] > record.started_ns


def test_every_line_fits_the_schema(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    lines = Path(write(tmp_path / "r.jsonl")).read_text().splitlines()
    assert len(lines) == 10
    for line in lines:
        validator.validate(json.loads(line))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"line": "gap", "t_ns": 1, "mono_ns": 1})


def test_a_cut_last_line_is_left_out(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "r.jsonl"))
    path.write_text(path.read_text()[:-20])
    record = read_record(path)
    assert record.truncated
    assert record.end is None
    assert len(record.changes) == 2
    assert record.ended_ns > record.started_ns


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "r.jsonl:1: empty"),
        ("hello\n", "r.jsonl:1: not a cluster record: the header is not JSON"),
        ('{"record":"probe","schema_version":1}\n', "r.jsonl:1: not a cluster record: expected a header with"),
        ("[]\n", "r.jsonl:1: not a cluster record"),
        (
            '{"record":"cluster","schema_version":2}\n',
            "r.jsonl:1: schema_version 2 is not known; this version reads up to 1",
        ),
        ('{"record":"cluster","schema_version":1}\n', "r.jsonl:1: the header lacks t_ns"),
        (HEADER + "\n{oops\n", "r.jsonl:2: not a line of a cluster record"),
        (HEADER + '\n{"line":"gap","t_ns":1}\n', "r.jsonl:2: not a line of a cluster record: missing 'kind'"),
        (HEADER + '\n{"line":"song"}\n', "r.jsonl:2: not a line of a cluster record: unknown line kind 'song'"),
        (HEADER + "\n7\n", "r.jsonl:2: not a line of a cluster record"),
        (
            HEADER + '\n{"line":"gap","kind":"Pod","from_ns":1,"to_ns":"2","relisted":true,"reason":""}\n',
            'r.jsonl:2: not a line of a cluster record: to_ns is "2", expected int',
        ),
        (HEADER + '\n{"line":"usage","t_ns":1,"pods":[],"nodes":{}}\n', "pods is [], expected dict"),
    ],
)
def test_what_is_not_a_record_is_refused_with_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(RecordError) as caught:
        read_record(path)
    assert words in str(caught.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cannot be read: No such file"):
        read_record(tmp_path / "none")
    (tmp_path / "b").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match="not UTF-8"):
        read_record(tmp_path / "b")


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    writer = RecordWriter(str(path), {"namespace": "shop"})
    threads = [
        threading.Thread(target=lambda: [writer.gap(Gap("Pod", 1, 2, False, "x" * 999)) for _unused in range(200)])
        for _unused in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close("done")
    assert len(read_record(path).gaps) == 1600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.000002Z", 1_000_002_000),
        ("1970-01-01T01:00:01.5+01:00", 1_500_000_000),
    ],
)
def test_times_of_the_api(text: str, expected: int) -> None:
    assert parse_time_ns(text) == expected
