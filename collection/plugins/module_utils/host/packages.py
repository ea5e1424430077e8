# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which packages of the distribution a host lacks: its database tells at once, a package manager takes seconds."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

# How each family lists the names of what is installed. Only those that are whole count.
_LISTS = (
    ("dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\n"),
    ("rpm", "--query", "--all", "--queryformat=installed %{NAME}\n"),
    ("pacman", "--query", "--quiet"),
)


def lacking(wanted: Sequence[str]) -> list[str]:
    """Those of `wanted` that are not installed under just this name; all of them where nothing can be asked."""
    for command in _LISTS if wanted else ():
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return [name for name in wanted if name not in installed(done.stdout)]
    return list(wanted)


def installed(said: str) -> set[str]:
    """Names of the packages that are there, from lines of a name, or of a state and a name.

    >>> sorted(installed("installed curl\\nconfig-files nginx\\nbash\\n"))
    ['bash', 'curl']
    """
    lines = [line.split() for line in said.splitlines()]
    return {line[-1] for line in lines if len(line) == 1 or line[:1] == ["installed"]}
