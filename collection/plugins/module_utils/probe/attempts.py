# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One JSON line for each request, for those who want them all (`attempts`)."""

from __future__ import annotations

import datetime
import json
import os
import sys
from contextlib import suppress
from typing import Any

from .place import private

_FLUSH_AT = 256


class AttemptLog:
    """Appends attempts to a file in blocks. The lines are described in docs/probe-result.md."""

    def __init__(self, path: str, started_unix_ns: int) -> None:
        self._path = path
        self._file = private(path, os.O_APPEND)
        self._full = False
        self._started_unix_ns = started_unix_ns
        self._lines: list[str] = []

    def write(
        self,
        *,
        number: int,
        lane: str,
        target: str,
        due: int,
        start: int | None,
        end: int,
        name: str,
        status: int | str | None,
        identity: dict[str, str],
        remote_date: Any,
        body_bytes: int,
        error: str,
    ) -> None:
        """Times in ns from the start of the probe; `start` is None when nothing was sent."""
        sent_unix = (self._started_unix_ns + (due if start is None else start)) / 1e9
        self._lines.append(
            json.dumps(
                {
                    "n": number,
                    "lane": lane,
                    "target": target,
                    "due_s": round(due / 1e9, 6),
                    "sent_s": None if start is None else round(start / 1e9, 6),
                    "latency_ms": round((end - due) / 1e6, 6),
                    "service_ms": None if start is None else round((end - start) / 1e6, 6),
                    "outcome": name,
                    "status": status,
                    "identity": identity,
                    "local_date": datetime.datetime.fromtimestamp(sent_unix, datetime.timezone.utc).isoformat(),
                    "remote_date": remote_date,
                    "ttlb_s": None if start is None else round((end - start) / 1e9, 9),
                    "body_bytes": body_bytes,
                    "error": error,
                },
                separators=(",", ":"),
            )
        )
        if len(self._lines) >= _FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Write whole lines only: several workers append to one file."""
        if self._lines and not self._full:
            try:
                self._file.write("\n".join(self._lines) + "\n")
                self._file.flush()
            except OSError as error:  # the measurement goes on without them
                self._full = True
                with suppress(OSError):
                    print(f"probe: {self._path}: {error.strerror}", file=sys.stderr, flush=True)
        self._lines.clear()

    def close(self) -> None:
        """Write the rest."""
        self.flush()
        with suppress(OSError):
            self._file.close()
