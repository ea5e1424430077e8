# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The record in the words of k6's end-of-test summary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..probe.distribution import NS_PER_MS, Distribution, merged, middle_ns
from .go_duration import go_duration

_CHECKS_WIDTH = 35
_METRICS_WIDTH = 72
_TRUNCATE_NS = ((60_000_000_000, 1_000_000_000), (1_000_000_000, 10_000_000), (1_000_000, 10_000), (1_000, 10))


def _human(ns: float | None) -> str:
    """A duration cut to two decimals of its unit, whole seconds from a minute on."""
    value = int(ns or 0)
    step = next((step for above, step in _TRUNCATE_NS if value > above), 1)
    return go_duration(value // step * step)


def _bytes(count: float) -> str:
    """SI units, one decimal below ten: `8.4 MB`, `16 kB`, `9 B`."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.1f} {units[0]}" if value < 10 and units[0] != "B" else f"{value:.0f} {units[0]}"


def _trend(times: Distribution, floor_ns: int = 0) -> list[str]:
    """The six figures of durations; with `floor_ns`, as if each had lasted at least so long.

    Raising every value to a floor keeps their order, so it may be done to the percentiles.
    """
    if not times.count:
        return [f"{name}=0s" for name in ("avg", "min", "med", "max", "p(90)", "p(95)")]
    sum_ns = float(times.sum_ns)
    if floor_ns:
        sum_ns = sum(max(floor_ns, middle_ns(index)) * count for index, count in times.counts.items())
    raised = replace(times, min_ns=max(floor_ns, times.min_ns or 0), max_ns=max(floor_ns, times.max_ns or 0))
    values = {
        "avg": sum_ns / times.count,
        "min": raised.min_ns,
        "med": (raised.percentile_ms(50) or 0) * NS_PER_MS,
        "max": raised.max_ns,
        "p(90)": (raised.percentile_ms(90) or 0) * NS_PER_MS,
        "p(95)": (raised.percentile_ms(95) or 0) * NS_PER_MS,
    }
    return [f"{name}={_human(value)}" for name, value in values.items()]


def _aligned(rows: list[tuple[str, list[str]]], width: int) -> dict[str, str]:
    """name -> `name.....: first second`, the columns of all rows under one another."""
    columns = max((len(values) for _unused, values in rows), default=0)
    widths = [max(len(values[at]) for _unused, values in rows if at < len(values)) for at in range(columns)]
    return {
        name: f"{'  ' if name.startswith('{') else ''}{name}".ljust(width, ".")
        + ": "
        + " ".join(value.ljust(widths[at]) for at, value in enumerate(values)).rstrip()
        for name, values in rows
    }


def _check_name(options: dict[str, Any]) -> str:
    """What every request was checked for: its status alone, or all that was expected."""
    told = ",".join(map(str, options.get("expect_status") or []))
    others = any(options.get(name) for name in ("expect_body", "expect_regex", "expect_json", "expect_latency"))
    return f"status was {told}" if told and not others else "met every expectation"


def _of(part: int, whole: int) -> list[str]:
    return [f"{100 * part / max(1, whole):.2f}%", f"{part} out of {whole}"]


def render(record: dict[str, Any], attempts: object = None) -> str:
    """k6's sections: checks, HTTP, EXECUTION, NETWORK. One request is one iteration and one check.

    http_req_duration counts from the actual start, as k6's does, and holds answered requests. iteration_duration
    counts from the due time, and lasts at least the iteration time of a plan that has one. Requests never sent are
    dropped_iterations.
    """
    totals, plan = record["totals"], record["plan"]
    completed, failed = totals["completed"], totals["failed"]
    sent, elapsed = completed + failed, record["elapsed_s"]

    def rate(count: int) -> str:
        return f"{count / elapsed if elapsed else 0:.6f}/s"

    def data(count: int) -> list[str]:
        return [_bytes(count), _bytes(count / elapsed if elapsed else 0) + "/s"]

    answered = merged([totals["service_time"]])
    iterations = merged([totals["latency"]])
    iteration_ns = int((plan["iteration_s"] or 0) * 1e9)
    checks = _aligned(
        [
            ("checks_total", [str(sent), rate(sent)]),
            ("checks_succeeded", _of(completed, sent)),
            ("checks_failed", _of(failed, sent)),
        ],
        _CHECKS_WIDTH,
    )
    trends = [("http_req_duration", _trend(answered))]
    if completed:
        trends.append(("{ expected_response:true }", _trend(answered)))
    trends.append(("iteration_duration", _trend(iterations, iteration_ns)))
    counts = [
        ("http_req_failed", _of(failed, sent)),
        ("http_reqs", [str(sent), rate(sent)]),
        ("iterations", [str(sent), rate(sent)]),
        ("data_received", data(totals["bytes_received"])),
        ("data_sent", data(totals["bytes_sent"])),
    ]
    users = record.get("users") or {}
    vus: list[str] = []
    if users:
        peak, least = users["max"], users["min"]
        last = round(plan["stages"][-1]["to"]) if plan["stages"] else peak
        counts += [
            ("vus", [str(last), f"min={least}", f"max={peak}"]),
            ("vus_max", [str(peak), f"min={peak}", f"max={peak}"]),
        ]
        vus = ["vus", "vus_max"]
    if totals["not_sent"]:
        counts.append(("dropped_iterations", [str(totals["not_sent"]), rate(totals["not_sent"])]))
    lines = {**_aligned(trends, _METRICS_WIDTH), **_aligned(counts, _METRICS_WIDTH)}
    check = f"{'✗' if failed else '✓'} {_check_name(record['options'])}"
    if failed:
        check += f"\n      ↳  {100 * completed // max(1, sent)}% — ✓ {completed} / ✗ {failed}"
    sections = {
        "HTTP": ["http_req_duration", "{ expected_response:true }", "http_req_failed", "http_reqs"],
        "EXECUTION": ["dropped_iterations", "iteration_duration", "iterations", *vus],
        "NETWORK": ["data_received", "data_sent"],
    }
    text = ["", "", "  █ TOTAL RESULTS", "", *(f"    {line}" for line in checks.values()), "", f"    {check}"]
    for title, names in sections.items():
        text += ["", f"    {title}", *(f"    {lines[name]}" for name in names if name in lines)]
    return "\n".join(text) + "\n"
