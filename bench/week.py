# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A week at 100 requests a second, simulated: what the supervisor keeps in memory and on disk, day by day.

A worker's deltas are made without sockets (tests: `simulated.py`), and added, written and at the end built into a
record by the code that a real run uses, in a process of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from setting import Setting
from table import number, table, verdict
from usage import run as run_process

GROWTH, END_S = 1.1, 5.0


def run(setting: Setting) -> dict[str, Any]:
    """The figures of each day, and of the end."""
    script = str(Path(__file__).with_name("week_once.py"))
    told = run_process([sys.executable, script], setting.client_core, 3_600)
    results: dict[str, Any] = json.loads(told.output)
    return results


def render(results: dict[str, Any]) -> list[str]:
    """One row a day, and the goals."""
    rows = [
        [number(day + 1, 0), number(one["memory_mib"], 1), number(one["progress_mib"], 1), number(one["row_s"], 1)]
        for day, one in enumerate(results["days"])
    ]
    second, last = results["days"][1], results["days"][-1]
    return [
        *table(["after day", "peak MiB", "progress file MiB", "a row holds s"], rows),
        "",
        f"- requests {number(results['due'], 0)}, each with one outcome; "
        f"record {number(results['record_mib'], 1)} MiB, made in {number(results['end_s'], 1)} s",
        f"- memory of the last day within {100 * (GROWTH - 1):.0f} % of the second's: "
        f"{verdict(last['memory_mib'] < GROWTH * second['memory_mib'])}",
        f"- the record made in under {END_S:.0f} s: {verdict(results['end_s'] < END_S)}",
    ]
