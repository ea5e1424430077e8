# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A week of deltas added, written and built into a record: what week.py measures, printed as JSON."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / ".venv" / "collections"))

from ansible_collections.availability.lab.plugins.module_utils.probe.progress import ProgressFile, summarise
from ansible_collections.availability.lab.plugins.module_utils.probe.result import build
from ansible_collections.availability.lab.plugins.module_utils.probe.state import Limits, State
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe import simulated

DAY_S = 86_400
DAYS = 7


def simulate() -> dict[str, Any]:
    """The week, in this process."""
    seconds = DAYS * DAY_S
    header = simulated.header(seconds)
    state = State(header["plan"]["lanes"], Limits.of(header["reading"]))
    days: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="bench-week-") as folder:
        path = Path(folder) / "r.json"
        progress, largest = ProgressFile(str(path), header), 0
        file = path.with_name(path.name + ".progress")
        for delta in simulated.deltas(seconds):
            fresh = [state.add(delta)]
            progress.add(summarise(header, state, fresh, simulated.STEP_S), [delta], state)
            largest = max(largest, file.stat().st_size)
            if state.at % (DAY_S * 1_000_000_000) == 0:
                days.append({
                    "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                    "progress_mib": largest / 2**20,
                    "row_s": state.timeline.rows.width / 10,
                })  # fmt: skip
        begun = time.monotonic()
        record = build(header, state, seconds * 1_000_000_000, "plan")
        text = json.dumps(record, separators=(",", ":"))
        end_s = time.monotonic() - begun
        progress.close()
    totals = record["totals"]
    if totals["due"] != totals["completed"] + totals["failed"] + totals["not_sent"]:
        raise AssertionError("not each request has one outcome")
    return {"days": days, "due": totals["due"], "record_mib": len(text) / 2**20, "end_s": end_s}


if __name__ == "__main__":
    print(json.dumps(simulate()))
