# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`python -m …module_utils.experiment PLAN.json`."""

from __future__ import annotations

import sys

from ..report.cause.advised import advised_patches
from .command import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], advised_patches))
