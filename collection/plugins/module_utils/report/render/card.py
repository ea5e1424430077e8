# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""card.png: the story of a run as one picture of 1200 x 630, the size that chats and pull requests preview."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from typing import Any

from . import png
from .story import Story, story

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
except ImportError:  # pictures are made on the controller only
    Figure = None  # type: ignore[assignment,misc]

Json = dict[str, Any]
WIDTH, HEIGHT, DPI = 1200, 630, 100
MARGIN = 48
CHARACTERS = 74  # of a line of the headline
MOST_LINES = 5
TONES = {"good": "#17784a", "plain": "#57606a", "bad": "#b3261e", "unsure": "#8a5a00"}
SMALL: Json = {"fontsize": 12, "color": png.SOFT, "va": "top"}
# characters that would start a formula are text
PLAIN: Json = {"parse_math": False}


def render(result: Mapping[str, Any], data: Mapping[str, Any]) -> bytes:
    """Return the picture. data: page_data of the same result. Raises MatplotlibMissing."""
    if Figure is None:
        raise png.MatplotlibMissing("card needs matplotlib on the controller: pip install -r requirements.txt")
    told = story(result)
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.add_artist(Rectangle((0, 1 - 8 / HEIGHT), 1, 8 / HEIGHT, color=TONES[told.tone], lw=0))
    _write(figure, 34, *_lines(result["title"] or result["scenario"], 120, 1), **SMALL)
    bottom = _headline(figure, told)
    variant = next(one for one in data["variants"] if one["name"] == told.variant)
    if variant["zooms"] and variant["zooms"][0]["t_s"]:
        _chart(figure, variant, bottom)
    figure.text(1 - MARGIN / WIDTH, 20 / HEIGHT, "availability.lab", fontsize=11, color=png.SOFT, ha="right")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})  # the same result is the same file
    return picture.getvalue()


def _write(figure: Any, below: float, text: str, **style: Any) -> None:
    """A text whose top is `below` pixels under the picture's."""
    figure.text(MARGIN / WIDTH, 1 - below / HEIGHT, text, **PLAIN, **style)


def _headline(figure: Any, told: Story) -> float:
    """Headline, verdict, what to change; returns the pixels from the top that they take."""
    at = 64.0
    for line in _lines(told.headline, CHARACTERS, MOST_LINES):
        _write(figure, at, line, fontsize=17, color=png.INK, va="top", fontweight="bold")
        at += 32
    for line in _lines(told.advice, 110, 2):
        _write(figure, at + 4, line, fontsize=12.5, color=png.INK, va="top")
        at += 23
    at += 14
    (verdict,) = _lines(told.verdict[:1].upper() + told.verdict[1:], 105, 1)
    _write(figure, at, verdict, fontsize=14, color=TONES[told.tone], va="top", fontweight="bold")
    return at + 34


def _lines(text: str, characters: int, most: int) -> list[str]:
    return textwrap.wrap(text, characters, max_lines=most, placeholder=" …", break_on_hyphens=False)


def _chart(figure: Any, variant: Json, below: float) -> None:
    """The requests over time with the outages as bands, in what is left of the picture."""
    top, bottom = below + 16, HEIGHT - 62
    axis = figure.add_axes(
        ((MARGIN + 34) / WIDTH, 1 - bottom / HEIGHT, (WIDTH - 2 * MARGIN - 34 - 190) / WIDTH, (bottom - top) / HEIGHT)
    )
    zoom = next((z for z in variant["zooms"] if len(z["t_s"]) <= png.MOST_BARS), variant["zooms"][-1])
    png.requests(axis, variant, zoom, "")
    png.outages_and_marks(axis, variant)
    png.plain_frame(axis)
