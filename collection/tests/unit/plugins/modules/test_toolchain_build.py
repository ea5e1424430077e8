from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.modules import toolchain_build


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Runs the module on a tiny module without dependencies; gives its answer."""
    source = tmp_path / "hello"
    source.mkdir()
    (source / "go.mod").write_text("module example.org/hello\n\ngo 1.21\n")
    (source / "go.sum").touch()
    (source / "main.go").write_text("package main\n\nfunc main() {}\n")

    def call(**options: Any) -> dict[str, Any]:
        base = {
            "name": "hello",
            "version": "v1.0.0",
            "cache_dir": str(tmp_path / "cache"),
            "module_dir": str(source),
            "commands": {"hello": "example.org/hello"},
            "go_wheel": {"version": "1.26.6", "sha256": {}},
        }
        with patch_module_args({**base, **options}), pytest.raises(SystemExit):
            toolchain_build.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_predicts_builds_and_finds(run, tmp_path: Path) -> None:
    predicted = run(_ansible_check_mode=True)
    assert (predicted["changed"], predicted["why"], predicted["made"]) == (True, "not in the cache", {})
    assert not (tmp_path / "cache").exists()
    built = run()
    assert built["changed"] is True
    assert built["made"]["by"] == "go build"
    assert Path(built["paths"]["hello"]).stat().st_mode & 0o111
    assert built["paths"] == predicted["paths"]
    again = run()
    assert (again["changed"], again["why"], again["made"]) == (False, None, built["made"])


def test_a_change_of_the_stamps_builds_again(run) -> None:
    run()
    assert run(stamps={"main.version": "v1"})["why"] == "it was made in another way"


def test_errors_name_tool_version_and_option(run, tmp_path: Path) -> None:
    missing = run(module_dir=str(tmp_path / "nowhere"))
    assert missing["failed"]
    assert missing["msg"].startswith("hello v1.0.0: module_dir: ")
    assert "expected a folder with go.mod and go.sum" in missing["msg"]
    (tmp_path / "hello/go.mod").write_text("module example.org/hello\n\ngo 99.0\n")
    assert "go99.0.0 or newer is needed" in run()["msg"]
    assert not (tmp_path / "cache/hello/v1.0.0-linux-amd64").exists()
