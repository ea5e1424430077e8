# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A long run: memory and progress file stay bounded, and no figure changes because rows grew wider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.progress import ProgressFile, recover, summarise
from ansible_collections.availability.lab.plugins.module_utils.probe.result import build
from ansible_collections.availability.lab.plugins.module_utils.probe.state import Limits, State
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe import simulated

PROBE = "ansible_collections.availability.lab.plugins.module_utils.probe"
SECONDS = 7_200


@pytest.fixture(scope="module")
def deltas() -> list[dict[str, Any]]:
    return list(simulated.deltas(SECONDS))


def measured(deltas: list[dict[str, Any]], progress: ProgressFile | None = None) -> tuple[State, dict[str, Any]]:
    header = simulated.header(SECONDS)
    state = State(header["plan"]["lanes"], Limits.of(header["reading"]))
    for delta in deltas:
        fresh = [state.add(delta)]
        if progress is not None:
            progress.add(summarise(header, state, fresh, 10.0), [delta], state)
    return state, header


def record_of(state: State, header: dict[str, Any]) -> dict[str, Any]:
    record = build(header, state, SECONDS * 1_000_000_000, "plan")
    assert record["totals"]["due"] == SECONDS * simulated.RATE
    return record


def test_rows_grow_wider_and_nothing_else_changes(
    deltas: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{PROBE}.timeline.ROWS", 1 << 40)
    fine = record_of(*measured(deltas))
    monkeypatch.setattr(f"{PROBE}.timeline.ROWS", 1_000)
    state, header = measured(deltas)
    assert len(state.timeline.rows.counts) <= 1_000
    assert len(state.tally.rows.counts) < 300
    wide = record_of(state, header)
    assert (fine["timeline"]["bucket_ms"], wide["timeline"]["bucket_ms"]) == (100, 10_000)
    for rows in (fine["timeline"].pop("rows"), wide["timeline"].pop("rows")):
        sums: dict[str, int] = {}
        for row in rows:
            for name, times in row["outcomes"].items():
                sums[name] = sums.get(name, 0) + times
        assert sums == {name: entry["count"] for name, entry in fine["totals"]["outcomes"].items()}
        assert sum(sum(row["latency"][1::2]) for row in rows) == fine["totals"]["completed"]
        assert max(row["max_ms"] for row in rows) == pytest.approx(fine["totals"]["latency"]["max_ns"] / 1e6)
    del fine["timeline"], wide["timeline"]
    assert wide == fine


def test_the_figures_are_the_schedule(deltas: list[dict[str, Any]]) -> None:
    record = record_of(*measured(deltas))
    brown, outages = record["brownouts"], record["outages"]
    assert (brown["count"], brown["longest_s"]) == (SECONDS // simulated.BROWN_EVERY_S, simulated.BROWN_S)
    resets = SECONDS // simulated.RESET_EVERY_S
    assert outages["isolated_failures"] == resets
    assert outages["count"] == brown["count"] * simulated.BROWN_S * 10
    bad_rows = outages["count"] + resets
    assert record["totals"]["availability"]["time"]["good"] == SECONDS * 10 - bad_rows
    assert record["totals"]["availability"]["time"]["of"] == SECONDS * 10


def test_runs_that_are_not_listed_are_counted(deltas: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    listed = record_of(*measured(deltas))["outages"]
    monkeypatch.setattr(f"{PROBE}.outages.LIST_LIMIT", 50)
    state, header = measured(deltas, ProgressFile(None, simulated.header(SECONDS)))
    track = state.tracks["new"][0]
    assert (len(track.ended) < 100, track.fresh) == (True, [])
    short = record_of(state, header)["outages"]
    assert (len(short["list"]), short["list_truncated"]) == (50, len(listed["list"]) - 50)
    same = set(listed) - {"list", "list_truncated"}
    assert {name: short[name] for name in same} == {name: listed[name] for name in same}


def test_the_progress_file_is_bounded_and_recovers_all(
    deltas: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(f"{PROBE}.progress.DELTA_BYTES", 200_000)
    monkeypatch.setattr(f"{PROBE}.timeline.ROWS", 500)
    progress = ProgressFile(str(tmp_path / "r.json"), simulated.header(SECONDS))
    state, header = measured(deltas, progress)
    file = tmp_path / "r.json.progress"
    assert file.stat().st_size < 1_000_000
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    recovered, live = recover(str(file)), record_of(state, header)
    for record in (recovered, live):
        for name in ("stopped_by", "complete", "verdict", "reasons", "ended_at", "elapsed_s"):
            del record[name]
        for lane in record["lanes"].values():
            del lane["verdict"], lane["reasons"]
    assert recovered == live
