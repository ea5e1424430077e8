# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The share of a month's error budget that a run used: how often a month can such a rollout be afforded?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
MONTH_S = 30 * 86_400


class BudgetError(ValueError):
    """A level that leaves no budget, or none at all; the text names the option."""


@dataclass(frozen=True)
class ServiceLevel:
    """slo_percent: of the requests, or of the time, that must be good. monthly_requests: None counts by time."""

    slo_percent: float = 99.9
    monthly_requests: int | None = None

    def __post_init__(self) -> None:
        """Raises BudgetError."""
        if not 0 < self.slo_percent < 100:
            raise BudgetError(f"slo is {self.slo_percent:g}, expected a percentage above 0 and below 100")
        if self.monthly_requests is not None and self.monthly_requests < 1:
            raise BudgetError(f"monthly_requests is {self.monthly_requests}, expected 1 or more")


MONTHLY = ServiceLevel()


def error_budget(figure: Json, level: ServiceLevel) -> Json | None:
    """{slo_percent, unit, used, allowed, used_percent, rollouts_a_month}; None where nothing was measured.

    By time (unit s): the share of the 100 ms buckets with a failure, of the run's length, against the month's allowed
    downtime. By requests: this run's failed requests as they are, which holds where the probe's load is the service's.
    rollouts_a_month: how many such runs a month allows, None when this one used nothing.
    """
    over_time = figure["availability"]["time"]
    if level.monthly_requests is not None:
        if not figure["ok"] + figure["failed"]:
            return None
        unit, used, of = "requests", float(figure["failed"]), float(level.monthly_requests)
    elif not over_time["of"]:
        return None
    else:
        unit, of = "s", float(MONTH_S)
        used = (1 - over_time["good"] / over_time["of"]) * figure["duration_s"]
    allowed = of * (100 - level.slo_percent) / 100
    return {
        "slo_percent": level.slo_percent,
        "unit": unit,
        "used": round(used, 6),
        "allowed": round(allowed, 6),
        "used_percent": round(100 * used / allowed, 6),
        "rollouts_a_month": int(allowed / used + 1e-9) if used else None,
    }
