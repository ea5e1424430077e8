# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A load that any client can be asked for, and how one client is run with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import usage
from figures import Figures


@dataclass(frozen=True)
class Load:
    """`rate` a second (open), or `connections` users as fast as they can; ended by `seconds` or after `requests`.

    http2: so many users on one connection.
    """

    url: str
    seconds: float = 1.0
    connections: int = 50
    rate: int | None = None
    requests: int | None = None
    new: bool = False
    http2: bool = False


class Client(Protocol):
    """What the benchmark asks of a client."""

    name: str

    def command(self, load: Load) -> list[str]:
        """The command line for a load."""

    def read(self, run: usage.Run, load: Load) -> Figures:
        """What its output says."""


def measure(client: Client, load: Load, core: int) -> Figures:
    """Run one client on one core; RuntimeError with its output where that cannot be read."""
    run = usage.run(client.command(load), core, load.seconds * 3 + 30 + (load.requests or 0) / 2000)
    try:
        said = client.read(run, load)
    except (AttributeError, KeyError, ValueError, OSError) as error:
        text = (run.output + run.errors)[-2000:]
        raise RuntimeError(f"{client.name}: cannot read its report ({error!r}), it said: {text}") from error
    return replace(said, cpu_s=run.cpu_s, peak_mib=run.peak_mib)
