# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Brown-outs: times in which most requests of a lane and target fail, although now and then one is answered.

An odd good answer ends an outage, so nine failures of ten are many short ones. Here every window of one second counts
in which at least half of the requests (or another share that is asked for), and at least two, failed; windows that
touch are one brown-out, from its first to its last bucket with a failure. A hard outage that fills half a window is
one, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from . import outcome
from .rows import BUCKET_NS, Counts

WINDOW_S = 1.0
#: In percent of a window's requests, where nothing else is asked for.
SHARE_PERCENT = 50.0
LEAST_FAILED = 2
LIST_LIMIT = 1_000

_WINDOW = int(WINDOW_S * 1e9) // BUCKET_NS
_BUCKET_S = BUCKET_NS / 1e9
_SUMS = {"count": 0, "longest_s": 0.0, "total_s": 0.0}


class Detector:
    """The brown-outs of one lane and target, from its buckets in order.

    `ended` are the first ones as (first bucket, last bucket, requests, failed), the last one of them may still grow.
    """

    def __init__(self, share: float) -> None:
        self.share = share  # of 1
        self.ended: list[tuple[int, int, int, int]] = []
        self.open: tuple[int, int, int, int] | None = None
        #: Of those that have ended: how many, buckets of the longest, of all.
        self.count = self.longest = self.total = 0
        self._window: deque[tuple[int, int]] = deque(maxlen=_WINDOW)  # (failed, measured)
        self._next = 0  # the bucket after the window's last one

    def add(self, bucket: int, failed: int, measured: int) -> None:
        """The next bucket in which requests were measured."""
        if not self._window:
            self._next = bucket
        while self._next < bucket and any(bad for bad, _unused in self._window):
            self._step(0, 0)
        if self._next < bucket:  # nothing in the window could become a brown-out
            self._window.extend([(0, 0)] * min(bucket - self._next, _WINDOW))
            self._next = bucket
        self._step(failed, measured)

    def finish(self) -> None:
        """The measurement is over; one that was shorter than a window is a window."""
        if len(self._window) < _WINDOW:
            self._look()
        self._close()

    def to_list(self) -> list[Any]:
        """For the progress file (JSON)."""
        return [self.ended, self.open, self.count, self.longest, self.total, list(self._window), self._next]

    def load(self, values: Sequence[Any]) -> None:
        """Read `to_list` back."""
        ended, current, self.count, self.longest, self.total, window, self._next = values
        self.ended, self.open = [tuple(one) for one in ended], tuple(current) if current else None
        self._window.extend((bad, of) for bad, of in window)

    def _step(self, failed: int, measured: int) -> None:
        self._window.append((failed, measured))
        self._next += 1
        if len(self._window) == _WINDOW:
            self._look()

    def _look(self) -> None:
        bad, of = (sum(entry[part] for entry in self._window) for part in (0, 1))
        if bad < LEAST_FAILED or bad < self.share * of:
            return
        begun = self._next - len(self._window)
        edges = [begun + position for position, entry in enumerate(self._window) if entry[0]]
        first, last, requests, failed = self.open or (edges[0], edges[0] - 1, 0, 0)
        if edges[0] > last + 1:
            self._close()
            first, last, requests, failed = edges[0], edges[0] - 1, 0, 0
        fresh = list(self._window)[last + 1 - begun : edges[-1] + 1 - begun]
        self.open = (
            first,
            max(last, edges[-1]),
            requests + sum(entry[1] for entry in fresh),
            failed + sum(entry[0] for entry in fresh),
        )

    def _close(self) -> None:
        if self.open is None:
            return
        length = self.open[1] + 1 - self.open[0]
        self.count, self.longest, self.total = self.count + 1, max(self.longest, length), self.total + length
        if len(self.ended) < LIST_LIMIT:
            self.ended.append(self.open)
        self.open = None


class Brownouts:
    """The brown-outs of all lanes and targets."""

    def __init__(self, lanes: Iterable[str], share_percent: float = SHARE_PERCENT) -> None:
        self._lanes = frozenset(lanes)
        self._percent = share_percent
        self._detectors: dict[tuple[str, int], Detector] = {}

    def add(self, bucket: int, counts: Counts) -> None:
        """The next bucket's requests."""
        sums: dict[tuple[str, int], list[int]] = {}
        for ((lane, target, _unused), name), times in counts.items():
            if lane in self._lanes and name not in outcome.CLIENT:
                cell = sums.setdefault((lane, target), [0, 0])
                cell[0] += times if name != outcome.OK else 0
                cell[1] += times
        for track, (failed, measured) in sums.items():
            self._detector(track).add(bucket, failed, measured)

    def to_record(self, targets: Sequence[str]) -> dict[str, Any]:
        """The record's `brownouts`: a list over all lanes and targets; the sums are those of the worst of them."""
        entries: list[dict[str, Any]] = []
        tracks: list[dict[str, Any]] = []
        for (lane, target), detector in sorted(self._detectors.items()):
            detector.finish()
            if not detector.count:
                continue
            tracks.append({
                "lane": lane,
                "target": targets[target],
                "count": detector.count,
                "longest_s": round(detector.longest * _BUCKET_S, 6),
                "total_s": round(detector.total * _BUCKET_S, 6),
            })  # fmt: skip
            for first, last, requests, failed in detector.ended:
                entries.append({
                    "lane": lane,
                    "target": targets[target],
                    "start_s": round(first * _BUCKET_S, 6),
                    "end_s": round((last + 1) * _BUCKET_S, 6),
                    "length_s": round((last + 1 - first) * _BUCKET_S, 6),
                    "requests": requests,
                    "failed": failed,
                })  # fmt: skip
        entries.sort(key=lambda entry: (entry["start_s"], entry["lane"], entry["target"]))
        return {
            "window_s": WINDOW_S,
            "share": self._percent / 100.0,
            **worst_track(tracks),
            "tracks": tracks,
            "list": entries[:LIST_LIMIT],
            "list_truncated": sum(track["count"] for track in tracks) - len(entries[:LIST_LIMIT]),
        }

    def to_list(self) -> list[Any]:
        """For the progress file (JSON)."""
        return [[lane, target, detector.to_list()] for (lane, target), detector in self._detectors.items()]

    def load(self, values: Iterable[Any]) -> None:
        """Read `to_list` back."""
        for lane, target, detector in values:
            self._detector((lane, target)).load(detector)

    def _detector(self, track: tuple[str, int]) -> Detector:
        return self._detectors.setdefault(track, Detector(self._percent / 100.0))


def worst_track(tracks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The greatest number, longest and total of these lanes and targets."""
    chosen = list(tracks)
    return {name: max((track[name] for track in chosen), default=nothing) for name, nothing in _SUMS.items()}
