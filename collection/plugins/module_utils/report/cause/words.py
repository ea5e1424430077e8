# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Causes in words, for the outage table of a page and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def outage_causes(found: Mapping[str, Any]) -> dict[tuple[str, int], list[Json]]:
    """What stands beside each outage, by (lane, first_bad_unix_ns): {title, requests, explanation, advice, confidence}.

    found: the result of explain.explain. The list has one entry, the best finding.
    """
    return {
        (row["lane"], row["first_bad_unix_ns"]): [
            {
                "title": row["cause"]["title"],
                "requests": row["requests_lost"],
                "explanation": explanation(row["cause"]),
                "advice": row["cause"]["change"]["text"],
                "confidence": row["cause"]["confidence"],
            }
        ]
        for row in found["failures"]
    }


def explanation(cause: Mapping[str, Any]) -> str:
    """The evidence in one line, and how sure it is."""
    facts = "; ".join(one["text"] for one in cause["evidence"])
    return facts if cause["id"] == "unknown" else f"{facts} ({cause['confidence']} confidence)"


def text(found: Mapping[str, Any]) -> str:
    """A block for the terminal: what broke how many requests, and what to change."""
    if not found["failures"]:
        return "no failed request to explain"
    share = found["explained_share"]
    lines = [f"failed requests {found['failed_requests']}" + ("" if share is None else f", {share:.1%} explained")]
    for line in found["causes"]:
        lines.append(
            f"  {line['requests_lost']:>6} {line['title']}: {', '.join(line['subjects'][:3]) or 'nothing named'}"
        )
        lines.append(f"         change: {line['change']['text']}")
    safe = found["race"]["smallest_safe_pre_stop_s"]
    if safe is not None:
        lines.append(f"  smallest safe preStop here: {safe} s ({found['race']['basis']})")
    return "\n".join(lines)
