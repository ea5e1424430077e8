# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Join the records of a scenario run into its result: figures, expectations, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from . import expectation
from .cause.explain import TITLES
from .cause.risk_sheet import Risk
from .compare.cures import proofs
from .figures.cluster_lanes import most_replicas
from .figures.cost import costs
from .figures.error_budget import MONTHLY, ServiceLevel
from .figures.figures import expectation_values, figures
from .figures.over_time import OverTime, step_for
from .figures.phases import DURING, Cut, cut
from .figures.recovery import NOT_DISTURBED
from .figures.settings_effects import settings_effects, settings_of
from .figures.verdict import worst
from .figures.writes import COUNTS, NOT_STORED, added
from .read.probe_record import Run
from .read.result_record import KIND, SCHEMA_VERSION

OVER_TIME_ROWS = 600
Json = dict[str, Any]


def build(
    scenario: str,
    title: str,
    runs: Sequence[Run],
    expected: Sequence[expectation.Expectation],
    marks: Mapping[str, Sequence[Json]],
    *,
    level: ServiceLevel = MONTHLY,
    views: Mapping[str, Json] | None = None,
    risks: Mapping[str, Sequence[Risk]] | None = None,
    failures: Sequence[str] = (),
) -> Json:
    """Return the result record (docs/result.schema.json) of the runs, in the order they are given.

    marks: variant -> what happened to the service, {at_unix_ns, source, name}, in order of time. level: what the
    error budget is left by. views: variant -> cluster_view, and risks: variant -> risk_sheet, where the cluster was
    recorded. failures: what could not be done, which makes the run a fail, whatever was measured.
    The same records always give the same result. Raises PhaseError, SettingsError, CureError.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.variant, []).append(run)
    variants = [
        {
            **_variant(name, members, marks.get(name, []), level),
            "replicas_max": _replicas(members, (views or {}).get(name)),
            "risks": None if (sheet := (risks or {}).get(name)) is None else [asdict(one) for one in sheet],
        }
        for name, members in groups.items()
    ]
    values = {
        variant["name"]: {
            expectation.ALL: {**expectation_values(variant["figures"]), **_values_of_variant(variant)},
            **{phase["name"]: expectation_values(phase["figures"]) for phase in variant["phases"]},
        }
        for variant in variants
    }
    gaps = {variant["name"]: _gaps(variant) for variant in variants}
    checked = [row for one in expected for row in expectation.check(one, values, gaps)]
    verdict, reasons = _verdict(variants, checked, failures)
    return {
        "record": KIND,
        "schema_version": SCHEMA_VERSION,
        "scenario": scenario,
        "title": title,
        "started_unix_ns": min(run.started_ns for run in runs),
        "ended_unix_ns": max(run.ended_ns for run in runs),
        "verdict": verdict,
        "reasons": reasons,
        "expectations": checked,
        "settings_effects": settings_effects(variants),
        "proofs": proofs(runs),
        "variants": variants,
    }


def _variant(name: str, runs: Sequence[Run], marks: Sequence[Json], level: ServiceLevel) -> Json:
    phases: dict[str, list[Run]] = {}
    for run in runs:
        phases.setdefault(DURING if run.window else run.phase, []).append(run)
    rows = [_phase(phase, members) for phase, members in phases.items()]
    found = cut(runs)
    recovery = found.recovery.to_result() if found else None
    total = {**figures(runs), "time_to_recovery_s": recovery["time_to_recovery_s"] if recovery else None}
    span_s = (max(run.ended_ns for run in runs) - min(run.started_ns for run in runs)) / 1e9
    return {
        "name": name,
        "verdict": worst([row["verdict"] for row in rows]),
        "reasons": [f"{row['name']}: {reason}" for row in rows for reason in row["reasons"]],
        "figures": total,
        "phases": [one for row in rows for one in (_cut_phases(row, found) if found else [row])],
        "settings": settings_of(name, [run.settings for run in runs]),
        "recovery": recovery,
        "writes": added([run.writes for run in runs if run.writes]),
        **costs(runs, total, level),
        "marks": list(marks),
        "over_time": OverTime(runs).at(max(1, step_for(span_s, OVER_TIME_ROWS))),
    }


def _replicas(runs: Sequence[Run], view: Json | None) -> int | None:
    """The most ready replicas of one workload while it was measured; None where the cluster was not recorded."""
    if view is None:
        return None
    return most_replicas(view, min(run.started_ns for run in runs), max(run.ended_ns for run in runs))


def _values_of_variant(variant: Json) -> dict[str, float | None]:
    """Figures that a variant has and its phases have not."""
    writes = variant["writes"] or dict.fromkeys(COUNTS)
    return {
        "time_to_recovery": variant["figures"]["time_to_recovery_s"],
        "replicas_max": variant["replicas_max"],
        **{f"writes_{name}": writes[name] for name in COUNTS},
        **_values_of_causes(variant),
        "error_budget": variant["error_budget"] and variant["error_budget"]["used_percent"],
        "availability_with_retry": variant["one_retry"] and variant["one_retry"]["availability_percent"],
    }


def _values_of_causes(variant: Json) -> dict[str, float | None]:
    """Requests lost to each cause, and the share of those whose cause has a name."""
    explained = [one for phase in variant["phases"] for one in phase["explained"]]
    lost: dict[str, float | None] = {f"lost_to_{cause}": 0 if explained else None for cause in TITLES}
    for one in explained:
        for cause in one["causes"]:
            key = f"lost_to_{cause['id']}"
            lost[key] = (lost[key] or 0) + cause["requests_lost"]
    failed = sum(one["failed_requests"] for one in explained)
    unknown = sum(one["unknown_requests"] for one in explained)
    return {**lost, "explained": round(100.0 * (failed - unknown) / failed, 9) if failed else None}


def _gaps(variant: Json) -> dict[str, str]:
    """Why such a figure has no data."""
    return {
        "time_to_recovery": variant["recovery"]["text"] if variant["recovery"] else NOT_DISTURBED,
        "replicas_max": "no data: the cluster was not recorded",
        "explained": "no data: no request failed, or the cluster was not recorded",
        **{f"lost_to_{cause}": "no data: the cluster was not recorded" for cause in TITLES},
        **{f"writes_{name}": NOT_STORED for name in COUNTS},
    }


def _cut_phases(whole: Json, found: Cut) -> list[Json]:
    """The phases of a disturbed measurement.

    What was judged or explained over all of it (objectives, reasons, causes) stands with `during`, or with the first
    phase where nothing was due during the disturbance; the others carry `judged: false`.
    """
    if whole["name"] != DURING or not found.parts:
        return [whole]
    judged = DURING if DURING in found.parts else next(iter(found.parts))
    return [
        {
            **whole,
            **(_NOT_JUDGED | {"verdict": _measured(whole["verdict"])} if name != judged else {}),
            "name": name,
            "started_unix_ns": min(part.run.started_ns for part in parts),
            "ended_unix_ns": max(part.run.ended_ns for part in parts),
            "figures": figures([part.run for part in parts]),
            "outages": [_outage(part.whole, one) for part in parts for one in part.outages],
        }
        for name, parts in found.parts.items()
    ]


_NOT_JUDGED: Json = {"judged": False, "reasons": [], "objectives": [], "outages_not_listed": 0, "explained": []}


def _measured(verdict: str) -> str:
    """The verdict of a phase that was not judged: whether its figures can be trusted."""
    return "inconclusive" if verdict == "inconclusive" else "pass"


def _phase(name: str, runs: Sequence[Run]) -> Json:
    total = figures(runs)
    verdicts = [str(run.probe["verdict"]) for run in runs]
    reasons = [reason for run in runs for reason in run.probe["reasons"]]
    for run in runs:
        if not run.probe["complete"]:
            verdicts.append("inconclusive")
            reasons.append(
                f"the probe ended before its plan (stopped by {run.probe['stopped_by']}): "
                f"{run.probe['totals']['due']} requests were due until then"
            )
        if run.doubts:
            verdicts.append("inconclusive")
            reasons.extend(run.doubts)
    if total["attempts"] == 0:
        verdicts.append("inconclusive")
        reasons.append("no request was due: no data is never a pass")
    return {
        "name": name,
        "judged": True,
        "verdict": worst(verdicts),
        "reasons": reasons,
        "started_unix_ns": min(run.started_ns for run in runs),
        "ended_unix_ns": max(run.ended_ns for run in runs),
        "figures": total,
        "objectives": [_objective(one) for run in runs for one in run.probe["objectives"]],
        "outages": [_outage(run, one) for run in runs for one in run.probe["outages"]["list"]],
        "outages_not_listed": sum(run.probe["outages"]["list_truncated"] for run in runs),
        "explained": [_explained(run.explained) for run in runs if run.explained],
        "probes": [_probe(run) for run in runs],
    }


def _objective(one: Json) -> Json:
    return {key: one[key] for key in ("text", "value", "unit", "samples", "verdict", "reason")}


def _outage(run: Run, one: Json) -> Json:
    """An outage on the wall clock, so that phases, probes and the cluster's changes share one axis."""

    def wall(key: str) -> int | None:
        return None if one[key] is None else run.started_ns + int(one[key] * 1e9)

    return {
        "lane": one["lane"],
        "kind": one["kind"],
        "isolated": one["isolated"],
        "last_good_unix_ns": wall("last_good_s"),
        "first_bad_unix_ns": wall("first_bad_s"),
        "last_bad_unix_ns": wall("last_bad_s"),
        "next_good_unix_ns": wall("next_good_s"),
        "end_unix_ns": wall("end_s"),
        "length_s": one["length_s"],
        "resolution_s": one["resolution_s"],
        "requests_lost": one["requests_lost"],
        "requests_slow": one["requests_slow"],
        "outcomes": one["outcomes"],
        "first_outcome": one["first_outcome"],
        "first_error": one["first_error"],
        "client_side": one["control_failed"],
        "cause": _cause(run, one, wall("first_bad_s")),
    }


def _cause(run: Run, one: Json, first_bad_ns: int | None) -> Json | None:
    """The cause that was found for most of an outage; None where the cluster was not recorded."""
    parts = [
        failure
        for failure in (run.explained["failures"] if run.explained else ())
        if failure["outage_unix_ns"] == first_bad_ns
        and (failure["lane"], failure["target"]) == (one["lane"], str(one.get("target") or ""))
    ]
    if not parts:
        return None
    cause: Json = max(parts, key=lambda failure: int(failure["requests_lost"]))["cause"]
    return cause


def _explained(explained: Mapping[str, Any]) -> Json:
    """The sums of an explanation; its failures stand with the outages."""
    return {key: value for key, value in explained.items() if key != "failures"}


def _probe(run: Run) -> Json:
    probe = run.probe
    return {
        "record": run.path,
        "name": probe.get("name", ""),
        "host": probe.get("vantage", {}).get("host", ""),
        "engine": probe.get("engine", {}).get("name", ""),
        "note": probe.get("options", {}).get("note", ""),
        "elapsed_s": probe["elapsed_s"],
        "complete": probe["complete"],
        "stopped_by": probe["stopped_by"],
        "self_check_ok": probe["self_check"].get("ok"),
        "verdict": probe["verdict"],
    }


def _verdict(variants: Sequence[Json], checked: Sequence[Json], failures: Sequence[str]) -> tuple[str, list[str]]:
    """The verdict of the whole run.

    A broken expectation of a variant whose measurement is inconclusive is itself inconclusive: the client may
    have caused it.
    """
    verdicts = [variant["verdict"] for variant in variants] + ["fail" for _failure in failures]
    reasons = list(failures)
    reasons += [f"{variant['name']}: {reason}" for variant in variants for reason in variant["reasons"]]
    unsure = {variant["name"] for variant in variants if variant["verdict"] == "inconclusive"}
    for row in checked:
        if not row["ok"]:
            verdicts.append("inconclusive" if row["variant"] in unsure else "fail")
            reasons.append(f"expected {row['what']}, found {row['found']} ({row['variant']})")
    return worst(verdicts), reasons
