# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""From the records of a run to its folder: read everything, then write everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cluster.record import ClusterRecord
from ..cluster.record import read_record as read_cluster_record
from . import expectation, result
from .cause.explain import explain
from .cause.risk_sheet import Risk, risk_sheet
from .cause.tried import with_tries
from .figures import phases
from .figures.cluster_lanes import cluster_marks, cluster_view, joined_views
from .figures.error_budget import MONTHLY, ServiceLevel
from .figures.executed import read_served
from .figures.one_retry import from_attempts
from .figures.recovery import window_of
from .figures.writes import WritesError, count_writes, read_stored
from .read.attempts import read_attempts
from .read.experiment_record import with_experiment
from .read.marks import scenario_mark
from .read.measurement import ALONE, EXPECTED, read_measurement
from .read.probe_record import Run
from .render import card, html, index, png, text
from .render.files import TEXT_FORMATS, as_bytes, write
from .render.page_data import page_data

Json = dict[str, Any]
HTML = "report.html"
INDEX = "index.html"
PNG = "charts.png"
CARD = "card.png"
FORMATS = ("html", "png", "card", *TEXT_FORMATS)


@dataclass(frozen=True)
class Published:
    """What was made.

    `files` is format -> path, `urls` variant -> where it was asked, `changed` whether any content differs from before.
    """

    record: Json
    summary: str
    files: dict[str, str]
    urls: dict[str, str]
    changed: bool


def publish(
    *,
    scenario: str,
    title: str,
    directory: Path,
    sources: Sequence[Mapping[str, Any]],
    expectations: Sequence[str],
    formats: Sequence[str],
    level: ServiceLevel = MONTHLY,
    failures: Sequence[str] = (),
    check_mode: bool = False,
) -> Published:
    """Read the records of `sources`, build the result and write it in `formats` into `directory`.

    sources: {variant, phase, probe: path, cluster, attempts: path or None, events: [{name, at}]}, and for one that is
    cut into phases disturbed_from, disturbed_to and stable; for numbered writes stored: path; for a matrix settings:
    {name: value}; for the server's own counts served: path; service: the probed
    Service; or experiment: path, which tells events and disturbance.
    failures: what could not be done, which makes the run a fail.
    Nothing is written before every record and every expectation was understood; in check mode nothing is written at
    all. Where the directory is <root>/<scenario>/<run>, <root>/index.html lists all runs.
    Raises RecordError (of both rooms), ExpectationError, MarkError, WindowError, PhaseError, WritesError,
    SettingsError, CureError: bad input. OSError: the folder cannot be written. MatplotlibMissing.
    """
    sources = [with_experiment(source) for source in sources]
    recorded = _cluster_records(sources)
    runs = [_run(source, directory, recorded, bool(expectations)) for source in sources]
    variants: dict[str, list[str]] = {}
    for run in runs:
        variants.setdefault(run.variant, []).extend(phases.NAMES if run.window else [run.phase])
    expected = [expectation.parse(line, variants) for line in expectations]
    marks = {variant: _marks(variant, sources, runs, recorded.get(variant, {})) for variant in variants}
    root = index.results_root(directory, scenario)
    views = {
        variant: joined_views([cluster_view(one) for one in records.values()]) for variant, records in recorded.items()
    }
    risks = _risks(sources, runs, recorded)
    record = result.build(
        scenario, title, runs, expected, marks, level=level, views=views, risks=risks, failures=failures
    )
    contents: dict[str, str | bytes] = {name: TEXT_FORMATS[name][1](record) for name in formats if name in TEXT_FORMATS}
    names = {"html": HTML, "png": PNG, "card": CARD} | {
        name: file_name for name, (file_name, _unused) in TEXT_FORMATS.items()
    }
    if {"html", "png", "card"} & set(formats):
        data = page_data(record, runs, views)
        if "html" in formats:
            link = "../../index.html" if root else ""
            contents["html"] = html.render(record, data, index_link=link)
        if "png" in formats:
            contents["png"] = png.render(record, data)
        if "card" in formats:
            contents["card"] = card.render(record, data)
    files = {name: directory / names[name] for name in formats}
    changed = False
    for name, content in contents.items():
        if check_mode:
            path = files[name]
            changed |= not path.is_file() or path.read_bytes() != as_bytes(content)
        else:
            changed |= write(files[name], content)
    if root and {"html", "json"} <= set(formats) and not check_mode:
        changed |= write(root / INDEX, index.render(*index.read_results(root)))
    paths = {name: str(path) for name, path in files.items()}
    return Published(record, text.render(record), paths, _urls(runs), changed)


def _urls(runs: Sequence[Run]) -> dict[str, str]:
    """The first address that each variant was asked at, where its record says one: not every engine's does."""
    urls: dict[str, str] = {}
    for run in runs:
        asked = run.probe.get("options", {}).get("url") or [""]
        if asked[0]:
            urls.setdefault(run.variant, asked[0])
    return urls


def _cluster_records(sources: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, ClusterRecord]]:
    """The cluster records of each variant by path, each file read once."""
    records: dict[str, dict[str, ClusterRecord]] = {}
    for source in sources:
        path = source["cluster"]
        if path and path not in records.setdefault(source["variant"], {}):
            records[source["variant"]][path] = read_cluster_record(path)
    return {variant: members for variant, members in records.items() if members}


def _run(
    source: Mapping[str, Any], directory: Path, recorded: Mapping[str, Mapping[str, ClusterRecord]], expected: bool
) -> Run:
    """expected: there are expectations, which then say whether a loss is right; so they do in an experiment."""
    window = window_of(source)
    probe = read_measurement(source["probe"], EXPECTED if expected or source.get("experiment") else ALONE)
    explained = None
    if source["cluster"]:
        attempts = read_attempts(source["attempts"]) if source["attempts"] else ()
        recording = recorded[source["variant"]][source["cluster"]]
        explained = explain(probe, recording, attempts, source.get("service") or None)
        if source.get("advice") is not None:
            explained = with_tries(explained, source["advice"])
    path = shown_path(source["probe"], directory)
    return Run(
        source["variant"],
        source["phase"],
        path,
        probe,
        explained,
        window,
        _writes(source, probe),
        source.get("settings"),
        _retry(source, probe),
        read_served(source["served"]) if source.get("served") else None,
        source.get("cure_of") or "",
        tuple(source.get("doubts") or ()),
    )


def _risks(
    sources: Sequence[Mapping[str, Any]], runs: Sequence[Run], recorded: Mapping[str, Mapping[str, ClusterRecord]]
) -> dict[str, list[Risk]]:
    """The risk sheets of each variant whose cluster was recorded, each record with what was explained by it."""
    sheets: dict[str, list[Risk]] = {}
    for variant, records in recorded.items():
        for path, one in records.items():
            pairs = [(source, run) for source, run in zip(sources, runs) if source["cluster"] == path]
            explained = [run.explained for source, run in pairs if run.explained and source["variant"] == variant]
            sheets.setdefault(variant, []).extend(risk_sheet(one, explained))
    return sheets


def _retry(source: Mapping[str, Any], probe: Mapping[str, Any]) -> Json | None:
    """By the per-request log, where there is one and a request failed."""
    if not source["attempts"] or not probe["totals"]["failed"]:
        return None
    return from_attempts(read_attempts(source["attempts"]))


def _writes(source: Mapping[str, Any], probe: Mapping[str, Any]) -> Json | None:
    stored, attempts = source.get("stored"), source["attempts"]
    if not stored:
        return None
    if not attempts:
        raise WritesError(f"stored: expected attempts beside it, the log of the requests that wrote ({stored})")
    due = probe["totals"]["due"] if probe["complete"] else None
    return count_writes(attempts, read_attempts(attempts), read_stored(stored), due)


def _marks(
    variant: str, sources: Sequence[Mapping[str, Any]], runs: Sequence[Run], records: Mapping[str, ClusterRecord]
) -> list[Json]:
    """What the scenario did, and what the cluster did while the variant was measured."""
    own = [run for run in runs if run.variant == variant]
    start_ns = min(run.started_ns for run in own)
    end_ns = max(run.ended_ns for run in own)
    done = [scenario_mark(event) for source in sources if source["variant"] == variant for event in source["events"]]
    seen = [mark for one in records.values() for mark in cluster_marks(one) if start_ns <= mark["at_unix_ns"] <= end_ns]
    return sorted(done + seen, key=lambda mark: int(mark["at_unix_ns"]))


def shown_path(path: str, directory: Path) -> str:
    """A record's path relative to the report where it lies beside it, so that a results folder can be moved."""
    try:
        return str(Path(path).resolve().relative_to(directory.resolve()))
    except ValueError:
        return path
