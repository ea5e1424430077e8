from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.images import (
    ImageLoadError,
    NodeImages,
    normalised,
)

# An engine with the images "a:1" and "b:1", and one node "n1" whose images stand in a file.
DOCKER = """#!/bin/sh
state={state}
case "$*" in
  "exec n1 ctr --namespace k8s.io images list --quiet") cat $state/n1 ;;
  "exec --interactive n1 ctr --namespace k8s.io images import -")
    test -e $state/full && {{ echo "no space left on device" >&2; exit 1; }}
    cat >> $state/n1 ;;
  "exec "*) echo "No such container: $2" >&2; exit 1 ;;
  "save "*)
    shift
    for image; do
      case $image in a:1|b:1) echo docker.io/library/$image ;; *) echo "no such image: $image" >&2; exit 1 ;; esac
    done ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path) -> str:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.format(state=tmp_path))
    docker.chmod(0o755)
    (tmp_path / "n1").write_text("docker.io/library/a:1\nsha256:0123\n")
    return str(docker)


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("redis", "docker.io/library/redis:latest"),
        ("availability-lab/hello:1", "docker.io/availability-lab/hello:1"),
        ("registry.example.org/team/hello", "registry.example.org/team/hello:latest"),
        ("localhost/hello:1", "localhost/hello:1"),
        ("host:5000/hello:1", "host:5000/hello:1"),
        ("host:5000/hello", "host:5000/hello:latest"),
        ("a/b@sha256:00", "docker.io/a/b@sha256:00"),
    ],
)
def test_references_are_written_as_containerd_does(reference: str, full: str) -> None:
    assert normalised(reference) == full


def test_only_what_the_node_lacks_is_missing(docker: str) -> None:
    assert NodeImages("n1", docker).missing(["a:1", "b:1"]) == ["b:1"]


def test_loading_makes_it_present(docker: str) -> None:
    node = NodeImages("n1", docker)
    node.load(["b:1"])
    assert node.missing(["a:1", "b:1"]) == []


def test_a_missing_node_is_named(docker: str) -> None:
    with pytest.raises(ImageLoadError, match="node n2: cannot list its images: No such container: n2"):
        NodeImages("n2", docker).missing(["a:1"])


def test_an_image_that_the_engine_lacks_is_named(docker: str) -> None:
    with pytest.raises(ImageLoadError, match="cannot read c:1 from the engine: no such image: c:1"):
        NodeImages("n1", docker).load(["c:1"])


def test_a_full_node_says_so(docker: str, tmp_path: Path) -> None:
    (tmp_path / "full").touch()
    with pytest.raises(ImageLoadError, match="node n1: cannot load b:1: no space left on device"):
        NodeImages("n1", docker).load(["b:1"])
