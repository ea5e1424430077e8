# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The result in Prometheus' text format 0.0.4, for node_exporter's textfile collector or a push."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..figures.figures import outages_known

Json = dict[str, Any]
Sample = tuple[dict[str, str], Any]
PREFIX = "availability_lab"
VERDICTS = ("pass", "fail", "inconclusive")
QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99", "p999": "0.999"}


def render(result: Json) -> str:
    """Return the text: gauges, one sample a variant and phase, base units (seconds, ratios)."""
    rows = [
        ({"scenario": result["scenario"], "variant": variant["name"], "phase": phase["name"]}, phase["figures"])
        for variant in result["variants"]
        for phase in variant["phases"]
    ]
    lines: list[str] = []
    _metric(
        lines,
        "verdict",
        "1 for the verdict that the run ended with.",
        (
            ({"scenario": result["scenario"], "verdict": verdict}, int(verdict == result["verdict"]))
            for verdict in VERDICTS
        ),
    )
    _metric(
        lines,
        "finished_timestamp_seconds",
        "When the last request of the run was done.",
        [({"scenario": result["scenario"]}, result["ended_unix_ns"] / 1e9)],
    )
    _metric(
        lines,
        "requests",
        "Planned requests of the run by outcome.",
        (
            ({**labels, "outcome": outcome["name"]}, outcome["count"])
            for labels, figure in rows
            for outcome in figure["outcomes"]
        ),
    )
    for name, help_text, edge in (
        ("availability_ratio", "Share of good requests over the plan, the sent ones, and the time.", "percent"),
        (
            "availability_lower_bound_ratio",
            "95 % lower confidence bound of availability_ratio, for independent requests only.",
            "lower_percent",
        ),
    ):
        _metric(
            lines,
            name,
            help_text,
            (
                ({**labels, "over": over}, _scaled(share[edge], 0.01))
                for labels, figure in rows
                for over, share in figure["availability"].items()
            ),
        )
    _metric(
        lines,
        "latency_seconds",
        "Latency of good requests from the time they were due.",
        (
            ({**labels, "quantile": quantile}, _scaled(figure["latency_ms"][name], 0.001))
            for labels, figure in rows
            for name, quantile in QUANTILES.items()
        ),
    )
    for name, help_text, key in (
        ("outages", "Runs of two or more failed requests.", "count"),
        ("isolated_failures", "Single failed requests.", "isolated_failures"),
        ("longest_outage_seconds", "Longest outage.", "longest_s"),
        ("outage_seconds", "All outages together.", "total_s"),
    ):
        known = [(labels, figure["outages"][key]) for labels, figure in rows if outages_known(figure)]
        _metric(lines, name, help_text, known)
    _metric(
        lines,
        "version_requests",
        "Requests answered by each version.",
        (
            ({**labels, "version": version["name"]}, version["requests"])
            for labels, figure in rows
            for version in figure["versions"]
        ),
    )
    variants = [({"scenario": result["scenario"], "variant": one["name"]}, one) for one in result["variants"]]
    _metric(
        lines,
        "time_to_recovery_seconds",
        "From the disturbance's begin to the end of the last failure before the service was stable.",
        [(labels, variant["figures"]["time_to_recovery_s"]) for labels, variant in variants],
    )
    _metric(
        lines,
        "error_budget_used_ratio",
        "Share of the error budget of 30 days that the run used.",
        [(labels, _scaled((variant["error_budget"] or {}).get("used_percent"), 0.01)) for labels, variant in variants],
    )
    _metric(
        lines,
        "availability_with_retry_ratio",
        "Estimate of what clients with one immediate retry would have seen.",
        [
            (labels, _scaled((variant["one_retry"] or {}).get("availability_percent"), 0.01))
            for labels, variant in variants
        ],
    )
    _metric(
        lines,
        "writes",
        "Numbered writes by what became of them.",
        (
            ({**labels, "kind": kind}, count)
            for labels, variant in variants
            for kind, count in (variant["writes"] or {}).items()
        ),
    )
    return "\n".join(lines) + "\n"


def _metric(lines: list[str], name: str, help_text: str, samples: Iterator[Sample] | list[Sample]) -> None:
    known = [(labels, value) for labels, value in samples if value is not None]
    if not known:
        return
    lines.append(f"# HELP {PREFIX}_{name} {help_text}")
    lines.append(f"# TYPE {PREFIX}_{name} gauge")
    for labels, value in known:
        text = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        lines.append(f"{PREFIX}_{name}{{{text}}} {value!r}")


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else round(value * factor, 12)


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
