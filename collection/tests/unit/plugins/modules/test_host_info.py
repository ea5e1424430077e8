from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.modules import host_info


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def call(**options: Any) -> dict[str, Any]:
        with patch_module_args(options), pytest.raises(SystemExit):
            host_info.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_files_folders_and_what_is_not_there(run, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    file.chmod(0o640)
    absent = str(tmp_path / "file" / "below a file")
    told = run(paths=[str(file), str(tmp_path), absent], read=[str(file)])
    assert told["changed"] is False
    files = told["files"]
    assert files[absent] == {"exists": False}
    assert (files[str(tmp_path)]["kind"], files[str(file)]["kind"]) == ("directory", "file")
    assert (files[str(file)]["mode"], files[str(file)]["text"]) == ("0640", "text")
    assert files[str(file)]["sha256"] == hashlib.sha256(b"text").hexdigest()
    assert "sha256" not in files[str(tmp_path)]
    assert files[str(file)]["owner"] == file.owner()


def test_a_text_is_only_told_where_it_is_wanted(run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    assert "secret" not in json.dumps(run(paths=[str(tmp_path / "key")]))


def test_packages_are_asked_of_the_database_that_is_there(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query = tmp_path / "dpkg-query"
    query.write_text("#!/bin/sh\necho installed curl; echo config-files nginx\n")
    query.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert run(packages=["curl", "nginx", "redis"])["packages_lacking"] == ["nginx", "redis"]
    monkeypatch.setenv("PATH", "/nowhere")
    assert run(packages=["curl"])["packages_lacking"] == ["curl"]


def test_the_engine_is_asked_for_the_nodes_of_a_profile(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" = ps ] && printf "lab lab\\nlab-m02 \\nlabel \\n"; exit 0\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert run(profile="lab")["node_containers"] == ["lab", "lab-m02"]
    assert "node_containers" not in run()
    monkeypatch.setenv("PATH", "/nowhere")
    assert run(profile="lab")["node_containers"] == []
