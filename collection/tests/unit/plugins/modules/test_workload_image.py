from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.action.workload_image import pack
from ansible_collections.availability.lab.plugins.modules import workload_image


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "images").touch()
    docker = tmp_path / "docker"
    docker.write_text(
        f"#!/bin/sh\nfor last; do :; done\n"
        f'case $1 in image) grep -qxF "$last" {tmp_path}/images ;; build) echo "$3" >> {tmp_path}/images ;; esac\n'
    )
    docker.chmod(0o755)
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "Dockerfile").write_text("FROM scratch")

    def call(*more: dict[str, Any], check: bool = False, archive: str | None = None, **options: Any) -> dict[str, Any]:
        hello = {
            "name": "hello",
            "repository": "lab/hello",
            "path": str(tmp_path / "hello"),
            "base_image": "base:1",
            **options,
        }
        arguments = {
            "images": [hello, *more],
            "archive": archive,
            "cache_dir": str(tmp_path / "cache"),
            "docker_cli": str(docker),
            "_ansible_check_mode": check,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            workload_image.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_it_is_built_once_and_check_mode_builds_nothing(run, tmp_path: Path) -> None:
    predicted = run(check=True)
    assert predicted["built"] == ["hello"]
    assert (tmp_path / "images").read_text() == ""
    built = run()
    assert (built["changed"], built["references"]) == (True, predicted["references"])
    assert run()["changed"] is False
    assert (tmp_path / "images").read_text().split() == [built["references"]["hello"]]


def test_one_that_starts_from_another_changes_with_it(run, tmp_path: Path) -> None:
    child = {"name": "child", "repository": "lab/child", "path": str(tmp_path / "hello"), "base": "hello"}
    before = run(child)
    assert before["built"] == ["hello", "child"]
    (tmp_path / "hello" / "news").write_text("new")
    after = run(child)
    assert after["built"] == ["hello", "child"]
    assert after["references"]["child"] != before["references"]["child"]
    assert run(child)["built"] == []


def test_errors_are_said_with_the_option(run) -> None:
    answer = run(path="/nowhere")
    assert answer["failed"]
    assert "workload_image lab/hello: path: expected a folder with a Dockerfile, and /nowhere is none" in answer["msg"]
    assert "base: other does not come before it; known: none" in run(base="other")["msg"]


def test_folders_that_come_in_an_archive_make_the_same_image(run, tmp_path: Path) -> None:
    """As another host gets them from the controller."""
    (tmp_path / "hello" / "tests").mkdir()
    (tmp_path / "hello" / "tests" / "test_hello.py").write_text("no part of the image")
    here = run(check=True)["references"]
    archive = str(tmp_path / "workloads.tar")
    (packed,) = pack([{"name": "hello", "path": str(tmp_path / "hello")}], archive)
    with tarfile.open(archive) as folders:
        assert folders.getnames() == ["0/Dockerfile"]
    assert run(check=True, path=packed["path"], archive=archive)["references"] == here
