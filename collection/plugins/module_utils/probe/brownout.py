# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Brown-outs: times in which most requests of a lane and target fail, although now and then one is answered.

An odd good answer ends an outage, so nine failures of ten are many short ones. Here every window of one second counts
in which at least half of the requests (and at least two) failed; windows that touch are one brown-out, from its first
to its last bucket with a failure. A hard outage that fills half a window is one, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from . import outcome
from .tally import BUCKET_NS, CellKey

WINDOW_S = 1.0
SHARE = 0.5
LEAST_FAILED = 2
LIST_LIMIT = 1_000
_WINDOW = int(WINDOW_S * 1e9) // BUCKET_NS
_BUCKET_S = BUCKET_NS / 1e9

#: bucket -> (cell, outcome) -> requests
Rows = Mapping[int, Mapping[tuple[CellKey, str], int]]


def windows(failed: Sequence[int], measured: Sequence[int]) -> list[tuple[int, int]]:
    """First and last bucket (inclusive) of each brown-out, from the counts of every bucket."""
    if not any(failed):
        return []
    width = min(_WINDOW, len(failed))
    failed_sum, measured_sum = [0, *accumulate(failed)], [0, *accumulate(measured)]
    found: list[tuple[int, int]] = []
    seen = -1  # windows up to here were looked at
    for bucket in (position for position, count in enumerate(failed) if count):
        for first in range(max(seen + 1, bucket - width + 1, 0), min(bucket, len(failed) - width) + 1):
            seen = first
            bad = failed_sum[first + width] - failed_sum[first]
            if bad < LEAST_FAILED or bad < SHARE * (measured_sum[first + width] - measured_sum[first]):
                continue
            edges = [position for position in range(first, first + width) if failed[position]]
            if found and edges[0] <= found[-1][1] + 1:
                found[-1] = (found[-1][0], max(found[-1][1], edges[-1]))
            else:
                found.append((edges[0], edges[-1]))
    return found


def brownouts(rows: Rows, lanes: Iterable[str], targets: Sequence[str]) -> dict[str, Any]:
    """The record's `brownouts`: a list over all lanes and targets; the sums are those of the worst of them."""
    chosen = set(lanes)
    counts: dict[tuple[str, int], dict[int, list[int]]] = {}
    for bucket, row in rows.items():
        for ((lane, target, _unused), name), times in row.items():
            if lane in chosen and name not in outcome.CLIENT:
                cell = counts.setdefault((lane, target), {}).setdefault(bucket, [0, 0])
                cell[0] += times if name != outcome.OK else 0
                cell[1] += times
    entries: list[dict[str, Any]] = []
    for (lane, target), buckets in sorted(counts.items()):
        begun = min(buckets)
        every = [buckets.get(bucket, (0, 0)) for bucket in range(begun, max(buckets) + 1)]
        failed, measured = [entry[0] for entry in every], [entry[1] for entry in every]
        for first, last in windows(failed, measured):
            entries.append({
                "lane": lane,
                "target": targets[target],
                "start_s": round((begun + first) * _BUCKET_S, 6),
                "end_s": round((begun + last + 1) * _BUCKET_S, 6),
                "length_s": round((last + 1 - first) * _BUCKET_S, 6),
                "requests": sum(measured[first : last + 1]),
                "failed": sum(failed[first : last + 1]),
            })  # fmt: skip
    entries.sort(key=lambda entry: (entry["start_s"], entry["lane"], entry["target"]))
    return {"window_s": WINDOW_S, "share": SHARE, **sums(entries), "list": entries[:LIST_LIMIT],
            "list_truncated": max(0, len(entries) - LIST_LIMIT)}  # fmt: skip


def sums(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Number, longest and total of the worst lane and target."""
    tracks: dict[tuple[str, str], list[float]] = {}
    for entry in entries:
        tracks.setdefault((entry["lane"], entry["target"]), []).append(entry["length_s"])
    return {
        "count": max((len(lengths) for lengths in tracks.values()), default=0),
        "longest_s": max((max(lengths) for lengths in tracks.values()), default=0.0),
        "total_s": round(max((sum(lengths) for lengths in tracks.values()), default=0.0), 6),
    }
