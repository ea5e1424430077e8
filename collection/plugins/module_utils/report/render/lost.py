# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The lost requests of each variant by what lost them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .page_rows import cause_rows

Json = dict[str, Any]
NOT_EXPLAINED = "not explained"


def lost_by_cause(variants: Sequence[Json]) -> dict[str, dict[str, int]]:
    """Variant -> cause -> requests, the costliest first; by outcome where the cluster was not recorded.

    The counts of a variant add up to all its requests that got no good answer; one that lost nothing has none.
    """
    found: dict[str, dict[str, int]] = {}
    for variant in variants:
        figures = variant["figures"]
        lost = figures["attempts"] - figures["ok"]
        rows = {row["title"]: row["requests_lost"] for row in cause_rows([variant]) if row["requests_lost"]}
        if not any(phase["explained"] for phase in variant["phases"]):
            rows = {row["name"]: row["count"] for row in figures["outcomes"] if row["name"] != "ok"}
        if left := lost - sum(rows.values()):
            rows[NOT_EXPLAINED] = left
        found[variant["name"]] = rows if lost else {}
    return found
