# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""All readers but those of probe and cluster: what is truncated, foreign, newer or empty is refused with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.read.attempts import read_attempts
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.plugins.module_utils.report.read.result_record import read_result
from ansible_collections.availability.lab.plugins.module_utils.report.render.files import to_json
from ansible_collections.availability.lab.plugins.module_utils.report.render.index import read_results
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record

WHOLE = to_json(build("rolling", "", [Run("bare", "during", "p.json", probe_record(duration_s=5))], [], {}))


def problem(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(RecordError) as caught:
        read_result(path)
    assert str(caught.value).startswith(f"{path}:")
    return str(caught.value).removeprefix(f"{path}:")


def changed(*keys: Any, value: Any) -> str:
    """The whole result with one field replaced, or removed for an Ellipsis."""
    record = json.loads(WHOLE)
    place = record
    for key in keys[:-1]:
        place = place[key]
    if value is ...:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return json.dumps(record, indent=1)


def test_a_whole_result_is_read(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(WHOLE)
    assert read_result(tmp_path / "result.json") == json.loads(WHOLE)


def test_any_truncation_of_a_result_is_noticed(tmp_path: Path) -> None:
    for cut in range(1, len(WHOLE) - 2, len(WHOLE) // 40):
        lines = WHOLE[:cut].count("\n") + 1
        assert int(problem(tmp_path / "r.json", WHOLE[:cut]).split(":")[0]) <= lines


FIGURES = ("variants", 0, "figures")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1: the file is empty"),
        ("hello", "1: not JSON"),
        ('{"metrics": {}}', '1: no "record"'),
        (changed("record", value="probe"), '2: "record" is "probe"; expected "result"'),
        (changed("schema_version", value=2), '3: "schema_version" 2 of "result" is newer than 1'),
        (changed("scenario", value=...), '1: "scenario" is missing: not a whole result'),
        (changed("started_unix_ns", value="7"), '6: "started_unix_ns" is not a int'),
        (changed("variants", 0, value=7), '1: "name" is missing: not a variant of a result'),
        (changed("variants", 0, "phases", value=...), '1: "phases" is missing: not a variant of a result'),
        (changed(*FIGURES, "failed", value=...), '1: "failed" is missing: not figures of a result'),
        (changed(*FIGURES, "duration_s", value="1"), '"duration_s" is not a number: not figures of a result'),
        (changed(*FIGURES, "outages", value={}), '1: "count" is missing: not figures of a result'),
        (changed(*FIGURES, "availability", "planned", value={}), '1: "percent" is missing or no number'),
        (changed(*FIGURES, "latency_ms", "p99", value="3"), '1: "p99" is missing or no number'),
        (changed("variants", 0, "over_time", value={}), '1: "step_s" is missing: not a result'),
    ],
)
def test_what_is_no_result(tmp_path: Path, text: str, words: str) -> None:
    assert words in problem(tmp_path / "result.json", text)


def test_no_data_is_no_broken_result(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(changed(*FIGURES, "latency_ms", "p99", value=None))
    assert read_result(tmp_path / "result.json")["variants"][0]["figures"]["latency_ms"]["p99"] is None


def test_the_list_of_runs_says_which_result_it_left_out(tmp_path: Path) -> None:
    for name, text in (("a", WHOLE), ("b", changed("title", value=...)), ("c", WHOLE[:500])):
        (tmp_path / "rolling" / name).mkdir(parents=True)
        (tmp_path / "rolling" / name / "result.json").write_text(text)
    found, problems = read_results(tmp_path)
    assert [result["link"] for result in found] == ["rolling/a/result.json"]
    assert problems[0] == 'rolling/b/result.json:1: "title" is missing: not a whole result'
    assert problems[1].startswith("rolling/c/result.json:")


GOOD = '{"due_s": 1, "outcome": "ok"}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "{oops}\n", "2: not JSON"),
        (GOOD + '{"due_s": 1}\n', '2: not a request: expected "due_s" and "outcome"'),
        (GOOD + "[]\n" + GOOD, "2: not a request"),
    ],
)
def test_what_is_no_log_of_requests(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(RecordError) as caught:
        list(read_attempts(tmp_path / "a.jsonl"))
    assert str(caught.value).startswith(f"{tmp_path}/a.jsonl:{words}")


def test_a_log_that_was_cut_or_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(GOOD + '{"due_s": 2, "outc')
    assert len(list(read_attempts(tmp_path / "a.jsonl"))) == 1
    (tmp_path / "a.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(RecordError, match=r"a\.jsonl:0: not UTF-8"):
        list(read_attempts(tmp_path / "a.jsonl"))
    with pytest.raises(RecordError, match=r"none:0: cannot be read: No such file"):
        list(read_attempts(tmp_path / "none"))
