from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.debian_image import ImageError
from ansible_collections.availability.lab.plugins.module_utils.host.python_packages import (
    install_packages,
    needs_packages,
)
from ansible_collections.availability.lab.plugins.module_utils.host.workload_image import WorkloadImage

# An engine that knows the images named in a file, and keeps a list of what a build was given.
DOCKER = """#!/bin/sh
state={state}
case "$1" in
  image) for last; do :; done; grep -qxF "$last" $state/images ;;
  build)
    for last; do :; done
    (cd "$last" && find . -type f | sort) > $state/context
    (cd "$last" && find . ! -perm -a+r) > $state/private
    echo "$*" > $state/command
    echo "$3" >> $state/images ;;
esac
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "images").touch()
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.format(state=folder))
    docker.chmod(0o755)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "hello"
    (folder / "tests" / "__pycache__").mkdir(parents=True)
    (folder / "pages").mkdir()
    (folder / "Dockerfile").write_text("FROM scratch")
    (folder / "hello.py").write_text("print()")
    (folder / "pages" / "index.html").write_text("<p>")
    (folder / "tests" / "test_hello.py").write_text("")
    return folder


@pytest.fixture
def image(tmp_path: Path, folder: Path, state: Path) -> WorkloadImage:
    return WorkloadImage(
        repository="availability-lab/hello",
        folder=str(folder),
        base_image="base:1",
        cache_dir=str(tmp_path / "cache"),
        docker=str(tmp_path / "docker"),
    )


def test_the_tag_is_that_of_the_content(image: WorkloadImage, folder: Path) -> None:
    before = image.reference()
    assert before.startswith("availability-lab/hello:")
    assert len(before.rsplit(":", 1)[1]) == 12
    (folder / "pages" / "index.html").write_text("<b>")
    assert image.reference() != before


def test_tests_manifests_and_compiled_files_change_nothing(image: WorkloadImage, folder: Path) -> None:
    before = image.reference()
    (folder / "tests" / "test_more.py").write_text("")
    (folder / "README.md").write_text("read me")
    (folder / "manifests").mkdir()
    (folder / "manifests" / "a.yml").write_text("")
    (folder / "pages" / "__pycache__").mkdir()
    (folder / "pages" / "__pycache__" / "x.pyc").write_text("")
    (folder / "hello.pyc").write_text("")
    assert image.reference() == before


def test_a_renamed_file_is_another_content(image: WorkloadImage, folder: Path) -> None:
    before = image.reference()
    (folder / "hello.py").rename(folder / "hallo.py")
    assert image.reference() != before


@pytest.mark.parametrize("change", [{"base_image": "base:2"}, {"base_fingerprint": "x"}, {"python_version": "3.13"}])
def test_another_base_is_another_content(image: WorkloadImage, change: dict[str, str]) -> None:
    other = WorkloadImage(**{**image.__dict__, **change})
    assert other.reference() != image.reference()


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_building_makes_it_exist_from_the_applications_files_alone(
    image: WorkloadImage, state: Path, umask: int
) -> None:
    assert not image.exists()
    before = os.umask(umask)
    image.build()
    os.umask(before)
    assert image.exists()
    assert (state / "context").read_text().split() == ["./Dockerfile", "./hello.py", "./pages/index.html"]
    assert (state / "private").read_text() == ""
    assert "--network none --build-arg BASE_IMAGE=base:1" in (state / "command").read_text()
    assert os.listdir(image.cache_dir) == []


def test_a_failed_build_says_what_the_engine_said_and_leaves_nothing(image: WorkloadImage, tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\necho no space left >&2\nexit 3\n")
    with pytest.raises(ImageError, match="no space left"):
        image.build()
    assert os.listdir(image.cache_dir) == []


def test_a_folder_without_dockerfile_is_no_workload(image: WorkloadImage, folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    with pytest.raises(ImageError, match="path: expected a folder with a Dockerfile"):
        image.reference()


def test_a_host_without_engine_has_no_image(image: WorkloadImage) -> None:
    assert not WorkloadImage(**{**image.__dict__, "docker": "/nowhere/docker"}).exists()


@pytest.mark.parametrize(("text", "needed"), [("", False), ("# nothing\n\n", False), ("# a\nflask==3\n", True)])
def test_comments_are_no_packages(text: str, needed: bool) -> None:
    assert needs_packages(text) is needed


@pytest.fixture
def pip(tmp_path: Path) -> str:
    """A python whose pip installs one file."""
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n'
        'while [ "$1" != --target ]; do shift; done; echo x > "$2/flask.py"\n'
    )
    python.chmod(0o755)
    return str(python)


def test_packages_are_installed_once(tmp_path: Path, pip: str) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("flask==3")
    wanted = (str(requirements), "3.11", "x86_64", str(tmp_path / "cache"), pip)
    folder = install_packages(*wanted)
    assert install_packages(*wanted) == folder
    assert os.listdir(folder) == ["flask.py"]
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 1
    assert "--python-version 3.11" in calls[0]
    assert "--platform manylinux2014_x86_64" in calls[0]


def test_failed_packages_leave_no_folder(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("flask==3")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho hashes do not match >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(ImageError, match="hashes do not match"):
        install_packages(str(requirements), "3.11", "x86_64", str(tmp_path / "cache"), str(python))
    assert os.listdir(tmp_path / "cache") == []


def test_a_program_from_elsewhere_is_in_context_and_tag(image: WorkloadImage, tmp_path: Path, state: Path) -> None:
    program = tmp_path / "cache-of-tools" / "contour"
    program.parent.mkdir()
    program.write_text("one")
    with_it = replace(image, files=(str(program),))
    tag = with_it.reference()
    assert tag != image.reference()
    with_it.build()
    assert "./contour" in (state / "context").read_text().splitlines()
    program.write_text("two")
    assert with_it.reference() != tag
