# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The result over time as CSV: one row a step of each variant, for a spreadsheet or a notebook."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone
from typing import Any

Json = dict[str, Any]


def render(result: Json) -> str:
    """Return the text. Columns: variant, time (UTC), t_s, due, an outcome each, p50_ms, p99_ms, max_ms, a version each.

    The same columns for every variant; an empty latency is a step without an answer.
    """
    variants = result["variants"]
    outcomes = _names(variants, "outcomes")
    versions = _names(variants, "versions")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["variant", "time", "t_s", "due", *outcomes, "p50_ms", "p99_ms", "max_ms"]
        + [f"version:{name}" for name in versions]
    )
    for variant in variants:
        series = variant["over_time"]
        for i, t_s in enumerate(series["t_s"]):
            at = datetime.fromtimestamp(series["started_unix_ns"] / 1e9 + t_s, timezone.utc)
            latencies = [series[name][i] for name in ("p50_ms", "p99_ms", "max_ms")]
            writer.writerow(
                [variant["name"], at.isoformat(timespec="milliseconds"), f"{t_s:g}", series["due"][i]]
                + [series["outcomes"][name][i] if name in series["outcomes"] else 0 for name in outcomes]
                + ["" if value is None else f"{value:g}" for value in latencies]
                + [series["versions"][name][i] if name in series["versions"] else 0 for name in versions]
            )
    return text.getvalue()


def _names(variants: list[Json], what: str) -> list[str]:
    names = {name for variant in variants for name in variant["over_time"][what]}
    return sorted(names, key=lambda name: (name != "ok", name))
