# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The result as a short text for a terminal, at most 100 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from ..figures.over_time import step_for
from ..figures.quantities import duration, percent
from . import words
from .page_rows import cause_rows
from .sections import Section, sections
from .story import story

Json = dict[str, Any]
WIDTH = 100
TIME_ROWS = 12
LATENCIES = ("p50", "p90", "p95", "p99", "p999", "max")
BOUND = """
  * with 95 % confidence, for independent requests only: also a run without failures only bounds the
    truth, and failures come in clusters, so it may be lower"""
MARKS = {True: "ok  ", False: "FAIL"}


def render(result: Json) -> str:
    """Return the text: story, figures of each variant, requests by version over time, outages, expectations."""
    blocks = [_head(result), _told(result), _figures(result["variants"])]
    blocks += [_section(one) for one in sections(result)]
    blocks.append(_latencies(result["variants"]))
    blocks += [block for variant in result["variants"] for block in (_time(variant), _outages(variant)) if block]
    if causes := _causes(result["variants"]):
        blocks.append(causes)
    if result["expectations"]:
        blocks.append(_expectations(result["expectations"]))
    if result["reasons"]:
        blocks.append("\n".join(["because"] + [f"  {reason}" for reason in result["reasons"]]))
    return "\n\n".join(blocks) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns wide enough for their cells: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def _head(result: Json) -> str:
    title = result["title"] or result["scenario"]
    return f"{title}: {result['verdict'].upper()}\n{'=' * min(WIDTH, len(title) + 2 + len(result['verdict']))}"


def _told(result: Json) -> str:
    told = story(result)
    lines = [told.sentence, told.others, told.proof.text if told.proof else "", f"Verdict: {told.verdict}"]
    return "\n".join(textwrap.fill(line, WIDTH, break_on_hyphens=False) for line in lines if line)


def _figures(variants: Sequence[Json]) -> str:
    rows = []
    for variant in variants:
        figure = variant["figures"]
        planned = figure["availability"]["planned"]
        rows.append(
            (
                variant["name"],
                f"{figure['attempts']:,}",
                f"{figure['ok']:,}",
                f"{figure['failed']:,}",
                f"{figure['not_sent']:,}",
                _percent(planned["percent"]),
                _percent(planned["lower_percent"], down=True),
                _percent(figure["availability"]["sent"]["percent"]),
                _percent(figure["availability"]["time"]["percent"]),
            )
        )
    header = ("variant", "attempts", "ok", "failed", "not sent", "availability", "at least*", "of sent", "of time")
    return table(header, rows) + BOUND


def _section(one: Section) -> str:
    header = [one.title[:1].lower() + one.title[1:], *one.header[1:]]
    notes = [textwrap.fill(note, WIDTH, initial_indent="  ", subsequent_indent="    ") for note in one.notes]
    return "\n".join([table(header, one.rows), *notes])


def _latencies(variants: Sequence[Json]) -> str:
    rows = []
    for variant in variants:
        latency = variant["figures"]["latency_ms"]
        rows.append([variant["name"]] + [_milliseconds(latency[name]) for name in LATENCIES])
        for version in variant["figures"]["versions"]:
            p50, p99 = _milliseconds(version["p50_ms"]), _milliseconds(version["p99_ms"])
            rows.append([f"  {version['name']}", p50, "", "", p99, "", ""])
    return table(["latency from the due time", *("p99.9" if n == "p999" else n for n in LATENCIES)], rows)


def _time(variant: Json) -> str:
    """Requests by version over time, in at most a dozen rows."""
    series = variant["over_time"]
    if not series["t_s"]:
        return ""
    span_s = series["t_s"][-1] + series["step_s"]
    step_s = max(series["step_s"], step_for(span_s, TIME_ROWS))
    versions = list(series["versions"])
    columns = {name: series["versions"][name] for name in versions}
    if not versions and "ok" in series["outcomes"]:
        columns[words.outcome("ok")] = series["outcomes"]["ok"]
    for name, counts in series["outcomes"].items():
        if name != "ok":
            columns[words.outcome(name)] = counts
    sums: dict[int, list[int]] = {}
    for position, at_s in enumerate(series["t_s"]):
        row = sums.setdefault(int(at_s // step_s), [0] * len(columns))
        for column, counts in enumerate(columns.values()):
            row[column] += counts[position]
    rows = [
        [f"{_clock(index * step_s)}-{_clock(min((index + 1) * step_s, span_s))}", *(f"{count:,}" for count in row)]
        for index, row in sorted(sums.items())
    ]
    what = "requests by version" if versions else "requests"
    return table([f"{variant['name']}: {what}", *columns], rows)


def _outages(variant: Json) -> str:
    start_ns = variant["over_time"]["started_unix_ns"]
    listed = [(phase, one) for phase in variant["phases"] for one in phase["outages"] if not one["isolated"]]
    if not listed:
        return ""
    longest = sorted(listed, key=lambda pair: -pair[1]["length_s"])[:8]
    rows = []
    for phase, one in sorted(longest, key=lambda pair: pair[1]["first_bad_unix_ns"]):
        at_s = (one["first_bad_unix_ns"] - start_ns) / 1e9
        rows.append(
            [
                f"{phase['name']} {_clock(at_s, 1)} {one['kind']} ({one['lane']})",
                f"{duration(one['length_s'])} ± {duration(one['resolution_s'])}",
                f"{one['requests_lost'] or one['requests_slow']:,}",
                one["cause"]["title"] if one["cause"] else one["first_error"][:40] or one["first_outcome"],
            ]
        )
    left = len(listed) - len(longest) + sum(phase["outages_not_listed"] for phase in variant["phases"])
    more = f"\n  and {left} more" if left else ""
    return table([f"{variant['name']}: outages", "length", "requests", "cause, or what was seen"], rows) + more


def _seen(one: Json) -> str:
    """What the client saw first: in words, and as its system said it."""
    error = f": {one['first_error'][:40]}" if one["first_error"] else ""
    return f"{words.outcome(one['first_outcome'])}{error}"


def _causes(variants: Sequence[Json]) -> str:
    lines = [
        f"  {row['variant']}: {row['title']}: {row['requests_lost']:,} requests lost. {row['change']['text']}"
        for row in cause_rows(variants)
    ]
    return "\n".join(["causes", *lines]) if lines else ""


def _expectations(rows: Sequence[Json]) -> str:
    return "expected\n" + "\n".join(
        f"  {MARKS[row['ok']]}  {row['what']} (found {row['found']}, {row['variant']})" for row in rows
    )


def _percent(value: float | None, down: bool = False) -> str:
    if value is None:
        return "no data"
    return f"{int(value * 1000) / 1000:.3f} %" if down else percent(value)


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else duration(value / 1000)


def _clock(seconds: float, digits: int = 0) -> str:
    minutes, rest = divmod(round(seconds, 3), 60)
    width = 3 + digits if digits else 2
    return f"{int(minutes)}:{rest:0{width}.{digits}f}"
