# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What has to be undone is on disk before it is done, in the old form too, and one process at a time works with it."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.experiment.journal import (
    Journal,
    JournalError,
    read_entry,
)
from ansible_collections.availability.lab.plugins.module_utils.experiment.stage import Stage
from ansible_collections.availability.lab.plugins.module_utils.experiment.undo import undo_all


def test_a_note_is_whole_private_and_the_newest_is_first(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "undo"))
    with journal.held(0):
        first = journal.note("uncordon", node="a")
        second = journal.note("uncordon", node="b")
    assert read_entry(first) == {"undo": "uncordon", "node": "a"}
    assert os.stat(first).st_mode & 0o777 == 0o600
    assert journal.entries() == [second, first]


def test_notes_of_older_versions_are_read(tmp_path: Path) -> None:
    old = {"undo": "workload", "workload": "hello", "namespace": "hello", "values": {}, "images": {}, "state": "absent"}
    (tmp_path / "20261121T080000000000-workload.json").write_text(json.dumps(old, indent=4))
    journal = Journal(str(tmp_path))
    done, failed, left = undo_all(Stage("", journal), journal)
    assert (done, failed) == ([], [])
    assert [(one["workload"], Path(one["file"]).exists()) for one in left] == [("hello", True)]


def test_what_cannot_be_undone_stays_and_names_file_and_way_on(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.note("command", argv=["false"])
    journal.note("command", argv=["touch", str(tmp_path / "back")])
    (tmp_path / "0-broken.json").write_text("{")
    done, failed, _left = undo_all(Stage("", journal), journal)
    assert len(done) == 1
    assert (tmp_path / "back").exists()
    assert len(failed) == len(journal.entries()) == 2
    assert all("delete that file" in reason and str(tmp_path) in reason for reason in failed)


def test_a_second_experiment_waits_and_then_says_who_works(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    with journal.held(0):
        assert journal.in_use()
        with pytest.raises(JournalError, match=f"process {os.getpid()}"), Journal(str(tmp_path)).held(0.3):
            pass
        begun = time.monotonic()
        threading.Timer(0.5, lambda: None).start()
    with Journal(str(tmp_path)).held(5):
        assert time.monotonic() - begun < 5
    assert not journal.in_use()
