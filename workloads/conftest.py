"""Makes the workloads importable as their images do: each folder's modules, with lab_workload beside them."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in sorted(Path(__file__).parent.iterdir()):
    if folder.is_dir():
        sys.path.insert(0, str(folder))
