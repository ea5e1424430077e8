# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The tables that only some results have, as cells of text: the terminal, Markdown and the page show the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..compare.cures import proof_table
from ..figures.cost import cost_table
from ..figures.figures import outages_known
from ..figures.quantities import duration, percent
from ..figures.writes import COUNTS

Json = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """A table with its notes. The first column is text, the others are figures."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def sections(result: Json) -> list[Section]:
    """The tables of a result, in the order in which they are shown."""
    found = [_phases(result["variants"]), _writes(result["variants"])]
    found += [Section(*cost_table(result["variants"])), Section(*proof_table(result["proofs"]))]
    found += [_effect(one) for one in result["settings_effects"]]
    return [one for one in found if one.rows]


def _phases(variants: Sequence[Json]) -> Section:
    """The phases of the variants that have several."""
    rows = []
    for variant in variants:
        for phase in variant["phases"] if len(variant["phases"]) > 1 else ():
            figure = phase["figures"]
            rows.append(
                [
                    _named(variants, variant, phase["name"]),
                    duration((phase["started_unix_ns"] - variant["over_time"]["started_unix_ns"]) / 1e9),
                    duration(figure["duration_s"]),
                    f"{figure['attempts']:,}",
                    f"{figure['failed']:,}",
                    f"{figure['not_sent']:,}",
                    _percent(figure["availability"]["planned"]["percent"]),
                    milliseconds(figure["latency_ms"]["p99"]),
                    outage(figure),
                ]
            )
    header = ["phase", "from", "length", "attempts", "failed", "not sent", "availability", "p99", "longest outage"]
    notes = []
    for variant in variants:
        if recovery := variant["recovery"]:
            found = recovery["time_to_recovery_s"]
            taken = recovery["text"] if found is None else f"{duration(found)}, {recovery['text']}"
            notes.append(f"{variant['name']}: time to recovery: {taken}")
    return Section("Phases", header, rows, notes)


def _writes(variants: Sequence[Json]) -> Section:
    """What became of numbered writes."""
    rows = [
        [variant["name"], *(f"{variant['writes'][name]:,}" for name in COUNTS)]
        for variant in variants
        if variant["writes"]
    ]
    header = ["variant", *(name.replace("_", " ") for name in COUNTS)]
    told = "; ".join(f"{name.replace('_', ' ')}: {what}" for name, what in COUNTS.items())
    return Section("Writes", header, rows, [told])


def _effect(effect: Json) -> Section:
    """What a setting buys, by value, and between the variants that differ in it alone."""
    rows = [
        [shown(one["value"]), f"{one['variants']}", f"{one['failed_mean']:,.1f}", _outages(one)]
        for one in effect["values"]
    ]
    notes = []
    for one in effect["pairs"]:
        pairs = f"{one['pairs']} pair{'s' if one['pairs'] > 1 else ''}"
        failed = f"{one['failed_difference']:+,.1f} failed requests"
        without = f"{one['outage_ms_difference']:+,.0f} ms without service"
        notes.append(f"{shown(one['from'])} → {shown(one['to'])}, all else alike ({pairs}): {failed}, {without}")
    header = [effect["setting"], "variants", "failed requests, mean", "all outages, mean"]
    return Section(f"What each setting buys: {effect['setting']}", header, rows, notes)


def _outages(one: Json) -> str:
    return duration(one["outage_ms_mean"] / 1000) if one["outage_ms_mean"] else "none"


def shown(value: Any) -> str:
    """A setting's value as its owner wrote it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _named(variants: Sequence[Json], variant: Json, name: str) -> str:
    return name if len(variants) == 1 else f"{variant['name']}: {name}"


def _percent(value: float | None) -> str:
    return "no data" if value is None else percent(value)


def milliseconds(value: float | None) -> str:
    """A latency in the words of a person."""
    return "no data" if value is None else duration(value / 1000)


def outage(figure: Json) -> str:
    """The longest outage of these figures."""
    if not outages_known(figure):
        return "not known"
    return duration(figure["outages"]["longest_s"]) if figure["outages"]["count"] else "none"
