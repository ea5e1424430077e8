# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the Docker engine holds of one minikube profile, asked of the engine: it needs neither minikube nor its state.

minikube labels what it makes with the profile's name (ProfileLabelKey of its drivers/kic/oci/types.go).
"""

from __future__ import annotations

import re
import subprocess

from ansible_collections.availability.lab.plugins.module_utils.cluster.engine_group import with_access

LABEL = "name.minikube.sigs.k8s.io"


class EngineError(Exception):
    """The engine refused; the message is its own last line."""


def names(profile: str) -> list[str]:
    """The containers under the names of the profile's nodes (`lab`, `lab-m02`), whoever made them.

    Empty without an engine: nothing can be there, then.
    """
    pattern = re.escape(profile) + r"(-m[0-9]{2,})?"
    try:
        listed = _docker("ps", "--all", "--format", "{{.Names}}").split()
    except EngineError:
        return []
    return sorted(name for name in listed if re.fullmatch(pattern, name))


def remove(profile: str) -> None:
    """Remove the profile's containers, their volumes and its network, as `minikube delete` does. Raises EngineError."""
    wanted = f"label={LABEL}={profile}"
    for listing, removal in (
        (("ps", "--all"), ("rm", "--force", "--volumes")),
        (("volume", "ls"), ("volume", "rm")),
        (("network", "ls"), ("network", "rm")),
    ):
        if found := _docker(*listing, "--quiet", "--filter", wanted).split():
            _docker(*removal, *found)


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
