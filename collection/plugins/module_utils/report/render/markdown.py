# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The result as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..cause.risk_sheet import MISSING
from ..figures.quantities import duration, percent
from .page_rows import cause_rows
from .patch_text import as_yaml
from .sections import outage, sections
from .story import story

Json = dict[str, Any]
BADGES = {"pass": "✅ pass", "fail": "❌ fail", "inconclusive": "⚠️ inconclusive"}
TONES = {"good": "✅", "plain": "🔷", "bad": "❌", "unsure": "⚠️"}


def render(result: Json) -> str:
    """Return the text: the story, verdict, a row a variant, expectations, the longest outages."""
    told = story(result)
    lines = [f"**{escaped(told.sentence)}**", *(["", escaped(told.others)] if told.others else []), ""]
    lines += [f"### {escaped(result['title'] or result['scenario'])}: {TONES[told.tone]} {escaped(told.verdict)}", ""]
    if told.patch:
        lines += [f"Patch for {escaped(told.target)}:", "", "```yaml", *as_yaml(told.patch).splitlines(), "```", ""]
    if told.proof:
        lines += [escaped(told.proof.text), ""]
    rows = []
    for variant in result["variants"]:
        figure = variant["figures"]
        planned = figure["availability"]["planned"]
        rows.append(
            [
                variant["name"],
                f"{figure['attempts']:,}",
                f"{figure['failed']:,}",
                f"{figure['not_sent']:,}",
                "no data" if planned["percent"] is None else percent(planned["percent"]),
                "" if planned["lower_percent"] is None else f"≥ {planned['lower_percent']:.2f} %",
                _milliseconds(figure["latency_ms"]["p50"]),
                _milliseconds(figure["latency_ms"]["p99"]),
                outage(figure),
                ", ".join(f"{version['name']} {version['requests']:,}" for version in figure["versions"]),
            ]
        )
    header = [
        "variant",
        "attempts",
        "failed",
        "not sent",
        "availability",
        "at 95 % confidence, for independent requests only",
        "p50",
        "p99",
    ]
    lines += table([*header, "longest outage", "requests by version"], rows)
    for one in sections(result):
        lines += ["", f"**{one.title}**", "", *table(one.header, one.rows)]
        lines += ["", *(f"- {escaped(note)}" for note in one.notes)] if one.notes else []
    if result["expectations"]:
        rows = [
            ["✅" if row["ok"] else "❌", row["variant"], f"`{row['what']}`", row["found"]]
            for row in result["expectations"]
        ]
        lines += ["", *table(["", "variant", "expected", "found"], rows)]
    causes = cause_rows(result["variants"])
    if causes:
        rows = [[row["variant"], row["title"], f"{row['requests_lost']:,}", row["change"]["text"]] for row in causes]
        lines += ["", *table(["variant", "cause", "requests lost", "what to change"], rows)]
    lines += _risks(result["variants"])
    if result["reasons"]:
        lines += ["", "Because:", *(f"- {escaped(reason)}" for reason in result["reasons"])]
    return "\n".join(lines) + "\n"


def _risks(variants: Sequence[Json]) -> list[str]:
    """What is missing in the manifest and cost requests, as a table; the other missing pieces by name."""
    missing = [(v["name"], one) for v in variants for one in v["risks"] or () if one["state"] == MISSING]
    rows = [
        [variant, one["workload"], one["piece"], one["guards"], f"{one['lost']:,}"]
        for variant, one in missing
        if one["lost"]
    ]
    lines = ["", *table(["variant", "workload", "missing", "guards against", "requests lost"], rows)] if rows else []
    told = {row[2] for row in rows}
    others = list(dict.fromkeys(one["piece"] for _variant, one in missing if one["piece"] not in told))
    return [*lines, "", f"Also missing, at no loss in this run: {', '.join(others)}."] if others else lines


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return lines + ["| " + " | ".join(escaped(cell) for cell in row) + " |" for row in rows]


def escaped(text: str) -> str:
    """Names come from answers of the service: nothing in them may end a cell or start markup."""
    line = " ".join(text.split()).replace("|", "\\|")
    code = line.startswith("`") and line.endswith("`") and line.count("`") == 2  # shown as it is
    return line if code else line.replace("<", "&lt;")


def _milliseconds(value: float | None) -> str:
    return "no data" if value is None else duration(value / 1000)
