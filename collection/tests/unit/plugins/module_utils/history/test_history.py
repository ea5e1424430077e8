# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Put, list, get and prune: the same in files and over the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.history.entry import HistoryError
from ansible_collections.availability.lab.plugins.module_utils.history.etcd import PAGE, EtcdHistory
from ansible_collections.availability.lab.plugins.module_utils.history.folder import FolderHistory
from ansible_collections.availability.lab.plugins.module_utils.history.history import (
    Store,
    age_s,
    entries,
    get,
    outdated,
    prune,
    put,
)
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.history.gateway import running
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.history.samples import entry


@pytest.fixture(params=["folder", "etcd"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        yield FolderHistory(tmp_path / "history")
    else:
        with running() as gateway:
            yield EtcdHistory([gateway.url], None, None, None)


def test_put_twice_changes_once(store: Store) -> None:
    first = put(store, entry())
    assert (first.changed, first.before) == (True, "")
    assert not put(store, entry()).changed
    again = put(store, {**entry(), "verdict": "fail"})
    assert again.changed
    assert '"verdict":"pass"' in again.before
    assert '"verdict":"fail"' in again.after
    assert [one["verdict"] for one in entries(store)] == ["fail"]


def test_check_mode_predicts_and_writes_nothing(store: Store) -> None:
    assert put(store, entry(), check_mode=True).changed
    assert entries(store) == []
    put(store, entry())
    prune(store, outdated(entries(store), 0, None), check_mode=True)
    assert len(entries(store)) == 1


def test_list_by_scenario_and_profile_in_the_order_of_time(store: Store) -> None:
    for day in (2, 0, 1):
        put(store, entry(day))
    put(store, entry(3, "full"))
    put(store, entry(0, scenario="rolling-update"))
    assert entries(store, "rolling", "quick") == [entry(day) for day in (0, 1, 2)]
    assert entries(store, "rolling", "full") == [entry(3, "full")]
    assert len(entries(store, "rolling")) == 4
    assert entries(store, "rolling-update") == [entry(0, scenario="rolling-update")]
    assert len(entries(store)) == 5
    assert entries(store, "none") == []


def test_get_one_or_the_newest(store: Store) -> None:
    for day in (0, 1):
        put(store, entry(day))
    assert get(store, "rolling") == entry(1)
    assert get(store, "rolling", entry(0)["run"]) == entry(0)
    with pytest.raises(HistoryError, match=r"run: there is no .*rolling/2000"):
        get(store, "rolling", "2000")
    with pytest.raises(HistoryError, match="scenario: the history has no run of rolling of profile full"):
        get(store, "rolling", profile="full")


def test_prune_removes_the_oldest_of_each_scenario_and_profile(store: Store) -> None:
    for day in range(4):
        put(store, entry(day))
    put(store, entry(0, "full", start_ns=entry(0)["started_unix_ns"] + 7_000))
    prune(store, outdated(entries(store), 2, None))
    assert [(one["profile"], one["started_unix_ns"]) for one in entries(store)] == [
        ("full", entry(0)["started_unix_ns"] + 7_000),
        ("quick", entry(2)["started_unix_ns"]),
        ("quick", entry(3)["started_unix_ns"]),
    ]


def test_a_broken_entry_is_named(store: Store) -> None:
    put(store, entry(0))
    store.store("rolling", "x", '{"record": "history",\n"schema_version": 7}')
    with pytest.raises(RecordError, match=r"rolling/x.*:2: \"schema_version\" 7 of \"history\" is newer than 1"):
        entries(store)


def test_what_is_outdated() -> None:
    some = [entry(day) for day in range(5)]
    assert outdated(some, None, some[2]["started_unix_ns"]) == some[:2]
    assert outdated(some, 4, some[2]["started_unix_ns"]) == some[:1], "surplus and old"
    assert outdated(some, 2, some[1]["started_unix_ns"]) == some[:1]
    assert outdated(some, 9, None) == []
    assert outdated(some, 0, None) == some


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5 m", 300), ("2h", 7200), ("30d", 2_592_000), ("1w", 604_800)]
)
def test_ages(text: str, seconds: int) -> None:
    assert age_s(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1y"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(HistoryError, match=r"older_than is .*expected a number with s, m, h, d or w"):
        age_s(text)


def test_more_keys_than_an_answer_holds(tmp_path: Path) -> None:
    with running() as gateway:
        store = EtcdHistory([gateway.url], None, None, None)
        for number in range(PAGE * 2 + 1):
            gateway.keys[f"/availability-lab/history/rolling/{number:05d}".encode()] = b"x"
        gateway.keys[b"/availability-lab/history0"] = b"a neighbour's"
        gateway.keys[b"/availability-lab/history"] = b"a neighbour's"
        assert [place[-5:] for place, _unused in store.read()] == [f"{number:05d}" for number in range(PAGE * 2 + 1)]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match=r"directory: .* is not a folder"):
        FolderHistory(tmp_path / "file")
    store = FolderHistory(tmp_path)
    with pytest.raises(HistoryError, match=r"directory: .*file/x\.json cannot be written"):
        store.store("file", "x", "text")
    with pytest.raises(HistoryError, match="cannot be removed: No such file"):
        store.remove("rolling", "x")
