# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Folders and files of one owner: written once, predicted in check mode, told without their texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.modules import host_files


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def call(**options: Any) -> dict[str, Any]:
        with patch_module_args(options), pytest.raises(SystemExit):
            host_files.main()
        return json.loads(capsys.readouterr().out)

    return call


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_there_is_not_written_again(run, tmp_path: Path) -> None:
    folder, key, note = tmp_path / "tls", tmp_path / "tls" / "key", tmp_path / "tls" / "note"
    options = {"folders": [str(folder)], "files": {str(key): "secret\n", str(note): "plain"}}
    told = run(**options)
    assert (told["changed"], told["folders"], told["files"]) == (True, [str(folder)], [str(key), str(note)])
    assert (key.read_text(), note.read_text()) == ("secret\n", "plain")
    assert (mode(folder), mode(key)) == (0o700, 0o600)
    written = key.stat().st_ino
    assert run(**options)["changed"] is False
    assert key.stat().st_ino == written
    note.write_text("another")
    assert run(**options)["files"] == [str(note)]


def test_another_mode_is_a_change(run, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret")
    key.chmod(0o644)
    assert run(files={str(key): "secret"})["files"] == [str(key)]
    assert mode(key) == 0o600
    assert run(files={str(key): "secret"}, file_mode="0640")["changed"] is True
    assert mode(key) == 0o640


def test_check_mode_predicts_and_writes_nothing(run, tmp_path: Path) -> None:
    folder, key = tmp_path / "tls", tmp_path / "tls" / "key"
    options = {
        "folders": [str(folder)],
        "files": {str(key): "secret"},
        "owner": "nobody-yet",
        "_ansible_check_mode": True,
    }
    told = run(**options)
    assert (told["changed"], told["folders"], told["files"]) == (True, [str(folder)], [str(key)])
    assert not folder.exists()


def test_texts_are_told_nowhere(run, tmp_path: Path) -> None:
    assert "very secret" not in json.dumps(run(files={str(tmp_path / "key"): "very secret"}))


def test_what_cannot_be_is_named(run, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere" / "tls")
    assert f"host_files {nowhere}: No such file" in run(folders=[nowhere])["msg"]
    assert f"expected a text for {tmp_path}/number, got int" in run(files={f"{tmp_path}/number": 7})["msg"]
