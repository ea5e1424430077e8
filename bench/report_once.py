# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Read the probe record named on the command line and print every summary of it: what endurance.py times."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "collection" / "plugins" / "module_utils"))

from report.summary import SUMMARIES, render  # type: ignore[import-not-found]

if __name__ == "__main__":
    with open(sys.argv[1]) as source:
        record = json.load(source)
    for name in SUMMARIES:
        print(render(name, record))
