# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Variants that repeat another one with the advised change: did it help?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .cause.proof import proof
from .probe_record import Run

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
            **proof([run.probe for run in groups[cured]], [run.probe for run in groups[variant]]),
        }
        for variant, cured in cures.items()
    ]


def proof_table(found: Sequence[Json]) -> tuple[str, list[str], list[list[str]], list[str]]:
    """Title, header, rows and notes."""
    rows = [
        [
            f"{one['cure_of']} → {one['variant']}",
            _side(one["before"]),
            _side(one["after"]),
            _difference(one),
            one["verdict"] if one["p_value"] is None else f"{one['verdict']} (p = {one['p_value']:.3f})",
        ]
        for one in found
    ]
    notes = [f"{one['variant']}: {one['reason']}" for one in found if one["reason"]]
    if any(one["verdict"] == "no evidence" and one["difference"] for one in found):
        notes.append("no evidence: the failures came in too few blocks of 5 s to tell; repeat both in turns")
    notes.append(
        "difference in percentage points of the requests, with its 95 % interval; p of a permutation test; both over "
        "blocks of 5 s: failures cluster"
    )
    return "Did the change help", ["change", "failed before", "failed after", "difference", "verdict"], rows, notes


def _side(side: Json) -> str:
    return f"{side['failed']:,} of {side['due']:,}"


def _difference(one: Json) -> str:
    if one["difference"] is None:
        return "no data"
    return f"{100 * one['difference']:+.2f} ({100 * one['low']:+.2f} to {100 * one['high']:+.2f})"
