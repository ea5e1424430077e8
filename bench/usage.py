# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run one client on one core and measure what it cost: seconds, CPU time, peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One finished client: its output, wall and CPU seconds, and peak resident memory in MiB."""

    output: str
    errors: str
    exit_code: int
    elapsed_s: float
    cpu_s: float
    peak_mib: float


def _peak_kib(pid: int) -> int:
    """VmHWM. Not ru_maxrss: that one also counts the Python process which started the client."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def run(command: list[str], core: int, limit_s: float, env: dict[str, str] | None = None) -> Run:
    """Run `command` pinned to `core`; it is killed after `limit_s` seconds, and that raises TimeoutError."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, **(env or {})},
        )
        killer = threading.Timer(limit_s, process.kill)
        killer.start()
        peak = 0
        while process.poll() is None:
            peak = max(peak, _peak_kib(process.pid))
            time.sleep(0.05)
        elapsed = time.monotonic() - start
        killer.cancel()
        if process.returncode == -9:
            raise TimeoutError(f"it did not end within {limit_s} s: {' '.join(command)}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        output.seek(0)
        errors.seek(0)
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return Run(output.read(), errors.read(), process.returncode, elapsed, cpu, peak / 1024)
