# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""charts.png: the charts of report.html as one picture, for places that show no pages."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from ..figures.quantities import percent
from ..read.probe_record import NOT_SENT as UNSENT
from . import words
from .story import story

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
except ImportError:  # pictures are made on the controller only
    Figure = None  # type: ignore[assignment,misc]

Json = dict[str, Any]
MOST_BARS = 300
WIDTH_IN, DPI = 12, 110
LONGEST_NAME = 22  # what fits beside the charts
NAMED = {"blue": "#2f6fdb", "green": "#2c9a63"}
VERSIONS = ("#2f6fdb", "#2c9a63", "#8456cf", "#c56a12", "#0e8a93", "#b7437e")
FAILING = ("#d8483e", "#8e1f4f", "#f08a4b")
SHADED = {"during": 0.09, "recover": 0.045}
NOT_SENT, INK, SOFT, GRID = "#9aa1a9", "#1b1f24", "#57606a", "#ebebe6"
PHASE_NAME: Json = {"ha": "center", "va": "top", "fontsize": 9, "color": SOFT, "clip_on": True}


class MatplotlibMissing(RuntimeError):
    """charts.png was asked for and the library that draws it is not installed."""


def render(result: Mapping[str, Any], data: Mapping[str, Any]) -> bytes:
    """Return the picture. data: page_data of the same result. Raises MatplotlibMissing."""
    if Figure is None:
        raise MatplotlibMissing("png needs matplotlib on the controller: pip install -r requirements.txt")
    variants = data["variants"]
    figure = Figure(figsize=(WIDTH_IN, 4.4 * len(variants) + 3.6), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"{result['title'] or result['scenario']}: {story(result).verdict}",
        fontsize=17,
        color=INK,
        x=0.02,
        ha="left",
        y=1 - 0.15 / figure.get_figheight(),
    )
    axes = figure.subplots(
        2 * len(variants) + 1,
        1,
        height_ratios=[2.4, 1.6] * len(variants) + [3],
        gridspec_kw=_margins(figure.get_figheight(), 2 * len(variants) + 1),
    )
    for row, variant in enumerate(variants):
        upper, latency = axes[2 * row], axes[2 * row + 1]
        zoom = next((z for z in variant["zooms"] if len(z["t_s"]) <= MOST_BARS), variant["zooms"][-1])
        requests(upper, variant, zoom, _headline(result["variants"][row]))
        _latency(latency, zoom)
        latency.sharex(upper)
        _phases(latency, variant)  # the bars of the requests would hide them
        for one in (upper, latency):
            outages_and_marks(one, variant)
    _distribution(axes[-1], variants)
    for one in axes:
        plain_frame(one)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})  # the same result is the same file
    return picture.getvalue()


def plain_frame(axis: Any) -> None:
    """A chart without a box around it: light lines under what is drawn."""
    axis.grid(visible=True, color=GRID)
    axis.set_axisbelow(True)
    axis.tick_params(colors=SOFT, labelsize=9)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _margins(height_in: float, rows: int) -> dict[str, float]:
    """Fixed, because a layout that measures all texts draws everything twice. Right: room for a legend."""
    above_in, below_in, between_in = 0.95, 0.4, 0.55
    row_in = (height_in - above_in - below_in - between_in * (rows - 1)) / rows
    return {
        "left": 0.07,
        "right": 0.84,
        "top": 1 - above_in / height_in,
        "bottom": below_in / height_in,
        "hspace": between_in / row_in,
    }


def _legend(axis: Any) -> None:
    handles, names = axis.get_legend_handles_labels()
    short = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in names]
    axis.legend(handles, short, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9, frameon=False)


def _title(axis: Any, text: str) -> None:
    """Above the chart. Its place is told: to find one, all that is drawn would be measured first."""
    axis.set_title(text, loc="left", fontsize=12, color=INK, y=1.0)


def _headline(variant: Mapping[str, Any]) -> str:
    figure = variant["figures"]
    share = figure["availability"]["planned"]["percent"]
    shown = "no data" if share is None else percent(share)
    return f"{variant['name']}: {shown} of {figure['attempts']:,} requests, {figure['failed']:,} failed"


def requests(axis: Any, variant: Json, zoom: Json, headline: str) -> None:
    """Requests a second, stacked: good answers by version, failures above."""
    _title(axis, headline)
    # One area each: a bar for every interval takes ten times as long to draw and looks the same.
    edges = [at_s for start_s in zoom["t_s"] for at_s in (start_s, start_s + zoom["step_s"])]
    base = [0.0] * len(edges)
    for name, counts, colour in _parts(zoom):
        top = [low + count / zoom["step_s"] for low, count in zip(base, [count for count in counts for _side in "lr"])]
        axis.fill_between(edges, base, top, color=colour, label=name, linewidth=0)
        base = top
    axis.set_ylim(0, max([*base, 1 / zoom["step_s"]]) * 1.05)
    axis.set_xlim(0, variant["span_s"] or 1)
    axis.set_ylabel("requests a second", color=SOFT, fontsize=9)
    axis.yaxis.set_major_locator(MaxNLocator(5))
    axis.xaxis.set_major_formatter(FuncFormatter(_clock))
    _legend(axis)


def _parts(zoom: Json) -> list[tuple[str, Sequence[int], str]]:
    parts = []
    free = [colour for colour in VERSIONS if colour not in {NAMED.get(name) for name in zoom["good"]}]
    for name, counts in zoom["good"].items():
        colour = NAMED.get(name) or (free.pop(0) if free else NOT_SENT)
        parts.append((name or words.outcome("ok"), counts, colour))
    reds = 0
    for name, counts in zoom["failing"].items():
        if name in UNSENT:
            colour = NOT_SENT
        else:
            colour, reds = FAILING[reds % len(FAILING)], reds + 1
        parts.append((words.outcome(name), counts, colour))
    return parts


def _latency(axis: Any, zoom: Json) -> None:
    middles = [at_s + zoom["step_s"] / 2 for at_s in zoom["t_s"]]
    for name, label, colour in (
        ("max_ms", "slowest", NOT_SENT),
        ("p99_ms", "p99", "#c56a12"),
        ("p50_ms", "p50", "#0e8a93"),
    ):
        values = [float("nan") if value is None else value for value in zoom[name]]
        axis.plot(middles, values, color=colour, label=label, linewidth=1.4)
    if any(value is not None for value in zoom["p50_ms"]):
        _log_milliseconds(axis)
    axis.set_ylabel("latency, ms", color=SOFT, fontsize=9)
    _legend(axis)


def _phases(axis: Any, variant: Json) -> None:
    """As on the page: the disturbance and the recovery shaded, each phase named."""
    if len(variant["phases"]) < 2:
        return
    for phase in variant["phases"]:
        if phase["name"] in SHADED:
            axis.axvspan(phase["from"], phase["to"], color=VERSIONS[0], alpha=SHADED[phase["name"]], lw=0)
        middle = (phase["from"] + phase["to"]) / 2
        if phase["to"] - phase["from"] > variant["span_s"] / 20:  # else the name is wider than the phase
            axis.text(middle, 0.97, phase["name"], transform=axis.get_xaxis_transform(), **PHASE_NAME)


def outages_and_marks(axis: Any, variant: Json) -> None:
    """Outages as bands, changes as lines."""
    for outage in variant["outages"]:
        axis.axvspan(
            outage["from"],
            max(outage["to"], outage["from"] + variant["span_s"] / 1500),
            color="#d8483e",
            alpha=0.16,
            lw=0,
        )
    for mark in variant["marks"]:
        own = mark["source"] == "scenario"
        axis.axvline(
            mark["t"], color=INK if own else SOFT, linewidth=1, linestyle="-" if own else ":", alpha=0.8 if own else 0.5
        )


def _distribution(axis: Any, variants: Sequence[Json]) -> None:
    _title(axis, "Latency by percentile")
    drawn = False
    for i, variant in enumerate(variants):
        curve = variant["curve"]
        points = [
            (1 / (1 - share / 100), value)
            for share, value in zip(curve["percent"], curve["ms"])
            if value is not None and 1 / (1 - share / 100) <= max(curve["count"], 1)
        ]
        if points:
            drawn = True
            axis.plot(*zip(*points), color=VERSIONS[(i + 2) % len(VERSIONS)], label=variant["name"], linewidth=2)
    if not drawn:
        return
    axis.set_xscale("log")
    _log_milliseconds(axis)
    axis.set_xticks([1, 2, 10, 100, 1000, 10_000], ["fastest", "p50", "p90", "p99", "p99.9", "p99.99"])
    axis.xaxis.minorticks_off()
    most = max(variant["curve"]["count"] for variant in variants)
    axis.set_xlim(1, max(2, min(most, 1_000_000)))
    axis.set_ylabel("ms", color=SOFT, fontsize=9)
    _legend(axis)


def _log_milliseconds(axis: Any) -> None:
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(FuncFormatter(_milliseconds))
    axis.yaxis.set_minor_locator(NullLocator())  # each mark is drawn by itself, and they are hundreds


def _clock(seconds: float, _position: int | None = None) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def _milliseconds(value: float, _position: int | None = None) -> str:
    return f"{value:g}"
