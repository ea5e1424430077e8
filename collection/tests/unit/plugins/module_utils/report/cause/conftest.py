# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The run that most of these tests begin with."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import Story


@pytest.fixture
def story() -> Story:
    """Two pods behind the service, quiet."""
    found = Story()
    found.serving_pod("web-a")
    found.serving_pod("web-b")
    return found
