# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The share of a month's budget, by time and by requests."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.error_budget import (
    BudgetError,
    ServiceLevel,
    error_budget,
)


def figure(good: int = 580, of: int = 600, failed: int = 40, ok: int = 1160) -> dict[str, Any]:
    """One minute in buckets of 100 ms."""
    return {"availability": {"time": {"good": good, "of": of}}, "duration_s": 60.0, "failed": failed, "ok": ok}


def test_by_time_the_failing_buckets_are_downtime() -> None:
    found = error_budget(figure(), ServiceLevel())
    assert found == {
        "slo_percent": 99.9,
        "unit": "s",
        "used": 2.0,
        "allowed": 2592.0,  # 43.2 minutes in 30 days
        "used_percent": pytest.approx(0.07716, abs=1e-5),
        "rollouts_a_month": 1296,
    }


def test_by_requests_the_failed_ones_count_as_they_are() -> None:
    found = error_budget(figure(), ServiceLevel(99.0, 10_000))
    assert found is not None
    assert (found["unit"], found["used"], found["allowed"]) == ("requests", 40, 100)
    assert (found["used_percent"], found["rollouts_a_month"]) == (40.0, 2)


def test_a_run_without_a_failure_uses_nothing() -> None:
    for objective in (ServiceLevel(), ServiceLevel(99.9, 1000)):
        found = error_budget(figure(600, 600, 0, 1200), objective)
        assert found is not None
        assert (found["used"], found["rollouts_a_month"]) == (0, None)


def test_no_data_uses_no_unknown_share() -> None:
    assert error_budget(figure(0, 0, 0, 0), ServiceLevel()) is None
    assert error_budget(figure(0, 0, 0, 0), ServiceLevel(99.9, 1000)) is None


@pytest.mark.parametrize("slo", [0, 100, -1, 101, float("nan")])
def test_an_objective_that_leaves_no_budget(slo: float) -> None:
    with pytest.raises(BudgetError, match=r"slo is .*, expected a percentage above 0 and below 100"):
        ServiceLevel(slo)


def test_a_month_without_requests() -> None:
    with pytest.raises(BudgetError, match="monthly_requests is 0, expected 1 or more"):
        ServiceLevel(99.9, 0)
