# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""report.html: one file that needs no network. Figures and tables are in the page itself; scripts only draw charts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..cause.risk_sheet import MISSING
from ..figures.figures import outages_known, outcome_class
from ..figures.over_time import step_for
from ..figures.quantities import duration, percent
from . import words
from .contrast import contrast_rows
from .page_rows import (
    cause_rows,
    explanation_notes,
    latency_rows,
    objective_rows,
    outage_rows,
    phase_rows,
    race_rows,
)
from .patch_text import as_yaml, command
from .sections import sections
from .story import story

try:
    import jinja2
except ImportError:  # on a target host, where no report is made
    jinja2 = None  # type: ignore[assignment]

Json = dict[str, Any]
PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    "colours.js",
    "words.js",
    "tables.js",
    "folds.js",
    "copy.js",
    "charts.js",
    "pods.js",
    "bands.js",
    "series.js",
    "timeline.js",
    "distribution.js",
    "page.js",
)
VERDICT_MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}
STRIP_CELLS = 72
TABLE_ROWS = 60
TONE_MARKS = {"good": "✓", "plain": "•", "bad": "✗", "unsure": "?"}
ICONS = {"good": "#35a36f", "plain": "#57606a", "bad": "#d8483e", "unsure": "#d99b21"}
TONES = {"pass": "good", "fail": "bad", "inconclusive": "unsure"}


def render(result: Json, data: Json, index_link: str = "") -> str:
    """Return the page. data: page_data of the same result; index_link: relative address of the list of all runs."""
    variants = result["variants"]
    sheets = {variant["name"]: variant["risks"] for variant in variants if variant["risks"]}
    rows, left = outage_rows(variants)
    told = story(result)
    values = {
        "result": result,
        "heading": result["title"] or result["scenario"],
        "index_link": index_link,
        "icon": _icon(told.tone),
        "story": told,
        "tone_mark": TONE_MARKS,
        "tones": {variant["name"]: _tone(variant) for variant in variants},
        "verdict_mark": VERDICT_MARKS,
        "strips": {variant["name"]: _strip(variant) for variant in variants},
        "strip_label": _strip_label,
        "contrast": contrast_rows(variants),
        "risks": sheets,
        "risks_missing": sum(row["state"] == MISSING for rows in sheets.values() for row in rows),
        "sections": sections(result),
        "clusters": {variant["name"]: variant["cluster"] is not None for variant in data["variants"]},
        "has_outage": {v["name"]: any(phase["outages"] for phase in v["phases"]) for v in variants},
        "tables": {variant["name"]: _table(variant) for variant in variants},
        "outages": rows,
        "outages_left": left,
        "has_causes": any(row["cause"] for row in rows),
        "causes": cause_rows(variants),
        "races": race_rows(variants),
        "notes": explanation_notes(variants),
        "latency_rows": latency_rows(variants),
        "phase_rows": phase_rows(variants),
        "objectives": objective_rows(variants),
        "tool_notes": sorted({p["note"] for v in variants for phase in v["phases"] for p in phase["probes"]} - {""}),
        "records": list(dict.fromkeys(p["record"] for v in variants for phase in v["phases"] for p in phase["probes"])),
        "css": asset("uplot/uPlot.min.css") + asset("style.css"),
        "javascript": script(SCRIPTS),
        "uplot_version": uplot_version(),
        "data": embedded(data),
    }
    page: str = environment().get_template("report.html.j2").render(values)
    return page


def environment() -> Any:
    """The templates' environment: everything is escaped, since names come from the answers of the service."""
    if jinja2 is None:
        raise RuntimeError("pages need jinja2, which comes with Ansible; run this on the controller")
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE), autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    made.filters.update(
        percent=lambda value: "no data" if value is None else percent(value),
        floor_percent=lambda value: f"{int(value * 100) / 100:.2f}\u00a0%",
        thousands=lambda value: f"{value:,}",
        seconds=duration,
        ms=lambda value: "none" if value is None else duration(value / 1000),
        span=_span,
        moment=lambda ns: datetime.fromtimestamp(ns / 1e9, timezone.utc).strftime("%Y-%m-%d %H:%M:%S"),
        clock=lambda ns: clock(ns / 1e9, 1),
        yaml=as_yaml,
        command=command,
        outcome=words.outcome,
        capital=words.capital,
        clock_s=lambda seconds: clock(seconds, 1),
    )
    return made


def asset(name: str) -> str:
    """The text of a file of the page."""
    return (PAGE / name).read_text(encoding="utf-8")


def script(names: Sequence[str], charts: bool = True) -> str:
    """The page's own scripts in a scope of their own, after uPlot; no text in them can end the script element."""
    own = "(() => {\n'use strict';\n" + "\n".join(asset(name) for name in names) + "\n})();"
    text = asset("uplot/uPlot.iife.min.js") + "\n" + own if charts else own
    return text.replace("</", "<\\/")


def uplot_version() -> str:
    """The version in the vendored file's own head."""
    found = re.search(r"\(v([\d.]+)\)", asset("uplot/uPlot.iife.min.js")[:200])
    return found[1] if found else "?"


def embedded(value: Any) -> str:
    """JSON for a script element: names may hold anything, also the text that would end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def clock(seconds: float, digits: int = 0) -> str:
    """Minutes and seconds of a run, 1:05.0; hours where there are any."""
    sign = "-" if seconds < 0 else ""
    whole = round(abs(seconds), digits)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    width = digits + 3 if digits else 2
    head = f"{int(hours)}:{int(minutes):02d}" if hours else f"{int(minutes)}"
    return f"{sign}{head}:{rest:0{width}.{digits}f}"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s"


def _tone(variant: Json) -> str:
    """A variant that lost requests is not green, also where its measurement is sound."""
    tone = TONES[variant["verdict"]]
    return "plain" if tone == "good" and variant["figures"]["failed"] else tone


def _icon(tone: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<circle cx="8" cy="8" r="7" fill="{ICONS[tone]}"/></svg>'
    )


def _strip(variant: Json) -> list[Json]:
    """The run in equal slices: good, partly (some failed), down (none succeeded), unsent (the client's fault), idle."""
    series = variant["over_time"]
    end_s = (max(phase["ended_unix_ns"] for phase in variant["phases"]) - series["started_unix_ns"]) / 1e9
    count = max(1, min(STRIP_CELLS, int(end_s / series["step_s"])))
    cells: list[dict[str, int]] = [{} for _unused in range(count)]
    for i, at_s in enumerate(series["t_s"]):
        cell = cells[min(count - 1, int((at_s + series["step_s"] / 2) / max(end_s, 1e-9) * count))]
        for name, counts in series["outcomes"].items():
            kind = outcome_class(name)
            cell[kind] = cell.get(kind, 0) + counts[i]
    return [
        {"state": _state(cell), "text": _cell_text(cell, i * end_s / count, (i + 1) * end_s / count)}
        for i, cell in enumerate(cells)
    ]


def _state(cell: Mapping[str, int]) -> str:
    if cell.get("failed"):
        return "partly" if cell.get("completed") else "down"
    if cell.get("not_sent"):
        return "unsent"
    return "good" if cell.get("completed") else "idle"


def _cell_text(cell: Mapping[str, int], start_s: float, end_s: float) -> str:
    counts = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in cell.items() if count)
    return f"{clock(start_s)} to {clock(end_s)}: {counts or 'no request was due'}"


def _strip_label(variant: Json) -> str:
    figure = variant["figures"]
    outages = figure["outages"]
    if not figure["failed"] and not figure["not_sent"]:
        return "Over time: no request failed"
    if not outages_known(figure):
        return f"Over time: {figure['failed']:,} failed, {figure['not_sent']:,} not sent; outages are not known"
    return (
        f"Over time: {figure['failed']:,} failed, {figure['not_sent']:,} not sent, {outages['count']:,} outages, "
        f"{outages['isolated_failures']:,} single failures"
    )


def _table(variant: Json) -> Json:
    """The timeline as a table, in at most TABLE_ROWS rows: counts only, since percentiles cannot be joined."""
    series = variant["over_time"]
    columns = {**series["versions"], **{words.outcome(n): c for n, c in series["outcomes"].items()}}
    if not series["t_s"]:
        return {"header": list(columns), "rows": []}
    step_s = max(series["step_s"], step_for(series["t_s"][-1] + series["step_s"], TABLE_ROWS))
    sums: dict[int, list[int]] = {}
    for i, at_s in enumerate(series["t_s"]):
        row = sums.setdefault(int(at_s // step_s), [0] * len(columns))
        for column, counts in enumerate(columns.values()):
            row[column] += counts[i]
    rows = [[clock(index * step_s), *(f"{count:,}" for count in row)] for index, row in sorted(sums.items())]
    return {"header": list(columns), "rows": rows}
