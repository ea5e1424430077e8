# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The end of a run: of each scenario its verdict, availability, lost requests by cause, service and report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.report.figures.quantities import percent

Json = Mapping[str, Any]
WORST_FIRST = ("fail", "inconclusive", "pass")


class Ending:
    """Collects what availability_report returned, in the order in which the scenarios ended."""

    def __init__(self) -> None:
        self._reports: dict[str, list[Json]] = {}

    def add(self, report: Json) -> None:
        """Keep one report; a scenario may make several, such as one of what its advice is worth."""
        self._reports.setdefault(str(report["scenario"]), []).append(report)

    def blocks(self) -> list[tuple[str, str]]:
        """(verdict, text) of each scenario."""
        return [(_worst(reports), _block(name, reports)) for name, reports in self._reports.items()]


def _worst(reports: Sequence[Json]) -> str:
    verdicts = [report["verdict"] for report in reports]
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), str(verdicts[-1]))


def _block(name: str, reports: Sequence[Json]) -> str:
    lines = [f"{name}: {_worst(reports).upper()}"]
    for report in reports:
        width = max(len(variant) for variant in report["figures"])
        for variant, figures in report["figures"].items():
            lines += _variant(variant.ljust(width), figures["all"], report["lost_by_cause"].get(variant, {}))
        lines += [f"  because {reason}" for reason in report["reasons"]]
        lines += [f"  service {url}" for url in dict.fromkeys(report["urls"].values())]
        if "html" in report["files"]:
            lines.append(f"  report  {_shown(report['files']['html'])}")
    return "\n".join(lines)


def _variant(name: str, figures: Json, lost: Mapping[str, int]) -> list[str]:
    planned = figures["availability"]["planned"]["percent"]
    share = "no data" if planned is None else percent(planned)
    gone = figures["attempts"] - figures["ok"]
    row = f"  {name}  {share:>10} available, {gone:,} of {figures['attempts']:,} requests lost"
    return [row, *(f"  {' ' * len(name)}  {count:>10,} {cause}" for cause, count in lost.items())]


def _shown(path: str) -> str:
    """Relative where that is shorter and still says where it is."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
