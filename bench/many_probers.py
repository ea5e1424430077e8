# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A hundred records of an hour become one: how long `probe merge` takes, and how much memory.

Each is what a prober of 100 requests a second writes, made without sockets by the real books and writer (tests:
`simulated.py`); they begin up to four seconds apart, so their resets do not meet.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from clients import ENGINE, PYTHON
from setting import Setting
from table import number, table, verdict
from usage import run as run_process

SECONDS, MEMORY_MIB = 10.0, 500.0


def run(setting: Setting) -> dict[str, Any]:
    """The figures of the merge, and what it found."""
    folder = setting.files / "probers"
    folder.mkdir()
    maker = str(Path(__file__).with_name("many_probers_once.py"))
    run_process([sys.executable, maker, str(folder)], setting.client_core, 1_200)
    records = sorted(map(str, folder.iterdir()))
    joint = setting.files / "joint.json"
    command = [PYTHON, "-m", "probe", "merge", *records, "--quiet", "--result", str(joint)]
    told = run_process(command, setting.client_core, 600, env={"PYTHONPATH": str(ENGINE)})
    record = json.loads(joint.read_text())
    due = sum(json.loads(Path(path).read_text())["totals"]["due"] for path in records)
    return {
        "records": len(records),
        "each_mib": sum(Path(path).stat().st_size for path in records) / len(records) / 2**20,
        "requests": record["totals"]["due"],
        "sum": due,
        "seconds": told.elapsed_s,
        "peak_mib": told.peak_mib,
        "joint_mib": joint.stat().st_size / 2**20,
        "outages": record["outages"]["count"],
    }


def render(results: dict[str, Any]) -> list[str]:
    """One row, and the goals."""
    heads = ["records", "each MiB", "requests", "seconds", "peak MiB", "merged record MiB", "outages"]
    row = [
        number(results["records"], 0),
        number(results["each_mib"], 2),
        number(results["requests"], 0),
        number(results["seconds"], 1),
        number(results["peak_mib"], 0),
        number(results["joint_mib"], 2),
        number(results["outages"], 0),
    ]
    fast = results["seconds"] <= SECONDS and results["peak_mib"] <= MEMORY_MIB
    return [
        *table(heads, [row]),
        "",
        f"- merged in at most {SECONDS:.0f} s and {MEMORY_MIB:.0f} MiB: {verdict(fast)}",
        f"- requests of the merged record = the sum of all: {verdict(results['requests'] == results['sum'])}",
    ]
