# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What every part of the benchmark shares: programs, cores, how long, how often."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clients import K6, H2load, Hey, Oha, Ours, Siege, Vegeta, Wrk
from figures import Figures
from load import Client, Load, measure


@dataclass(frozen=True)
class Setting:
    """`seconds` and `rounds` of each measurement; `files` is a scratch folder."""

    programs: dict[str, Path]
    server_core: int
    client_core: int
    seconds: float
    rounds: int
    requests: int
    files: Path

    def client(self, name: str) -> Client:
        """A client by its name in the tables."""
        makers: dict[str, Callable[[], Client]] = {
            "ours": lambda: Ours(self.files),
            "wrk": lambda: Wrk(self.programs["wrk"]),
            "oha": lambda: Oha(self.programs["oha"]),
            "oha --latency-correction": lambda: Oha(self.programs["oha"], corrected=True),
            "h2load": lambda: H2load(self.programs["h2load"]),
            "hey": lambda: Hey(self.programs["hey"]),
            "vegeta": lambda: Vegeta(self.programs["vegeta"], self.files),
            "k6": lambda: K6(self.programs["k6"], self.files),
            "siege": lambda: Siege(self.programs["siege"], self.files),
        }
        return makers[name]()

    def alternate(self, names: Sequence[str], load: Load) -> dict[str, list[Figures]]:
        """Every client once a round, in turn, so that a drift of the machine meets all of them."""
        measured: dict[str, list[Figures]] = {name: [] for name in names}
        for number in range(self.rounds):
            # Each round begins with another one: none always runs in another's wake.
            for name in [*names[number % len(names) :], *names[: number % len(names)]]:
                try:
                    measured[name].append(measure(self.client(name), load, self.client_core))
                except TimeoutError as error:
                    # siege is known to hang at its end now and then. A hang of ours is a failure of the benchmark.
                    if name == "ours" or (number == self.rounds - 1 and not measured[name]):
                        raise
                    print(f"bench: left out: {error}", file=sys.stderr)
        return measured
