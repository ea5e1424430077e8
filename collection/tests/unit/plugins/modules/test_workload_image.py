from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
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

    def call(**options: Any) -> dict[str, Any]:
        arguments = {
            "repository": "lab/hello",
            "path": str(tmp_path / "hello"),
            "base_image": "base:1",
            "cache_dir": str(tmp_path / "cache"),
            "docker_cli": str(docker),
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            workload_image.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_it_is_built_once_and_check_mode_builds_nothing(run, tmp_path: Path) -> None:
    predicted = run(_ansible_check_mode=True)
    assert predicted["changed"]
    assert (tmp_path / "images").read_text() == ""
    built = run()
    assert (built["changed"], built["image"]) == (True, predicted["image"])
    assert run()["changed"] is False
    assert (tmp_path / "images").read_text().split() == [built["image"]]


def test_a_missing_folder_is_said_with_the_option(run) -> None:
    answer = run(path="/nowhere")
    assert answer["failed"]
    assert "workload_image lab/hello: path: expected a folder with a Dockerfile, and /nowhere is none" in answer["msg"]
