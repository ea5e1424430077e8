from __future__ import annotations

import json
from hashlib import sha256
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

    def call(check: bool = False, more: tuple[dict[str, Any], ...] = (), **options: Any) -> dict[str, Any]:
        tool = {
            "name": "hello",
            "version": "v1.0.0",
            "module_dir": str(source),
            "commands": {"hello": "example.org/hello"},
        }
        arguments = {
            "tools": [{**tool, **options}, *({**tool, **other} for other in more)],
            "cache_dir": str(tmp_path / "cache"),
            "go_wheel": {"version": "1.26.6", "sha256": {}},
            "_ansible_check_mode": check,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            toolchain_build.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_predicts_builds_and_finds(run, tmp_path: Path) -> None:
    predicted = run(check=True)
    (tool,) = predicted["tools"]
    assert (predicted["changed"], tool["why"], tool["made"]) == (True, "not in the cache", {})
    assert not (tmp_path / "cache").exists()
    built = run()
    assert built["changed"] is True
    assert built["tools"][0]["made"]["by"] == "go build"
    assert Path(built["paths"]["hello"]).stat().st_mode & 0o111
    assert built["paths"] == predicted["paths"]
    again = run()
    assert again["changed"] is False
    assert again["tools"] == [{**built["tools"][0], "changed": False, "why": None}]
    assert again["tools"][0]["sums"] == {"hello": sha256(Path(built["paths"]["hello"]).read_bytes()).hexdigest()}


def test_several_tools_in_one_run(run) -> None:
    run()
    both = run(more=({"name": "other", "commands": {"other": "example.org/hello"}},))
    assert [(tool["name"], tool["changed"]) for tool in both["tools"]] == [("hello", False), ("other", True)]
    assert set(both["paths"]) == {"hello", "other"}


def test_a_change_of_the_stamps_or_of_a_go_file_builds_again(run, tmp_path: Path) -> None:
    run()
    assert run(stamps={"main.version": "v1"})["tools"][0]["why"] == "it was made in another way"
    run()
    (tmp_path / "hello/main.go").write_text("package main\n\nfunc main() { println() }\n")
    assert run()["tools"][0]["why"] == "it was made in another way"


def test_what_a_killed_run_left_is_told_and_cleared_away(run, tmp_path: Path) -> None:
    run()
    left = next((tmp_path / "cache/hello").glob("v1.0.0-*"))
    left = left.with_name(f".{left.name}.killed")
    left.mkdir()
    assert run(check=True)["tools"][0]["leftovers"] is True
    assert run()["tools"][0]["leftovers"] is False
    assert not left.exists()


def test_errors_name_tool_version_and_option(run, tmp_path: Path) -> None:
    missing = run(module_dir=str(tmp_path / "nowhere"))
    assert missing["failed"]
    assert missing["msg"].startswith("hello v1.0.0: module_dir: ")
    assert "expected a folder with go.mod and go.sum" in missing["msg"]
    (tmp_path / "hello/go.mod").write_text("module example.org/hello\n\ngo 99.0\n")
    assert "go99.0.0 or newer is needed" in run()["msg"]
    assert not (tmp_path / "cache/hello/v1.0.0-linux-amd64").exists()
