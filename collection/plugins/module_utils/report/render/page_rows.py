# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The tables of report.html: rows of a result, chosen and ranked, still without markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
MOST_OUTAGES = 200
OPEN_OUTAGES = 12  # the longest are in sight, the others folded away


def latency_rows(variants: Sequence[Json]) -> list[Json]:
    """Percentiles of each variant, and of its phases where there are several."""
    rows = []
    for variant in variants:
        rows.append({"kind": "whole", "name": variant["name"], "latency": variant["figures"]["latency_ms"]})
        if len(variant["phases"]) > 1:
            rows += [
                {"kind": "part", "name": phase["name"], "latency": phase["figures"]["latency_ms"]}
                for phase in variant["phases"]
            ]
    return rows


def phase_rows(variants: Sequence[Json]) -> list[Json]:
    """Counts and the three availabilities of each variant and of its phases."""
    rows = []
    for variant in variants:
        rows.append({"kind": "whole", "name": variant["name"], "f": variant["figures"], "verdict": variant["verdict"]})
        if len(variant["phases"]) > 1:
            rows += [
                # a phase that was cut out of a record has no verdict of its own
                {
                    "kind": "part",
                    "name": phase["name"],
                    "f": phase["figures"],
                    "verdict": "" if variant["recovery"] else phase["verdict"],
                }
                for phase in variant["phases"]
            ]
    return rows


def objective_rows(variants: Sequence[Json]) -> list[Json]:
    """Each objective of each probe, and where it was set."""
    return [
        {**one, "where": f"{variant['name']}, {phase['name']}"}
        for variant in variants
        for phase in variant["phases"]
        for one in phase["objectives"]
    ]


def outage_rows(variants: Sequence[Json]) -> tuple[list[Json], int]:
    """The longest outages in the order of time, with the seconds of their variant's axis; and how many
    are left out. All but the OPEN_OUTAGES longest are `folded`."""
    rows = [
        {
            **one,
            "variant": variant["name"],
            "variant_index": index,
            "phase": phase["name"],
            "axis_start_ns": variant["over_time"]["started_unix_ns"],
            "from_s": round((one["first_bad_unix_ns"] - variant["over_time"]["started_unix_ns"]) / 1e9, 3),
            "to_s": round((one["end_unix_ns"] - variant["over_time"]["started_unix_ns"]) / 1e9, 3),
        }
        for index, variant in enumerate(variants)
        for phase in variant["phases"]
        for one in phase["outages"]
    ]
    hidden = sum(phase["outages_not_listed"] for variant in variants for phase in variant["phases"])
    kept = sorted(rows, key=lambda row: (row["isolated"], row["kind"] == "stall", -row["length_s"]))[:MOST_OUTAGES]
    for place, row in enumerate(kept):
        row["folded"] = place >= OPEN_OUTAGES
    kept.sort(key=lambda row: (row["variant_index"], row["first_bad_unix_ns"]))
    return kept, len(rows) - len(kept) + hidden


def cause_rows(variants: Sequence[Json]) -> list[Json]:
    """What broke how many requests, by variant: the costliest first, with what to change."""
    rows = []
    for variant in variants:
        sums: dict[str, Json] = {}
        for phase in variant["phases"]:
            for explained in phase["explained"]:
                for one in explained["causes"]:
                    row = sums.setdefault(one["id"], {**one, "requests_lost": 0, "failures": 0})
                    row["requests_lost"] += one["requests_lost"]
                    row["failures"] += one["failures"]
        total = sum(row["requests_lost"] for row in sums.values())
        for row in sorted(sums.values(), key=lambda row: -row["requests_lost"]):
            share = 100.0 * row["requests_lost"] / total if total else 0.0
            rows.append({**row, "variant": variant["name"], "share_percent": share})
    return rows


def race_rows(variants: Sequence[Json]) -> list[Json]:
    """How long deleted pods were still sent requests, one entry for each probe that saw any."""
    return [
        {"variant": variant["name"], "race": explained["race"]}
        for variant in variants
        for phase in variant["phases"]
        for explained in phase["explained"]
        if explained["race"]["pods"]
    ]


def explanation_notes(variants: Sequence[Json]) -> list[str]:
    """What limits the explanations, each said once."""
    notes = {
        f"{variant['name']}: {note}": None
        for variant in variants
        for phase in variant["phases"]
        for explained in phase["explained"]
        for note in explained["notes"]
    }
    return list(notes)
