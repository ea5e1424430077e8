# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How an image is made, with stand-ins for docker and debootstrap that note how they were called."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.debian_image import (
    DebianImage,
    FileInImage,
    ImageError,
    Recipe,
)
from ansible_collections.availability.lab.plugins.module_utils.host.image_bundle import BundledImage, ImageBundle

#: Keeps the last context that it was given, and fails where a file named after its first argument says so.
DOCKER = """#!/bin/sh
echo "docker $*" >> {log}
test ! -e {folder}/fail-$1 || {{ echo "no space left" >&2; exit 1; }}
case $1 in
  image) cat {folder}/labels ;;
  build) rm -rf {folder}/context; cp -rp "$4" {folder}/context ;;
  save) echo "an image" > "$3" ;;
esac
"""
DEBOOTSTRAP = """#!/bin/sh
echo "debootstrap $*" >> {log}
for root in "$@"; do case $root in */root) break ;; esac; done
mkdir -p "$root/etc" "$root/usr/share/doc/tool" "$root/var/log"
touch "$root/var/log/dpkg.log"
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first on PATH; ``log`` in it has a line a call."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "labels").write_text("null")
    for name, text in (("docker", DOCKER), ("debootstrap", DEBOOTSTRAP)):
        (folder / name).write_text(text.format(folder=folder, log=folder / "log"))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def calls(programs: Path, name: str) -> list[str]:
    lines = (programs / "log").read_text().splitlines()
    return [line for line in lines if line.startswith(f"{name} ")]


def image(tmp_path: Path, mirror: str = "http://127.0.0.1/debian") -> DebianImage:
    tool = tmp_path / "tool"
    tool.write_text("a tool")
    recipe = Recipe(
        "bookworm", ("python3",), files=(FileInImage(str(tool), "/opt/tool", "0755"),),
        instructions=('CMD ["python3"]',),
    )  # fmt: skip
    return DebianImage("docker", "lab/python:1", recipe, str(tmp_path / "cache"), mirror)


def test_an_image_is_made_once_and_then_loaded(programs: Path, tmp_path: Path) -> None:
    made = image(tmp_path)
    assert made.ensure() == "build"
    (bootstrap,) = calls(programs, "debootstrap")
    assert "--include=python3 bookworm" in bootstrap
    assert bootstrap.endswith(" http://127.0.0.1/debian")
    dockerfile = (programs / "context/Dockerfile").read_text().splitlines()
    assert dockerfile[:3] == ["FROM scratch", "ADD root.tar /", 'CMD ["python3"]']
    assert made.fingerprint in dockerfile[3]
    with tarfile.open(programs / "context/root.tar") as root:
        assert root.getmember("./opt/tool").mode == 0o755
        assert "./usr/share/doc" not in root.getnames()
        assert "./var/log/dpkg.log" not in root.getnames()
    assert made.ensure() == "load"
    assert len(calls(programs, "debootstrap")) == 1


@pytest.fixture
def private_files() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    assert os.umask(before) == 0o077, "put back"


@pytest.mark.usefixtures("private_files")
def test_other_users_can_read_what_a_user_with_private_files_makes(programs: Path, tmp_path: Path) -> None:
    image(tmp_path).ensure()
    with tarfile.open(programs / "context/root.tar") as root:
        modes = {member.name: member.mode & 0o777 for member in root}
    assert {modes["."], modes["./etc"], modes["./opt"], modes["./opt/tool"]} == {0o755}


def test_a_damaged_tar_is_made_anew(programs: Path, tmp_path: Path) -> None:
    made = image(tmp_path)
    made.ensure()
    (programs / "fail-load").touch()
    assert made.ensure() == "build"
    assert Path(made.tarball).read_text() == "an image\n"


def test_a_build_that_breaks_says_why_and_leaves_nothing(programs: Path, tmp_path: Path) -> None:
    (programs / "fail-build").touch()
    with pytest.raises(ImageError, match=r"docker build .* ended with 1: no space left"):
        image(tmp_path).ensure()
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_the_label_tells_whether_the_engine_has_it(programs: Path, tmp_path: Path) -> None:
    made = image(tmp_path)
    assert not made.is_current()
    made.ensure()
    name, value = (programs / "context/Dockerfile").read_text().split("LABEL ")[1].strip().split("=")
    (programs / "labels").write_text(json.dumps({name: value}))
    assert made.is_current()


def test_without_a_mirror_the_hosts_own_archive_is_taken(programs: Path, tmp_path: Path) -> None:
    apt = programs / "apt-get"
    apt.write_text("#!/bin/sh\necho http://127.0.0.1/other Somebody Else\necho http://127.0.0.1/own Debian Debian\n")
    apt.chmod(0o755)
    image(tmp_path, mirror="").ensure()
    assert calls(programs, "debootstrap")[0].endswith(" http://127.0.0.1/own")


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    bundle = ImageBundle("/nowhere/docker", "tools", (BundledImage("x:1", "FROM scratch"),), str(tmp_path))
    with pytest.raises(ImageError, match="cannot run /nowhere/docker: No such file"):
        bundle.build()


def test_a_bundle_is_made_once(programs: Path, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("a tool")
    images = (BundledImage("lab/tool:1", "FROM scratch\nCOPY tool /tool\n", (str(tool),)),)
    bundle = ImageBundle("docker", "tools", images, str(tmp_path / "cache"))
    assert not bundle.exists()
    bundle.build()
    bundle.build()
    assert bundle.exists()
    assert len(calls(programs, "docker build")) == 1
    assert (programs / "context/tool").read_text() == "a tool"
    assert (programs / "context/Dockerfile").read_text().startswith("FROM scratch")
