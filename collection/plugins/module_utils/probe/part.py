# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One prober's record as a merged record keeps it: what does not add, on the prober's own axis.

A merge starts from these parts and not from what an earlier merge made of them: so the order of merges changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .arguments import ARGUMENTS, OptionError, seconds
from .lane import CONTROL
from .meeting import View
from .outage import Run

Part = dict[str, Any]


def micros(value_s: float) -> int:
    """A time of a record in us: what its writer rounded to."""
    return round(value_s * 1e6)


def parts_of(file: str, record: Mapping[str, Any]) -> list[Part]:
    """The parts of a record: itself, or those that it was merged from. Raises OptionError."""
    if "merge" in record:
        return list(record["merge"]["parts"])
    totals, vantage = record["totals"], record["vantage"]
    lanes = {**record["lanes"], **({CONTROL: record["control"]} if record["control"] else {})}
    return [
        {
            "file": file,
            "name": record["name"],
            **{name: vantage[name] for name in ("host", "cores", "processes")},
            **{name: record[name] for name in ("started_at", "started_unix_ns", "started_monotonic_ns", "elapsed_s")},
            **{name: record[name] for name in ("complete", "stopped_by", "verdict", "plan")},
            **{name: totals[name] for name in ("due", "completed", "failed", "not_sent")},
            "outages": record["outages"]["count"],
            "self_check": {name: value for name, value in record["self_check"].items() if name != "lateness"},
            "targets": list(record["targets"]),
            "lanes": {
                name: {
                    "resolution_s": lane["resolution_s"],
                    "answered_s": _answered(file, record, name, lane),
                    "outages": lane["outages"],
                }
                for name, lane in lanes.items()
            },
        }
    ]


def _answered(file: str, record: Mapping[str, Any], name: str, lane: Mapping[str, Any]) -> dict[str, list[float]]:
    """When each target's first and last answered request began, also of a record from before 2026-11-28."""
    if "answered_s" in lane:
        told: dict[str, list[float]] = lane["answered_s"]
        return told
    groups: dict[str, Mapping[str, Any]]
    if name == CONTROL:
        groups = {CONTROL: lane}
    elif len(record["targets"]) == 1:
        groups = dict.fromkeys(record["targets"], lane)
    elif len(record["lanes"]) == 1:
        groups = record["targets"]
    else:
        raise OptionError(
            f"merge: {file} has several lanes and targets and is from before 2026-11-28, expected a newer"
        )
    ends = {target: group["outcomes"].get("ok") for target, group in groups.items()}
    return {target: [ok["first_s"], ok["last_s"]] for target, ok in ends.items() if ok}


def started_us(part: Mapping[str, Any]) -> int:
    """When it began on the wall clock. Differences of these are whole us, like the times of a record."""
    return int(part["started_unix_ns"]) // 1000


def ended_us(part: Mapping[str, Any]) -> int:
    """When it ended on the wall clock."""
    return started_us(part) + micros(part["elapsed_s"])


def in_order(parts: Iterable[Part]) -> list[Part]:
    """In the order of their starts, whatever the order of the files. Raises OptionError.

    Twice the same record, and records that do not overlap, say nothing together.
    """
    ordered = sorted(parts, key=lambda part: (*_key(part), part["file"]))
    for before, after in zip(ordered, ordered[1:]):
        if _key(before) == _key(after):
            raise OptionError(
                f"merge: {before['file']} and {after['file']} hold the same record, expected different ones"
            )
    ended = ended_us(ordered[0])
    for part in ordered[1:]:
        if started_us(part) >= ended:
            late_s = (started_us(part) - ended) / 1e6
            raise OptionError(
                f"merge: {part['file']} begins {late_s:.3f} s after all before it ended, "
                "expected records that overlap in time"
            )
        ended = max(ended, ended_us(part))
    return ordered


def _key(part: Mapping[str, Any]) -> tuple[Any, ...]:
    return part["started_unix_ns"], part["started_monotonic_ns"], part["host"]


def labels(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What each prober is called in a reason: its host, and its file where a host had several."""
    hosts = [part["host"] for part in parts]
    return [host if hosts.count(host) == 1 else f"{host} ({part['file']})" for host, part in zip(hosts, parts)]


def tracks(parts: Iterable[Mapping[str, Any]], lane: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """(target, part, its lane) for each track of this lane."""
    for part in parts:
        if lane in part["lanes"]:
            for target in part["targets"] if lane != CONTROL else [CONTROL]:
                yield target, part, part["lanes"][lane]


def view_of(part: Mapping[str, Any], lane: Mapping[str, Any], target: str, origin_us: int) -> View:
    """What this prober saw of a target in a lane, on an axis that begins at `origin_us`."""
    shift_us = started_us(part) - origin_us

    def at(value_s: float | None) -> int | None:
        return None if value_s is None else (micros(value_s) + shift_us) * 1000

    def run_of(entry: Mapping[str, Any]) -> Run:
        run = Run(at(entry["last_good_s"]), 0, entry["first_outcome"], entry["first_error"])
        run.first_bad, run.last_bad, run.end = (at(entry[name]) or 0 for name in ("first_bad_s", "last_bad_s", "end_s"))
        run.next_good = at(entry["next_good_s"])
        run.lost, run.slow, run.outcomes = entry["requests_lost"], entry["requests_slow"], entry["outcomes"]
        return run

    runs = [run_of(entry) for entry in lane["outages"]["list"] if entry["target"] == target]
    first, last = lane["answered_s"].get(target, (None, None))
    # While a prober did not send, its good requests were further apart than its plan says.
    gap_s = None if part["not_sent"] else lane["resolution_s"]
    return View(runs, at(first), at(last), None if gap_s is None else round(gap_s * 1e9))


def reading_of(record: Mapping[str, Any]) -> dict[str, float]:
    """How its requests were read: what `Options.reading` says, from the options in force."""
    given: dict[str, Any] = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    given.update({name: value for name, value in record["options"].items() if value is not None})
    return {
        "stall_after_s": seconds("stall_after", given["stall_after"]),
        "timeout_s": seconds("timeout", given["timeout"]),
        "brownout_percent": float(given["brownout_share"]),
    }
