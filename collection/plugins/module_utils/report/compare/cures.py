# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Variants that repeat another one with the advised change: did it help?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..figures.quantities import duration
from ..read.probe_record import Run
from .proof import proof

Json = dict[str, Any]


class CureError(ValueError):
    """A cure of a variant that is not there; the text says which ones are."""


def proofs(runs: Sequence[Run]) -> list[Json]:
    """Each cure as {variant, cure_of} and what proof() says of it. Raises CureError."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.variant, []).append(run)
    cures = {run.variant: run.cure_of for run in runs if run.cure_of}
    for variant, cured in cures.items():
        if cured == variant or cured not in groups:
            others = ", ".join(name for name in groups if name != variant) or "none"
            raise CureError(
                f"cure_of: {variant} is said to cure {cured}, expected another variant of this run: {others}"
            )
    return [
        {
            "variant": variant,
            "cure_of": cured,
            **proof(disturbances(groups[cured]), disturbances(groups[variant])),
        }
        for variant, cured in cures.items()
    ]


def disturbances(runs: Sequence[Run]) -> list[list[Mapping[str, Any]]]:
    """The probe records of each disturbance, the first one first.

    Probes of one phase, or that watched at the same time, saw the same one: what befell one befell the others.
    """
    phases: dict[str, list[Run]] = {}
    for run in runs:
        phases.setdefault(run.phase, []).append(run)
    found: list[list[Run]] = []
    ended_ns = 0
    for members in sorted(phases.values(), key=lambda some: min(run.started_ns for run in some)):
        if found and min(run.started_ns for run in members) < ended_ns:
            found[-1] += members
        else:
            found.append(list(members))
        ended_ns = max(ended_ns, *(run.ended_ns for run in members))
    return [[run.probe for run in members] for members in found]


def proof_table(found: Sequence[Json]) -> tuple[str, list[str], list[list[str]], list[str]]:
    """Title, header, rows and notes."""
    rows = [
        [
            f"{one['cure_of']} → {one['variant']}",
            _side(one["before"]),
            _side(one["after"]),
            "no data" if one["difference"] is None else f"{100 * one['difference']:+.2f}",
            one["verdict"] if one["p_value"] is None else f"{one['verdict']} (p = {one['p_value']:.3f})",
        ]
        for one in found
    ]
    notes = [_runs(one) for one in found]
    notes += [f"{one['variant']}: {one['reason']}" for one in found if one["reason"]]
    if any(one["reason"] for one in found):
        notes.append(
            "make the runs in pairs, one without and one with the change in turn, each with its own disturbance"
        )
    notes.append(
        "difference in percentage points of the requests, mean over runs; p of a permutation test over runs: failures "
        "cluster, so a run is one observation, however long its outage"
    )
    return "Did the change help", ["change", "failed before", "failed after", "difference", "verdict"], rows, notes


def _side(side: Json) -> str:
    return f"{side['failed']:,} of {side['due']:,}"


def _runs(one: Json) -> str:
    before, after = (
        f"{side['runs']} {'run' if side['runs'] == 1 else 'runs'} {word} it"
        + (
            ""
            if side["without_service_s"] is None
            else f", {duration(side['without_service_s'])} without service in each"
        )
        for side, word in ((one["before"], "without"), (one["after"], "with"))
    )
    return f"{one['variant']}: {before}; {after}"
