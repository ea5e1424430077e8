# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""index.html: every run below the results folder, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..figures.verdict import in_words, worst
from ..read.record_file import RecordError
from ..read.result_record import read_result
from .html import asset, environment, script

Json = dict[str, Any]
HISTORY = 60  # newest runs of a scenario that are shown as one strip


def results_root(directory: Path, scenario: str) -> Path | None:
    """The folder of all runs, where `directory` is <root>/<scenario>/<run>; None for a folder of another layout."""
    return directory.parent.parent if directory.parent.name == scenario else None


def read_results(root: Path) -> tuple[list[Json], list[str]]:
    """Read <root>/<scenario>/<run>/result.json of all runs, oldest first, and say which cannot be read."""
    results, problems = [], []
    for path in sorted(root.glob("*/*/result.json")):
        try:
            result = read_result(path)
        except RecordError as error:
            problems.append(str(error).replace(f"{root}/", "", 1))
            continue
        page = path.with_name("report.html")
        link = (page if page.is_file() else path).relative_to(root).as_posix()
        failed = sum(variant["figures"]["failed"] for variant in result["variants"])
        words = in_words(result["verdict"], failed)
        results.append({**result, "link": link, "words": words, "lossy": words != result["verdict"]})
    return sorted(results, key=lambda result: int(result["started_unix_ns"])), problems


def render(results: Sequence[Json], problems: Sequence[str]) -> str:
    """Return the page. results: result records with `link`, oldest first."""
    names = sorted({result["scenario"] for result in results})
    scenarios = []
    for name in names:
        runs = [result for result in results if result["scenario"] == name]
        scenarios.append({"name": name, "runs": list(reversed(runs)), "history": runs[-HISTORY:]})
    newest = [scenario["runs"][0]["verdict"] for scenario in scenarios]
    page: str = (
        environment()
        .get_template("index.html.j2")
        .render(
            css=asset("style.css"),
            javascript=script(("colours.js", "index.js"), charts=False),
            scenarios=scenarios,
            runs_total=len(results),
            worst=worst(newest),
            unreadable=problems,
        )
    )
    return page
