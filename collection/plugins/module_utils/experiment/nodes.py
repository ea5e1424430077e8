# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A node of the lab is a container of the engine on this host: it is killed and started there."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from .stage import Stage, StepError

READY_S = 120
_ENGINE_S = 60


def engine_command(argv: Sequence[str], timeout_s: float = _ENGINE_S) -> str:
    """Run a program to its end; what it printed. Raises StepError with its own words."""
    try:
        ran = subprocess.run(list(argv), capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepError(f"{argv[0]}: {error}") from error
    if ran.returncode != 0:
        said = (ran.stderr or ran.stdout).strip()[-500:]
        raise StepError(f"{' '.join(argv)}: exit code {ran.returncode}: {said}")
    return ran.stdout


def start_node(stage: Stage, node: str, control_plane: str) -> None:
    """Start the node's container and wait until Kubernetes calls it ready. Raises StepError, Interrupted."""
    engine_command(["docker", "start", node])
    # The engine makes the file anew with every start, without what minikube had added.
    name = "control-plane.minikube.internal"
    line = f"grep -q {name} /etc/hosts || echo '{control_plane} {name}' >> /etc/hosts"
    engine_command(["docker", "exec", node, "sh", "-c", line])
    stage.wait_ready("v1", "Node", node, READY_S)
