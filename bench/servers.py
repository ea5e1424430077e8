# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The servers of the probe's own tests, which lie beside those tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "collection/tests/unit/plugins/module_utils/probe"))

from misbehaving_process import Misbehaving  # type: ignore[import-not-found]
from raw_server import raw_server, read_head  # type: ignore[import-not-found]

__all__ = ["Misbehaving", "raw_server", "read_head"]
