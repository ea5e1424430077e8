# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How busy the observer's own machine is: in a local lab the nodes, the probe and the recorder share its cores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def host_load() -> dict[str, Any]:
    """cores, load_1m (runnable and blocked tasks), and cpu_pressure_percent: the share of the last 10 s in which some
    task waited for a core (Linux pressure stall information), None where the kernel does not tell."""
    return {
        "cores": os.cpu_count() or 1,
        "load_1m": round(os.getloadavg()[0], 2),
        "cpu_pressure_percent": cpu_pressure(Path("/proc/pressure/cpu")),
    }


def cpu_pressure(path: Path) -> float | None:
    """The avg10 of the line "some" (Documentation/accounting/psi.rst)."""
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            kind, *fields = line.split()
            if kind == "some":
                return float(dict(field.split("=") for field in fields)["avg10"])
    except (OSError, KeyError, ValueError):
        return None
    return None
