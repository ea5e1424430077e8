# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which objectives can end a probe early, and when one is out of reach."""

from __future__ import annotations

from .histogram import Histogram
from .metric import METRICS, metric_of, percent_of
from .objective import Objective, in_words


def can_abort(objective: Objective) -> str:
    """Why `out_of_reach` can never tell anything about the objective; "" when it can."""
    known = metric_of(objective.metric)
    if known is None or not known.aborts or (objective.scope is not None and objective.scope[0] != "lane"):
        names = ", ".join(name for name, metric in METRICS.items() if metric.aborts)
        return f"cannot be decided before the end; expected a percentile or one of {names}, of all or of a lane"
    wrong = ("<", "<=") if known.more_is_better else (">", ">=")
    if objective.operator in wrong:
        return f"is what must not be; expected what must hold, such as {'>=' if known.more_is_better else '<='}"
    return ""


def out_of_reach(
    objective: Objective, planned: int | None, failed: int, latency: Histogram, outage_s: tuple[float, float]
) -> str:
    """Why the objective can no longer be met, whatever the rest of the plan brings; "" while it can.

    `planned` is the number of requests in the plan, None when only time ends it; `outage_s` are the longest outage
    (with the one that goes on) and the sum of all, each as short as it can be.
    """
    metric, upper = objective.metric, objective.operator in ("<", "<=")
    value = {
        "longest_outage": outage_s[0],
        "total_outage": outage_s[1],
        "failed": float(failed),
        "error_rate": 100.0 * failed / planned if planned else None,
    }.get(metric)
    reason = ""
    if value is not None and (upper or objective.operator == "=="):
        # These only grow: at the limit of `<`, or beyond any limit, there is no way back.
        if value > objective.limit or (value == objective.limit and objective.operator == "<"):
            reason = f"{metric} is {in_words(value)}{objective.unit} already"
    elif planned and metric == "availability" and objective.operator in (">", ">=", "=="):
        best = 100.0 * (planned - failed) / planned
        if not objective.holds(best) and best < 100.0:
            reason = f"at most {in_words(best)} % of the plan can still succeed"
    elif planned and upper and metric.startswith("p"):
        slow = latency.above(int(objective.limit * 1e6))
        if slow > planned * (100.0 - (percent_of(metric) or 100.0)) / 100.0:
            reason = f"{slow} of {planned} requests took more than {in_words(objective.limit)} ms already"
    return reason
