# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Writes the records of a hundred probers of an hour into the folder named on the command line, for many_probers.py."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / ".venv" / "collections"))

from ansible_collections.availability.lab.plugins.module_utils.probe.place import write
from ansible_collections.availability.lab.plugins.module_utils.probe.result import build
from ansible_collections.availability.lab.plugins.module_utils.probe.state import Limits, State
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe import simulated

HOUR_S, PROBERS, APART_NS = 3_600, 100, 37_000_000

if __name__ == "__main__":
    header = simulated.header(HOUR_S)
    state = State(header["plan"]["lanes"], Limits.of(header["reading"]))
    for delta in simulated.deltas(HOUR_S):
        state.add(delta)
    for number in range(PROBERS):
        own = {**header, "host": f"zone-{number}", "started_unix_ns": number * APART_NS}
        write(build(own, state, HOUR_S * 1_000_000_000, "plan"), str(Path(sys.argv[1]) / f"{number:03}.json"))
