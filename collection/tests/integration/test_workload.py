# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`make up` of a workload that is none. What they do otherwise: tests/scenarios/test_side_by_side.py."""

from __future__ import annotations

import pytest
from lab_under_test import Lab

pytestmark = pytest.mark.lab


def test_a_wrong_name_is_answered_with_those_that_there_are(lab: Lab) -> None:
    refused = lab.run("playbooks/workload.yml", "--extra-vars", "workload_name=gestbook")
    assert refused.code != 0
    assert "workload_name is gestbook" in refused.output
    assert "expected one of envoy, guestbook, hello," in " ".join(refused.output.split())
    assert "changed=0" in refused.output
