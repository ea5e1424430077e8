# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a result advises to change, as patches that can be applied: one for each variant and workload.

The patches of several causes are merged as a strategic merge patch would be: maps key by key, lists of containers by
name. Where two causes want different values of one setting the costlier cause has its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def remedies(result: Mapping[str, Any]) -> list[Json]:
    """[{variant, target, cause, causes, requests_lost, patch, text}] of a result record, in the order of its variants.

    Only causes that lost requests and come with a patch. target: as in Deployment/web; cause: the costliest one's id,
    causes: all of them; requests_lost: by these causes; text: what the patch changes, in words. Raises ValueError: not
    a result record.
    """
    if result.get("record") != "result" or not isinstance(result.get("variants"), list):
        raise ValueError(f"expected a result record (result.json), got record {result.get('record')!r}")
    found: list[Json] = []
    for variant in result["variants"]:
        targets: dict[str, Json] = {}
        for cause in _costliest_first(variant):
            change = cause["change"]
            entry = targets.setdefault(
                change["target"],
                {
                    "variant": variant["name"],
                    "target": change["target"],
                    "cause": cause["id"],
                    "causes": [],
                    "requests_lost": 0,
                    "patch": {},
                    "text": "",
                },
            )
            entry["patch"] = merged(entry["patch"], change["patch"])
            entry["requests_lost"] += cause["requests_lost"]
            if cause["id"] not in entry["causes"]:
                entry["causes"].append(cause["id"])
                entry["text"] += ("; " if entry["text"] else "") + change["text"]
        found += targets.values()
    return found


def merged(first: Any, second: Any) -> Any:
    """Two strategic merge patches as one; where they disagree the first wins."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {
            key: merged(first[key], second[key]) if key in first and key in second else first.get(key, second.get(key))
            for key in [*first, *(key for key in second if key not in first)]
        }
    if _named(first) and _named(second):
        others = {entry["name"]: entry for entry in second}
        kept = [merged(entry, others.pop(entry["name"], {})) for entry in first]
        return kept + list(others.values())
    return first


def _named(value: Any) -> bool:
    """A list whose entries are merged by name, as containers are."""
    return isinstance(value, list) and all(isinstance(entry, dict) and "name" in entry for entry in value)


def _costliest_first(variant: Mapping[str, Any]) -> list[Json]:
    causes = [
        cause
        for phase in variant["phases"]
        for explained in phase["explained"]
        for cause in explained["causes"]
        if cause["requests_lost"] and cause["change"]["patch"] and cause["change"]["target"]
    ]
    return sorted(causes, key=lambda cause: (-cause["requests_lost"], cause["id"]))
