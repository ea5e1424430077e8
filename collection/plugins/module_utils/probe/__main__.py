# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The probe as a command: `python -m probe --url http://127.0.0.1:5000/ --rate 20 --duration 60s`."""

from __future__ import annotations

import sys

from .command import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
