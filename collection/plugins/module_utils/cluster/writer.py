# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Writes a cluster record line by line, from many threads, so that a kill loses at most the line being written."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .record import RECORD_KIND, SCHEMA_VERSION, Gap, ObjectChange, change_of


class RecordWriter:
    """One record file. Each line goes to the kernel with one write; ``close`` writes the end line and syncs.

    heard: told of each change, in the order of the record, by the thread that writes it.

    Raises OSError when the file cannot be created or written (a full disk ends the recording, not silently).
    """

    def __init__(self, path: str, header: dict[str, Any], heard: Callable[[ObjectChange], None] | None = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._descriptor: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        self._lock = threading.Lock()
        self._heard = heard
        self.counts: Counter[str] = Counter()
        self._put(
            {"record": RECORD_KIND, "schema_version": SCHEMA_VERSION, "started_at": _utc_now(), **_now(), **header}
        )

    def change(self, kind: str, event: str, via: str, metadata: dict[str, Any], **body: Any) -> None:
        """One state of one object; ``body`` holds api_time, state and, where it is new, spec."""
        line = {
            "line": "object",
            **_now(),
            "kind": kind,
            "event": event,
            "via": via,
            "name": metadata.get("name", ""),
            "namespace": metadata.get("namespace", ""),
            "uid": metadata.get("uid", ""),
            "resource_version": metadata.get("resourceVersion", ""),
            **body,
        }
        self._put(line, kind)
        if self._heard is not None:
            self._heard(change_of(line))

    def gap(self, gap: Gap) -> None:
        self._put({"line": "gap", **_now(), **gap.__dict__}, "gaps")

    def line(self, name: str, **body: Any) -> None:
        """A line of any other kind: usage, throttling, skipped, clock."""
        self._put({"line": name, **_now(), **body}, name)

    def close(self, reason: str, **body: Any) -> None:
        """Write the end line with the counts, sync and close. Later writes are dropped; closing twice is harmless."""
        counts = dict(sorted(self.counts.items()))
        self._put({"line": "end", **_now(), "ended_at": _utc_now(), "reason": reason, "counts": counts, **body})
        with self._lock:
            if self._descriptor is not None:
                os.fsync(self._descriptor)
                os.close(self._descriptor)
                self._descriptor = None

    def _put(self, line: dict[str, Any], count_as: str | None = None) -> None:
        data = (json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n").encode()
        with self._lock:
            if self._descriptor is None:
                return
            while data:
                data = data[os.write(self._descriptor, data) :]
            if count_as is not None:
                self.counts[count_as] += 1


def _now() -> dict[str, int]:
    return {"t_ns": time.time_ns(), "mono_ns": time.monotonic_ns()}


def _utc_now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
