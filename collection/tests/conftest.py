# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One lab for all tests that need it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.availability.lab.tests.integration.lab_under_test import Lab


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab of this checkout."""
    return Lab()


#: Tests that measure time, or wait for processes that do: what fails of them beside another runs again alone.
TIMED = (
    "unit/examples", "unit/plugins/module_utils/probe", "unit/plugins/module_utils/experiment",
    "unit/plugins/module_utils/cluster/test_recorder.py", "unit/plugins/modules/test_http_probe.py",
    "unit/plugins/modules/test_cluster_watch.py", "unit/plugins/plugin_utils/test_live.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them by where they stand."""
    here = Path(__file__).parent
    timed = [here / place for place in TIMED]
    for item in items:
        if any(item.path.is_relative_to(place) for place in timed):
            item.add_marker(pytest.mark.timed)
