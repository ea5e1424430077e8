# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What each setting buys: failed requests and milliseconds without service, over the variants of a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any, Union

Json = dict[str, Any]
Value = Union[str, bool, int, float]


class SettingsError(ValueError):
    """Settings that cannot be used; the text starts with the option's name."""


def settings_of(variant: str, entries: Sequence[Mapping[str, Any] | None]) -> dict[str, Value]:
    """The settings of a variant from its run entries.

    Raises SettingsError: a value that is not text, a number or true or false; two entries that contradict each other.
    """
    found: dict[str, Value] = {}
    for entry in entries:
        for name, value in (entry or {}).items():
            what = f"settings: {variant}: {name}"
            if not isinstance(value, (str, bool, int, float)):
                raise SettingsError(f"{what}: expected text, a number or a boolean, got {value!r}")
            if not same(found.setdefault(name, value), value):
                raise SettingsError(f"{what}: expected one value, got {found[name]!r} and {value!r}")
    return found


def settings_effects(variants: Sequence[Json]) -> list[Json]:
    """Return one entry for each setting that has several values (docs/result.schema.json, "settings_effect").

    A value's means are over all variants that have it. A pair's difference (the later value less the earlier one, in
    the order of the variants) is the mean over the pairs of variants that differ in this setting alone.
    """
    names = list(dict.fromkeys(name for variant in variants for name in variant["settings"]))
    effects = []
    for name in names:
        having = [variant for variant in variants if name in variant["settings"]]
        values = _different([variant["settings"][name] for variant in having])
        if len(values) < 2:
            continue
        pairs = [_pair(name, one, other, having) for one, other in combinations(values, 2)]
        effects.append(
            {
                "setting": name,
                "values": [_value(name, value, having) for value in values],
                "pairs": [pair for pair in pairs if pair],
            }
        )
    return effects


def same(one: Value, other: Value) -> bool:
    """Whether two values are one setting: true is not 1, and "1" is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _different(values: Sequence[Value]) -> list[Value]:
    found: list[Value] = []
    for value in values:
        if not any(same(value, known) for known in found):
            found.append(value)
    return found


def _value(name: str, value: Value, variants: Sequence[Json]) -> Json:
    members = [variant for variant in variants if same(variant["settings"][name], value)]
    return {
        "value": value,
        "variants": len(members),
        "failed_mean": round(fmean(_failed(one) for one in members), 3),
        "outage_ms_mean": round(fmean(_outage_ms(one) for one in members), 3),
    }


def _pair(name: str, value: Value, other: Value, variants: Sequence[Json]) -> Json | None:
    pairs = [
        (one, two)
        for one in variants
        for two in variants
        if same(one["settings"][name], value) and same(two["settings"][name], other) and _else_alike(name, one, two)
    ]
    if not pairs:
        return None
    return {
        "from": value,
        "to": other,
        "pairs": len(pairs),
        "failed_difference": round(fmean(_failed(two) - _failed(one) for one, two in pairs), 3),
        "outage_ms_difference": round(fmean(_outage_ms(two) - _outage_ms(one) for one, two in pairs), 3),
    }


def _else_alike(name: str, one: Json, two: Json) -> bool:
    first, second = ({key: value for key, value in v["settings"].items() if key != name} for v in (one, two))
    return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)


def _failed(variant: Json) -> int:
    count: int = variant["figures"]["failed"]
    return count


def _outage_ms(variant: Json) -> float:
    seconds: float = variant["figures"]["outages"]["total_s"]
    return 1000.0 * seconds
