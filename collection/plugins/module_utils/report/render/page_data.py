# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the charts of report.html draw: small enough to sit in the page, exact at every zoom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...probe.distribution import merged
from ..figures.over_time import OverTime
from ..read.probe_record import Run
from . import words

Json = dict[str, Any]
ZOOMS_S = (0.1, 0.5, 1, 5, 10, 60, 300)
MOST_ROWS = 6000  # of the finest zoom of a page: 10 minutes at 100 ms, some 300 kB
FEWEST_ROWS = 40  # a zoom with fewer rows shows nothing
# Percentiles of the distribution's curve: 16 a nine, so that the tail is as smooth as the middle
CURVE = tuple(100.0 * (1.0 - 10.0 ** (-i / 16)) for i in range(6 * 16 + 1))


def page_data(result: Mapping[str, Any], runs: Sequence[Run], clusters: Mapping[str, Json]) -> Json:
    """Return {words, variants: [...]}: per variant its zooms, phases, marks, outages, cluster view and latency curve.

    clusters: variant -> cluster_view. All times are seconds after the variant's first request was due.
    """
    spans = {v["name"]: _span_s(v) for v in result["variants"]}
    return {
        "words": words.OUTCOMES,
        "variants": [
            _variant(
                variant,
                [run for run in runs if run.variant == variant["name"]],
                clusters.get(variant["name"]),
                sum(spans.values()),
            )
            for variant in result["variants"]
        ],
    }


def _span_s(variant: Mapping[str, Any]) -> float:
    end_ns = max(int(phase["ended_unix_ns"]) for phase in variant["phases"])
    return (end_ns - int(variant["over_time"]["started_unix_ns"])) / 1e9


def _variant(variant: Mapping[str, Any], runs: Sequence[Run], cluster: Json | None, page_s: float) -> Json:
    start_ns: int = variant["over_time"]["started_unix_ns"]
    span_s = _span_s(variant)

    def seconds(at_ns: int) -> float:
        return round((at_ns - start_ns) / 1e9, 3)

    # the finest zoom is chosen for the page as a whole, so that ten variants do not make it ten times as large
    finest = next((step for step in ZOOMS_S if page_s / step <= MOST_ROWS), ZOOMS_S[-1])
    steps = [step for step in ZOOMS_S if step == finest or (step > finest and span_s / step >= FEWEST_ROWS)]
    series = OverTime(runs)
    return {
        "name": variant["name"],
        "start_ms": start_ns // 1_000_000,
        "span_s": round(span_s, 3),
        "zooms": [_zoom(one) for one in {one["step_s"]: one for one in map(series.at, steps)}.values()],
        "phases": [
            {"name": one["name"], "from": seconds(one["started_unix_ns"]), "to": seconds(one["ended_unix_ns"])}
            for one in variant["phases"]
        ],
        "marks": [{"t": seconds(one["at_unix_ns"]), **_named(one)} for one in variant["marks"]],
        "outages": [
            {
                "from": seconds(one["first_bad_unix_ns"]),
                "to": seconds(one["end_unix_ns"]),
                "kind": one["kind"],
                "isolated": one["isolated"],
                "why": _why(one),
            }
            for phase in variant["phases"]
            for one in phase["outages"]
        ],
        "cluster": None if cluster is None else _cluster(cluster, seconds),
        "curve": _curve(runs),
    }


def _why(outage: Mapping[str, Any]) -> str:
    """What stands on an outage's band: its cause, as sure as it is; what the client saw, where no rule knows more."""
    cause = outage["cause"]
    if not cause or cause["id"] == "unknown":
        return words.outcome(outage["first_outcome"]) + ("; no rule explains it" if cause else "")
    return f"{words.UNSURE.get(cause['confidence'], '')}{cause['title']}"


def _zoom(series: Json) -> Json:
    failing = {name: counts for name, counts in series["outcomes"].items() if name != "ok"}
    return {
        **{name: series[name] for name in ("step_s", "t_s", "p50_ms", "p99_ms", "max_ms")},
        "good": _good_answers(series, failing),
        "failing": failing,
    }


def _good_answers(series: Json, failing: Json) -> dict[str, list[int]]:
    """Good answers by version; good and failing together are what was due, so that stacked bars are the truth.

    The record counts an answer's version also where the answer broke an expectation. Which of a step's versions
    those were is not in it: they are taken from the one with most answers. The name "" is an answer without one.
    """
    good = {name: list(counts) for name, counts in series["versions"].items()}
    unnamed = []
    for i, due in enumerate(series["due"]):
        rest = due - sum(counts[i] for counts in failing.values()) - sum(counts[i] for counts in good.values())
        while rest < 0:
            most = max(good.values(), key=lambda counts: counts[i])
            taken = min(-rest, most[i])
            most[i] -= taken
            rest += taken
        unnamed.append(rest)
    return {**good, "": unnamed} if any(unnamed) or not good else good


def _named(mark: Mapping[str, Any]) -> Json:
    return {"source": mark["source"], "name": mark["name"]}


def _curve(runs: Sequence[Run]) -> Json:
    latency = merged(run.probe["totals"]["latency"] for run in runs)
    return {"percent": [round(point, 7) for point in CURVE], "ms": latency.curve(CURVE), "count": latency.count}


def _cluster(view: Json, seconds: Any) -> Json:
    def line(points: Sequence[Sequence[float]]) -> list[list[float]]:
        return [[seconds(at), *values] for at, *values in points]

    return {
        "pods": [
            {
                **{key: pod[key] for key in ("name", "owner", "version", "node")},
                "spans": [[seconds(one["from"]), seconds(one["to"]), one["state"]] for one in pod["spans"]],
            }
            for pod in view["pods"]
        ],
        "endpoints": {name: line(points) for name, points in view["endpoints"].items()},
        "replicas": {name: line(points) for name, points in view["replicas"].items()},
        "cpu": {name: line(points) for name, points in view["cpu"].items()},
        "gaps": [[seconds(gap["from"]), seconds(gap["to"]), gap["kind"]] for gap in view["gaps"]],
    }
