# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The tables of report.html: rows of a result, chosen and ranked, still without markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

from .expectation import duration, percent

Json = dict[str, Any]
MOST_OUTAGES = 200
OPEN_OUTAGES = 12  # the longest are in sight, the others folded away
# name, figure -> value, value -> text, whether more is better
CONTRAST: tuple[tuple[str, Callable[[Json], Any], Callable[[Any], str], bool], ...] = (
    ("availability over the plan", lambda f: f["availability"]["planned"]["percent"], percent, True),
    ("availability over time", lambda f: f["availability"]["time"]["percent"], percent, True),
    ("requests failed", lambda f: f["failed"], lambda value: f"{value:,}", False),
    ("outages", lambda f: f["outages"]["count"], lambda value: f"{value:,}", False),
    ("longest outage", lambda f: f["outages"]["longest_s"], lambda value: duration(value) if value else "none", False),
    ("all outages", lambda f: f["outages"]["total_s"], lambda value: duration(value) if value else "none", False),
    ("latency p50", lambda f: f["latency_ms"]["p50"], lambda value: duration(value / 1000), False),
    ("latency p99", lambda f: f["latency_ms"]["p99"], lambda value: duration(value / 1000), False),
    ("slowest answer", lambda f: f["latency_ms"]["max"], lambda value: duration(value / 1000), False),
)
SAME = 0.02  # latencies closer than this are not called better or worse


def contrast_rows(variants: Sequence[Json]) -> list[Json]:
    """One row a figure, one cell a variant: {text, width of its bar in percent, rank: best, worst or ""}.

    Empty with fewer than two variants. Only a real difference gets a rank.
    """
    if len(variants) < 2:
        return []
    rows = []
    for name, pick, show, more in CONTRAST:
        values = [pick(variant["figures"]) for variant in variants]
        known = [value for value in values if value is not None]
        cells = [
            {
                "text": "no data" if value is None else show(value),
                "width": _width(value, known),
                "rank": _rank(value, known, more, exact=not name.startswith(("latency", "slowest"))),
            }
            for value in values
        ]
        rows.append({"name": name, "cells": cells})
    return rows


def _width(value: float | None, known: Sequence[float]) -> float:
    most = max(known, default=0)
    return round(100.0 * value / most, 1) if value and most else 0.0


def _rank(value: float | None, known: Sequence[float], more: bool, exact: bool) -> str:
    if value is None or len(known) < 2:
        return ""
    low, high = min(known), max(known)
    if high == low or (not exact and high - low <= SAME * high):
        return ""
    if value == (high if more else low):
        return "best"
    return "worst" if value == (low if more else high) else ""


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
