# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ten million requests: does the memory stay flat, and how long does the report take?"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from load import Load, measure
from nginx import Nginx
from setting import Setting
from table import number, table, verdict

MEMORY_MIB, REPORT_S = 40.0, 2.0
HERE = Path(__file__).parent


def run(setting: Setting) -> dict[str, Any]:
    """One run of `setting.requests` requests, then every report of its record in a process of its own."""
    with Nginx(setting.programs["nginx"], setting.server_core) as server:
        load = Load(server.url, requests=setting.requests)
        said = measure(setting.client("ours"), load, setting.client_core)
    record = setting.files / "record.json"
    record.write_text(json.dumps(said.extra))
    return {
        "requests": said.requests,
        "good": said.good,
        "elapsed_s": said.elapsed_s,
        "rate": said.rate,
        "peak_mib": said.peak_mib,
        "record_kib": record.stat().st_size / 1024,
        "report_s": _python_s(setting, str(HERE / "report_once.py"), str(record), str(setting.files)),
        "drawing_s": _python_s(setting, "-c", "import matplotlib.figure, matplotlib.backends.backend_agg"),
    }


def _python_s(setting: Setting, *arguments: str) -> float:
    """Seconds of a Python on the client's core: to write every report format and print every summary, reading
    the record included; or only to have what draws the pictures.
    """
    start = time.monotonic()
    subprocess.run(
        ["taskset", "-c", str(setting.client_core), sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL
    )
    return time.monotonic() - start


def render(results: dict[str, Any]) -> list[str]:
    """One row, and the goals."""
    row = [
        number(results["requests"], 0),
        number(results["good"], 0),
        number(results["elapsed_s"], 1),
        number(results["rate"], 0),
        number(results["peak_mib"], 1),
        number(results["record_kib"], 0),
        number(results["report_s"], 2),
        number(results["drawing_s"], 2),
    ]
    heads = [
        "requests",
        "good",
        "seconds",
        "requests/s",
        "peak MiB",
        "record KiB",
        "reports s",
        "importing matplotlib s",
    ]
    return [
        *table(heads, [row]),
        "",
        f"- peak memory under {MEMORY_MIB:.0f} MiB: {verdict(results['peak_mib'] < MEMORY_MIB)}",
        f"- all report formats and summaries made in under {REPORT_S:.0f} s: {verdict(results['report_s'] < REPORT_S)}",
    ]
