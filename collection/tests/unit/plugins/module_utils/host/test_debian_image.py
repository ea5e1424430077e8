# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What decides that an image is another one: its recipe and the bytes in it, not where they stand on this host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.debian_image import (
    FileInImage,
    ImageError,
    Recipe,
)
from ansible_collections.availability.lab.plugins.module_utils.host.image_bundle import BundledImage, ImageBundle


def file_in(folder: Path, text: str) -> str:
    folder.mkdir()
    path = folder / "tool"
    path.write_text(text)
    return str(path)


def recipe(source: str, **changes: object) -> Recipe:
    options = {"suite": "bookworm", "packages": ("python3",), "files": (FileInImage(source, "/usr/bin/tool", "0755"),)}
    return Recipe(**{**options, **changes})  # type: ignore[arg-type]


def test_two_checkouts_make_the_same_image(tmp_path: Path) -> None:
    first = recipe(file_in(tmp_path / "one", "same"))
    second = recipe(file_in(tmp_path / "two", "same"))
    assert first.fingerprint() == second.fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"suite": "trixie"},
        {"packages": ("python3", "curl")},
        {"setup": "true"},
        {"instructions": ("USER 1000",)},
    ],
)
def test_another_recipe_is_another_image(tmp_path: Path, change: dict[str, object]) -> None:
    source = file_in(tmp_path / "one", "same")
    assert recipe(source).fingerprint() != recipe(source, **change).fingerprint()


def test_other_bytes_or_another_place_are_another_image(tmp_path: Path) -> None:
    source = file_in(tmp_path / "one", "same")
    other = file_in(tmp_path / "two", "other")
    moved = recipe(source, files=(FileInImage(source, "/usr/local/bin/tool", "0755"),))
    assert len({recipe(source).fingerprint(), recipe(other).fingerprint(), moved.fingerprint()}) == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"files: cannot read .*nowhere"):
        recipe(str(tmp_path / "nowhere")).fingerprint()


def bundle(source: str, cache: Path, dockerfile: str = "FROM scratch", bases: tuple[str, ...] = ()) -> ImageBundle:
    return ImageBundle("docker", "bundle", (BundledImage("a/b:1", dockerfile, (source,)),), str(cache), bases)


def test_a_bundle_is_known_by_its_content(tmp_path: Path) -> None:
    source = file_in(tmp_path / "one", "same")
    here = bundle(source, tmp_path)
    assert bundle(file_in(tmp_path / "two", "same"), tmp_path).path == here.path
    assert bundle(file_in(tmp_path / "three", "other"), tmp_path).path != here.path
    assert bundle(source, tmp_path, dockerfile="FROM base").path != here.path
    assert bundle(source, tmp_path, bases=("newer",)).path != here.path
    assert not here.exists()
    Path(here.path).touch()
    assert here.exists()
