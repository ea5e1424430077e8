# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Markdown tables and the way numbers are written in them."""

from __future__ import annotations

from collections.abc import Sequence


def number(value: float | None, decimals: int) -> str:
    """`12,345.6`, or a dash for what a client does not say."""
    return "-" if value is None else f"{value:,.{decimals}f}"


def ratio(reached: float, goal: float | None) -> str:
    """`1.02 (≥ 0.9: reached)`; without a goal only the ratio."""
    if goal is None:
        return f"{reached:.2f}"
    return f"{reached:.2f} (≥ {goal:g}: {'reached' if reached >= goal else '**missed**'})"


def verdict(reached: bool) -> str:
    """One word for a goal."""
    return "reached" if reached else "**missed**"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; the first column is text, the others are figures."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join(["---", *["---:"] * (len(heads) - 1)]) + "|"]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
