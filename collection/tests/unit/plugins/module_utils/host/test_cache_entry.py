from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.cache_entry import (
    CacheEntry,
    CacheError,
    Platform,
    sha256_of,
    tool_paths,
)

RECIPE: dict[str, Any] = {"source": "test", "number": 1}


def entry_in(root: Path) -> CacheEntry:
    return CacheEntry(root, "tool", "v1.0.0", Platform("linux", "amd64"))


def write_tool(folder: Path) -> dict[str, Any]:
    (folder / "tool").write_bytes(b"binary")
    (folder / "tool").chmod(0o755)
    return {"files": ["tool"], "made": {"by": "test"}}


def never(_folder: Path) -> dict[str, Any]:
    raise AssertionError("a good entry must not be made again")


def visible(entry: CacheEntry) -> list[str]:
    """What the cache folder holds besides the lock file."""
    return sorted(path.name for path in entry.folder.iterdir() if not path.name.endswith(".lock"))


def test_is_made_once(tmp_path: Path) -> None:
    entry = entry_in(tmp_path)
    first = entry.obtain(RECIPE, write_tool)
    assert first.changed
    assert first.why == "not in the cache"
    assert entry.path == tmp_path / "tool/v1.0.0-linux-amd64"
    manifest = json.loads((entry.path / "manifest.json").read_text())
    assert manifest == first.manifest
    assert manifest["files"] == {"tool": {"sha256": sha256_of(entry.path / "tool"), "size_bytes": 6}}
    assert manifest["made"]["by"] == "test"
    second = entry.obtain(RECIPE, never)
    assert (second.changed, second.why, second.manifest) == (False, None, manifest)
    assert visible(entry) == ["v1.0.0-linux-amd64"]


def overwrite_same_size(path: Path) -> None:
    path.write_bytes(b"bitrot")


def cut(path: Path) -> None:
    path.write_bytes(b"bin")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (overwrite_same_size, "tool is damaged"),
        (cut, "tool is missing or cut"),
        (Path.unlink, "tool is missing or cut"),
    ],
)
def test_a_damaged_entry_is_made_again(tmp_path: Path, harm: Any, why: str) -> None:
    entry = entry_in(tmp_path)
    entry.obtain(RECIPE, write_tool)
    harm(entry.path / "tool")
    assert entry.obtain(RECIPE, never, check_mode=True).why == why
    again = entry.obtain(RECIPE, write_tool)
    assert (again.changed, again.why) == (True, why)
    assert (entry.path / "tool").read_bytes() == b"binary"
    assert visible(entry) == ["v1.0.0-linux-amd64"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 1}', '{"schema": 2, "files": {"tool": {}}}'])
def test_a_broken_manifest_makes_it_again(tmp_path: Path, content: str) -> None:
    entry = entry_in(tmp_path)
    entry.obtain(RECIPE, write_tool)
    (entry.path / "manifest.json").write_text(content)
    assert entry.obtain(RECIPE, write_tool).changed
    assert not entry.obtain(RECIPE, never).changed


def test_another_recipe_makes_it_again(tmp_path: Path) -> None:
    entry = entry_in(tmp_path)
    entry.obtain(RECIPE, write_tool)
    again = entry.obtain({**RECIPE, "number": 2}, write_tool)
    assert (again.changed, again.why) == (True, "it was made in another way")


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    predicted = entry_in(tmp_path).obtain(RECIPE, never, check_mode=True)
    assert (predicted.changed, predicted.why) == (True, "not in the cache")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_making_leaves_nothing_and_keeps_the_old_entry(tmp_path: Path) -> None:
    def fail(folder: Path) -> dict[str, Any]:
        write_tool(folder)
        raise OSError("no space")

    entry = entry_in(tmp_path)
    with pytest.raises(OSError, match="no space"):
        entry.obtain(RECIPE, fail)
    assert visible(entry) == []
    entry.obtain(RECIPE, write_tool)
    with pytest.raises(OSError, match="no space"):
        entry.obtain({"source": "newer"}, fail)
    assert not entry.obtain(RECIPE, never).changed


def _make_slowly(root: Path, started: Any) -> None:
    def slow(folder: Path) -> dict[str, Any]:
        (folder / "half").write_bytes(b"ha")
        started.set()
        time.sleep(60)
        return {"files": [], "made": {}}

    entry_in(root).obtain(RECIPE, slow)


def test_a_killed_making_is_cleaned_up_by_the_next(tmp_path: Path) -> None:
    started = multiprocessing.Event()
    maker = multiprocessing.Process(target=_make_slowly, args=(tmp_path, started))
    maker.start()
    assert started.wait(10)
    assert maker.pid is not None
    os.kill(maker.pid, signal.SIGKILL)
    maker.join(10)
    entry = entry_in(tmp_path)
    (left,) = visible(entry)
    assert left.startswith(".v1.0.0-linux-amd64.")
    assert not entry.path.exists()
    assert entry.obtain(RECIPE, write_tool).changed
    assert visible(entry) == ["v1.0.0-linux-amd64"]


def test_leftovers_beside_a_good_entry_go_too(tmp_path: Path) -> None:
    entry = entry_in(tmp_path)
    entry.obtain(RECIPE, write_tool)
    (entry.folder / ".v1.0.0-linux-amd64.old.x").mkdir()
    assert not entry.obtain(RECIPE, never).changed
    assert visible(entry) == ["v1.0.0-linux-amd64"]


def _make_and_count(root: Path, answers: Any) -> None:
    def counted(folder: Path) -> dict[str, Any]:
        with (root / "count").open("a") as count:
            count.write("x")
        time.sleep(0.5)
        return write_tool(folder)

    answers.put(entry_in(root).obtain(RECIPE, counted).changed)


def test_of_runs_at_once_one_makes_and_the_others_wait(tmp_path: Path) -> None:
    answers: Any = multiprocessing.Queue()
    runs = [multiprocessing.Process(target=_make_and_count, args=(tmp_path, answers)) for _unused in range(4)]
    for run in runs:
        run.start()
    changed = [answers.get(timeout=20) for _unused in runs]
    for run in runs:
        run.join(10)
    assert sorted(changed) == [False, False, False, True]
    assert (tmp_path / "count").read_text() == "x"


def test_a_lock_that_stays_held_is_one_clear_error(tmp_path: Path) -> None:
    started = multiprocessing.Event()
    maker = multiprocessing.Process(target=_make_slowly, args=(tmp_path, started))
    maker.start()
    try:
        assert started.wait(10)
        with pytest.raises(CacheError, match=r"another process has held .*\.lock for 0\.3 s"):
            entry_in(tmp_path).obtain(RECIPE, never, lock_timeout_s=0.3)
    finally:
        maker.kill()
        maker.join(10)


def test_a_cache_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("a file where the folder should be")
    with pytest.raises(CacheError, match="cannot write to the cache"):
        entry_in(tmp_path).obtain(RECIPE, write_tool)


def test_tool_paths(tmp_path: Path) -> None:
    entry = entry_in(tmp_path)
    assert tool_paths(entry, ["tool", "ctl"]) == {"tool": f"{entry.path}/tool", "ctl": f"{entry.path}/ctl"}
    assert tool_paths(entry, ["a"]) == {"tool": str(entry.path), "a": f"{entry.path}/a"}
