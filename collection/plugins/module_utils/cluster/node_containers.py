# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the Docker engine holds of one minikube profile, asked of the engine: it needs neither minikube nor its state.

minikube labels a node's container and volume with the node's name, and the network with the profile's (ProfileLabelKey
of its drivers/kic/oci/types.go).
"""

from __future__ import annotations

import re
import subprocess

from ansible_collections.availability.lab.plugins.module_utils.cluster.engine_group import with_access

LABEL = "name.minikube.sigs.k8s.io"


class EngineError(Exception):
    """The engine refused; the message is its own last line."""


def names(profile: str) -> list[str]:
    """The containers and volumes under the names of the profile's nodes (`lab`, `lab-m02`), whoever made them.

    A volume alone counts, too: minikube takes it for a new node, which then stumbles over the state of the old one.
    Empty without an engine: nothing can be there, then.
    """
    try:
        held = [*_held("ps", "--all", name="Names"), *_held("volume", "ls", name="Name")]
    except EngineError:
        return []
    return sorted({name for name, _label in held if _is_node(name, profile)})


def remove(profile: str) -> None:
    """Remove the profile's containers, their volumes and its network, as `minikube delete` does. Raises EngineError."""
    for listing, column, removal in (
        (("ps", "--all"), "Names", ("rm", "--force", "--volumes")),
        (("volume", "ls"), "Name", ("volume", "rm")),
        (("network", "ls"), "Name", ("network", "rm")),
    ):
        if found := [name for name, label in _held(*listing, name=column) if _is_node(label, profile)]:
            _docker(*removal, *found)


def _is_node(text: str, profile: str) -> bool:
    return re.fullmatch(re.escape(profile) + r"(-m[0-9]{2,})?", text) is not None


def _held(*listing: str, name: str) -> list[tuple[str, str]]:
    """(name, label) of all that a listing tells; the label is empty for what minikube did not make."""
    told = _docker(*listing, "--format", f'{{{{.{name}}}}} {{{{.Label "{LABEL}"}}}}')
    return [(found, label) for found, _space, label in (line.partition(" ") for line in told.splitlines())]


def _docker(*arguments: str) -> str:
    try:
        done = subprocess.run(
            with_access(["docker", *arguments]), capture_output=True, text=True, check=False, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"docker {arguments[0]}: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        raise EngineError(f"docker {arguments[0]}: {last}")
    return done.stdout
