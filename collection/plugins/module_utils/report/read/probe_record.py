# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The probe record as the report reads it: see docs/probe-result.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .record_file import RecordError, check_head, line_of, parse_record, read_text

KIND = "probe"
SCHEMA_VERSION = 1
NOT_SENT = ("not_sent", "ports_exhausted", "descriptors_exhausted", "client_late")
_TOP = {
    "started_at": str,
    "started_unix_ns": int,
    "elapsed_s": (int, float),
    "complete": bool,
    "stopped_by": str,
    "totals": dict,
    "lanes": dict,
    "identities": dict,
    "timeline": dict,
    "outages": dict,
    "self_check": dict,
    "objectives": list,
    "verdict": str,
    "reasons": list,
}
_GROUP = {
    "due": int,
    "completed": int,
    "failed": int,
    "not_sent": int,
    "outcomes": dict,
    "availability": dict,
    "latency": dict,
    "service_time": dict,
    "failure_time": dict,
}


@dataclass(frozen=True)
class Window:
    """When the service was disturbed, ns of the Unix epoch, and for how long no request may fail to call it stable."""

    from_ns: int
    to_ns: int
    stable_s: float


@dataclass(frozen=True)
class Run:
    """One probe record of a scenario run, and what it stands for.

    path: where the record was read, shown to people. probe: the record as in docs/probe-result.schema.json.
    explained: its failures and their causes (docs/causes.md), None where the cluster was not recorded.
    window: with it the record is cut into phases. writes: its numbered writes against what was stored.
    settings: setting -> value of the variant, as in a matrix. retry: what one retry would have saved, by its
    per-request log. served: requests that each pod counted since its start, read after the run. cure_of: the variant
    that this one repeats with an advised change. doubts: what did not go as planned, which makes it inconclusive.
    """

    variant: str
    phase: str
    path: str
    probe: Mapping[str, Any]
    explained: Mapping[str, Any] | None = None
    window: Window | None = None
    writes: Mapping[str, int] | None = None
    settings: Mapping[str, Any] | None = None
    retry: dict[str, Any] | None = None
    served: Mapping[str, int] | None = None
    cure_of: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def started_ns(self) -> int:
        return int(self.probe["started_unix_ns"])

    @property
    def ended_ns(self) -> int:
        return self.started_ns + int(float(self.probe["elapsed_s"]) * 1e9)

    @property
    def row_ns(self) -> int:
        """How much time a row of the timeline holds: 100 ms, and more in a long run."""
        return int(self.probe["timeline"]["bucket_ms"]) * 1_000_000


def read_probe_record(path: str | Path) -> dict[str, Any]:
    """Read and check a probe record.

    Raises RecordError naming file and line: missing, empty, truncated, foreign, newer, or without a field.
    """
    text = read_text(path)
    return checked_record(path, text, parse_record(path, text, KIND, SCHEMA_VERSION))


def checked_record(path: str | Path, text: str, record: Any) -> dict[str, Any]:
    """As read_probe_record, of a text that is here and parsed already."""
    check_head(path, text, record, KIND, SCHEMA_VERSION)
    _check_fields(path, text, record, _TOP, "")
    _check_fields(path, text, record["totals"], _GROUP, "totals.")
    totals = record["totals"]
    if totals["due"] != totals["completed"] + totals["failed"] + totals["not_sent"]:
        raise RecordError(
            path,
            line_of(text, "totals"),
            f'"totals" does not add up: due {totals["due"]} is not completed {totals["completed"]} + '
            f"failed {totals['failed']} + not_sent {totals['not_sent']}",
        )
    for row in record["timeline"].get("rows", [None]):
        if not isinstance(row, dict) or "i" not in row or "outcomes" not in row:
            raise RecordError(path, line_of(text, "timeline"), '"timeline.rows" has a row without "i" and "outcomes"')
    checked: dict[str, Any] = record
    return checked


def version_key(identities: Mapping[str, Any]) -> str | None:
    """The identity that tells versions apart: `version` or `tag`, else the first that is not the pod or node."""
    for name in ("version", "tag"):
        if name in identities:
            return name
    return next((name for name in identities if name not in ("pod", "node")), None)


def _check_fields(path: str | Path, text: str, value: Any, fields: Mapping[str, Any], prefix: str) -> None:
    for name, kind in fields.items():
        if name not in value:
            raise RecordError(path, 1, f'"{prefix}{name}" is missing: not a whole probe record')
        if not isinstance(value[name], kind):
            expected = kind.__name__ if isinstance(kind, type) else "number"
            raise RecordError(path, line_of(text, name), f'"{prefix}{name}" is not a {expected}')
