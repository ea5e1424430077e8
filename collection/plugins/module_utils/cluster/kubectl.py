# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The kubectl program, for what is asked once a run: it starts in a tenth of the time that Python's client takes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

_NO_NAMESPACE_YET = "namespaces "


class KubectlError(Exception):
    """kubectl failed; the message holds the end of what it said."""


@dataclass(frozen=True)
class Kubectl:
    """One cluster, as kubectl reaches it.

    Attributes:
        binary: the kubectl program.
        kubeconfig: file that gives access to the cluster.
        timeout_s: an answer that takes longer does not come.
    """

    binary: str
    kubeconfig: str
    timeout_s: float = 60.0

    def apply(self, manifests: str, check_mode: bool) -> list[str]:
        """Apply the objects of a text; those that changed, or would in check mode, as "kind/name configured"."""
        # `apply` calls a Deployment configured whose strategy is half said, each time. `diff` asks the server.
        if self._run(["diff", "--filename=-"], manifests).returncode == 0:
            return []
        arguments = ["apply", "--filename=-", *(["--dry-run=server"] if check_mode else [])]
        done = self._run(arguments, manifests)
        if done.returncode != 0:
            # An object of a namespace that is only predicted cannot be tried: it would be made.
            if check_mode and _NO_NAMESPACE_YET in done.stderr and "not found" in done.stderr:
                return changes(done.stdout) or [_last_lines(done.stderr)]
            raise KubectlError(f"kubectl apply ended with {done.returncode}: {_last_lines(done.stderr)}")
        return changes(done.stdout)

    def get(self, kinds: str) -> list[dict[str, Any]]:
        """Every object of these kinds ("nodes,deployments") in all namespaces."""
        done = self._run(["get", kinds, "--all-namespaces", "--output=json"])
        if done.returncode != 0:
            raise KubectlError(f"kubectl get ended with {done.returncode}: {_last_lines(done.stderr)}")
        return list(json.loads(done.stdout)["items"])

    def _run(self, arguments: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
        command = [self.binary, f"--kubeconfig={self.kubeconfig}", f"--request-timeout={self.timeout_s:g}s", *arguments]
        try:
            # Twice the time for several requests in one call: only a kubectl that hangs is ended.
            return subprocess.run(
                command, input=given, capture_output=True, text=True, check=False, timeout=2 * self.timeout_s
            )
        except OSError as error:
            raise KubectlError(f"cannot run {self.binary}: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise KubectlError(f"kubectl {arguments[0]} was not done after {error.timeout:g} s") from error


def changes(said: str) -> list[str]:
    """The lines of `kubectl apply` that tell of a change.

    >>> changes("namespace/a unchanged\\npod/b created (server dry run)")
    ['pod/b created (server dry run)']
    """
    return [line for line in said.splitlines() if line.strip() and " unchanged" not in line]


def _last_lines(text: str) -> str:
    return " ".join(text.strip().splitlines()[-5:]) or "it said nothing"
