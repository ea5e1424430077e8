# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Read the probe record named on the command line, write every report of it into the named folder and print every
summary: what endurance.py times.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "collection" / "plugins"))

from module_utils.report.publish import FORMATS, publish  # type: ignore[import-not-found]
from module_utils.summary.words import SUMMARIES, render  # type: ignore[import-not-found]

if __name__ == "__main__":
    path, folder = sys.argv[1:]
    publish(
        scenario="bench",
        title="Ten million requests",
        directory=Path(folder),
        sources=[
            {"variant": "engine", "phase": "during", "probe": path, "cluster": None, "attempts": None, "events": []}
        ],
        expectations=[],
        formats=FORMATS,
    )
    with open(path) as source:
        record = json.load(source)
    for name in SUMMARIES:
        print(render(name, record))
