# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is laid before minikube starts: predicted, written, and found again."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.minikube_home import (
    lay_binaries,
    lay_folder,
    lay_text,
    may_raise_limits,
)


def test_a_folder_and_its_parents_are_private(tmp_path: Path) -> None:
    home = tmp_path / "state" / "minikube"
    assert lay_folder(home, check_mode=True)
    assert not home.parent.exists()
    assert lay_folder(home, check_mode=False)
    assert [place.stat().st_mode & 0o777 for place in (home, home.parent)] == [0o700, 0o700]
    assert not lay_folder(home, check_mode=False)
    home.chmod(0o755)
    assert lay_folder(home, check_mode=False)


def test_binaries_are_linked_once_and_again_when_they_moved(tmp_path: Path) -> None:
    place = tmp_path / ".minikube/cache/linux/amd64/v1"
    assert lay_binaries(tmp_path, "amd64", "v1", {"kubectl": "/old/kubectl"}, check_mode=True)
    assert not place.exists()
    assert lay_binaries(tmp_path, "amd64", "v1", {"kubectl": "/old/kubectl"}, check_mode=False)
    assert not lay_binaries(tmp_path, "amd64", "v1", {"kubectl": "/old/kubectl"}, check_mode=False)
    assert lay_binaries(tmp_path, "amd64", "v1", {"kubectl": "/new/kubectl"}, check_mode=False)
    assert (place / "kubectl").readlink() == Path("/new/kubectl")
    (place / "kubectl").unlink()
    (place / "kubectl").write_text("what minikube downloaded")
    assert lay_binaries(tmp_path, "amd64", "v1", {"kubectl": "/new/kubectl"}, check_mode=False)


def test_a_text_is_written_only_when_it_is_another(tmp_path: Path) -> None:
    manifest = tmp_path / "network.yml"
    assert lay_text(manifest, "a", check_mode=True)
    assert not manifest.exists()
    assert lay_text(manifest, "a", check_mode=False)
    assert not lay_text(manifest, "a", check_mode=False)
    assert lay_text(manifest, "b", check_mode=False)
    assert manifest.read_text() == "b"


@pytest.mark.parametrize(("bits", "may"), [("000001ffffffffff", True), ("000001fffeffffff", False)])
def test_a_host_without_cap_sys_resource_is_known(bits: str, may: bool) -> None:
    assert may_raise_limits(f"Name:\tx\nCapBnd:\t{bits}\n") is may
