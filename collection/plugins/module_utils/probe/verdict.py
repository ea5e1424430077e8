# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The verdict over a whole record: its objectives, what was not measured, and what the probe doubts about itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .judge import FAIL, INCONCLUSIVE, PASS, judge
from .objective import parse_objective


def judge_record(
    record: dict[str, Any], texts: Iterable[str], *, gaps: Iterable[str] = (), extra: Iterable[str] = ()
) -> None:
    """Put objectives, verdicts and reasons into the record. Raises ObjectiveError.

    `gaps` are reasons that forbid a pass, beside those that the record shows; `extra` are reasons for a fail.
    """
    objectives = [parse_objective("objectives", text) for text in texts]
    record["objectives"] = [judge(objective, record) for objective in objectives]
    doubts = list(record["self_check"]["reasons"])
    totals, missing = record["totals"], []
    if totals["due"] != totals["completed"] + totals["failed"] + totals["not_sent"]:
        doubts.append(f"{totals['due']} requests were due, but not each has one outcome")
    if not totals["sent"]:
        missing.append("nothing was measured")
    if totals["not_sent"]:
        missing.append(f"{totals['not_sent']} requests of the plan were not sent, or not watched")
    missing += gaps
    shared = record["outages"]["control_failed"]
    if shared:
        doubts.append(f"the control target failed during {shared} of the outages: the fault may be on this side")
    for name, lane in record["lanes"].items():
        judged = [judge(o, record, ("lane", name)) for o in objectives if o.scope in (None, ("lane", name))]
        lane["verdict"], lane["reasons"] = _verdict(judged, doubts, missing, [])
    record["verdict"], record["reasons"] = _verdict(record["objectives"], doubts, missing, list(extra))
    brown = record.get("brownouts")
    if record["verdict"] == PASS and brown and brown["count"] and not any("brownout" in o.metric for o in objectives):
        record["reasons"].append(f"no objective is about brown-outs; the longest took {brown['longest_s']:.1f} s")


def _verdict(
    objectives: Sequence[dict[str, Any]], doubts: list[str], gaps: list[str], extra: list[str]
) -> tuple[str, list[str]]:
    """`doubts` about the probe itself make any verdict inconclusive; `gaps` in what was measured only forbid a pass."""
    failed = [entry["reason"] for entry in objectives if entry["verdict"] == FAIL] + extra
    unsure = gaps + [entry["reason"] for entry in objectives if entry["verdict"] == INCONCLUSIVE]
    if doubts or (unsure and not failed):
        return INCONCLUSIVE, doubts + failed + unsure
    if failed:
        return FAIL, failed + unsure
    return PASS, [] if objectives else ["no objective was set"]
