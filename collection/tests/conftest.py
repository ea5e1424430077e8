# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One lab for all tests that need it."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.tests.integration.lab_under_test import Lab


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab of this checkout."""
    return Lab()
