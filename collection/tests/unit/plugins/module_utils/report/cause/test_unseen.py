# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Situations that were written, with their right answers, before any rule was held against them (docs/causes.md).

Variations of those that were named wrongly, and a second set, came after.
"""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen import (
    clients_and_records,
    nodes_and_containers,
    releases,
    second_set_of_pods,
    second_set_of_services,
    services,
    variations_of_pods,
    variations_of_services,
)
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.unseen.situation import (
    ALL,
    Situation,
    judge,
)

ROOMS = (
    nodes_and_containers,
    releases,
    services,
    clients_and_records,
    variations_of_pods,
    variations_of_services,
    second_set_of_pods,
    second_set_of_services,
)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_the_right_cause_is_named(one: Situation) -> None:
    judged = judge(one)
    assert judged.verdict == "right", f"{one.story}: {judged.named}"
