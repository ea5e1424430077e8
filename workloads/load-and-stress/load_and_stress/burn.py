# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One core's worth of work for a while: ``python3 -m load_and_stress.burn SECONDS``, in a process of its own."""

from __future__ import annotations

import sys
import time


def burn(seconds: float) -> None:
    """Float arithmetic until ``seconds`` have passed."""
    end = time.monotonic() + seconds
    value = 1.0
    while time.monotonic() < end:
        for _ in range(10_000):
            value = (value * 1.000001 + 0.5) % 1000.0


if __name__ == "__main__":
    burn(float(sys.argv[1]))
