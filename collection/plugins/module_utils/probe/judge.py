# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The verdict of one objective on a record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .measured import Scope, Value, figures_of, value_of
from .metric import BROWNOUT, INTERVAL, NUMBER, metric_of
from .objective import Objective, in_words

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"


def judge(objective: Objective, record: Mapping[str, Any], scope: Scope | None = None) -> dict[str, Any]:
    """One entry of the record's `objectives`; `scope` overrides the objective's own (a lane's verdict).

    The objective must hold at the value's worst and at its best; between them nobody knows.
    """
    metric, scope = objective.metric, scope or objective.scope
    figures = figures_of(record, scope)
    where = f"{{{scope[0]}={scope[1]}}}" if scope else ""
    value = None if figures is None else value_of(metric, record, scope, figures)
    limit = f"{objective.operator} {in_words(objective.limit)}{objective.unit}"
    if value is None or figures is None:
        verdict, reason = INCONCLUSIVE, f"{metric}{where} was not measured"
    elif objective.holds(value.worst) and objective.holds(value.best):
        verdict, reason = PASS, ""
    elif not objective.holds(value.worst) and not objective.holds(value.best):
        verdict = FAIL
        said = f"is {in_words(value.best)}{objective.unit}"
        if math.isinf(value.best):
            said = f"was not reached by any answer, as {figures['failed']} of {figures['due']} requests failed"
        reason = f"{metric}{where} {said}, expected {limit}"
    else:
        verdict = INCONCLUSIVE
        reason = f"{metric}{where} {_doubt(objective, figures, value)}, expected {limit}"
    return {
        "text": objective.text,
        "metric": metric,
        "scope": {} if scope is None else {scope[0]: scope[1]},
        "operator": objective.operator,
        "limit": objective.limit,
        "unit": objective.unit,
        "value": None if value is None else value.likeliest,
        "samples": 0 if figures is None else figures["due"],
        "verdict": verdict,
        "reason": reason,
    }


def _doubt(objective: Objective, figures: Mapping[str, Any], value: Value) -> str:
    known = metric_of(objective.metric)
    best, worst = in_words(value.best), in_words(value.worst)
    if figures.get("nameless"):
        return f"depends on {figures['nameless']} failed requests that name nobody"
    if known is not None and known.kind in (INTERVAL, BROWNOUT):
        return f"is between {best}s and {worst}s, as far as requests can tell"
    if known is not None and known.kind == NUMBER:
        return f"is between {best} and {worst}, as far as merged records can tell"
    return f"depends on {figures['not_sent']} requests that were not sent"
