# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The cluster record: one JSON object a line, described in docs/cluster-record.md.

This file holds the types and the reader. It knows nothing of Kubernetes clients or sockets, so that the report
may import it. Times ending in ``_ns`` are integers: ``t_ns`` is the observer's wall clock (Unix epoch),
``mono_ns`` its monotonic clock; ``api_time`` is the API's own RFC 3339 text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
RECORD_KIND = "cluster"

Json = dict[str, Any]


class RecordError(ValueError):
    """A record that cannot be used; the text names file, line and what was expected."""


@dataclass(frozen=True)
class ObjectChange:
    """One observed state of one Kubernetes object.

    ``event`` is listed (seen in the first list), added, modified or deleted; ``via`` is list, watch or relist
    (found by comparing lists after the watch was lost: the change is older than ``t_ns``). ``spec`` comes only
    with listed and added.
    """

    t_ns: int
    mono_ns: int
    kind: str
    event: str
    via: str
    name: str
    namespace: str
    uid: str
    resource_version: str
    api_time_ns: int | None
    state: Json
    spec: Json | None = None


@dataclass(frozen=True)
class Front:
    """The proxy that answers HTTP in front of the service, by its own Service."""

    namespace: str
    service: str

    @classmethod
    def parse(cls, option: str, text: str) -> Front | None:
        """Read "namespace/service"; "" is None. Raises RecordError."""
        namespace, slash, service = text.partition("/")
        if text and not (namespace and slash and service and "/" not in service):
            raise RecordError(f"{option}: expected namespace/service of the proxy in front, got {text!r}")
        return cls(namespace, service) if text else None


@dataclass(frozen=True)
class PodUsage:
    """CPU (millicores) and memory (bytes) of every pod and node, averaged by metrics-server over ``window_s``."""

    t_ns: int
    pods: dict[str, dict[str, dict[str, float]]]  # pod -> container -> {cpu_m, memory_bytes, window_s, api_time_ns}
    nodes: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Throttling:
    """The kernel's CFS counters of containers with a CPU limit (running totals, as cAdvisor tells them)."""

    t_ns: int
    containers: dict[str, dict[str, Any]]  # "pod/container" -> {periods, throttled_periods, throttled_s, api_time_ns}


@dataclass(frozen=True)
class HostLoad:
    """How busy the observer's own machine was; in a local lab the nodes run on it."""

    t_ns: int
    cores: int
    load_1m: float
    cpu_pressure_percent: float | None


@dataclass(frozen=True)
class Gap:
    """A time in which the watch of ``kind`` was down: changes inside it were observed late, and with
    ``relisted`` changes that were undone within it were not observed at all."""

    kind: str
    from_ns: int
    to_ns: int
    relisted: bool
    reason: str


@dataclass
class ClusterRecord:
    """A whole record. ``end`` is None when the recorder did not end by itself (it was killed)."""

    path: str
    header: Json
    changes: list[ObjectChange] = field(default_factory=list)
    usage: list[PodUsage] = field(default_factory=list)
    throttling: list[Throttling] = field(default_factory=list)
    load: list[HostLoad] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # kind -> why it was not watched
    clock_offset_ms: tuple[float, float] | None = None  # API clock minus observer's: at least, at most
    end: Json | None = None
    truncated: bool = False

    @property
    def front(self) -> Front | None:
        """The proxy in front of the service that was recorded, too."""
        told = self.header.get("front")
        return Front(told["namespace"], told["service"]) if told else None

    @property
    def started_ns(self) -> int:
        return int(self.header["t_ns"])

    @property
    def ended_ns(self) -> int:
        """The end line's time; of a killed recorder the time of its last line."""
        if self.end is not None:
            return int(self.end["t_ns"])
        times = [line.t_ns for group in (self.changes, self.usage, self.throttling) for line in group[-1:]]
        return max(times, default=self.started_ns)

    def of_kind(self, kind: str) -> list[ObjectChange]:
        """Changes of one kind in the order they were observed."""
        return [change for change in self.changes if change.kind == kind]


def parse_time_ns(text: str | None) -> int | None:
    """RFC 3339 text of the API, with or without a fraction, as Unix nanoseconds; None stays None."""
    if not text:
        return None
    whole, _unused, rest = text.partition(".")
    fraction = ""
    if rest:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        fraction, zone = rest[:digits], rest[digits:]
        whole += zone
    moment = datetime.fromisoformat(whole.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 1_000_000_000 + int((fraction + "0" * 9)[:9])


def read_record(path: str | Path) -> ClusterRecord:
    """Read a record file.

    A cut last line (the recorder was killed while writing) is left out and sets ``truncated``.
    Raises RecordError for anything else that is not a record of this version, with file and line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not a cluster record: not UTF-8 text (byte {error.start})") from error
    complete, cut = lines[:-1], lines[-1]
    if not complete and not cut.strip():
        raise RecordError(f"{path}:1: empty; expected the header line of a cluster record")
    record = ClusterRecord(path=str(path), header=_header(path, (complete or [cut])[0]))
    for number, text in enumerate(complete[1:], start=2):
        try:
            _add(record, json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{path}:{number}: not a line of a cluster record: {_why(error)}") from error
    record.truncated = bool(cut.strip())
    return record


def _header(path: str | Path, text: str) -> Json:
    try:
        header = json.loads(text)
    except ValueError as error:
        raise RecordError(f"{path}:1: not a cluster record: the header is not JSON ({error})") from error
    if not isinstance(header, dict) or header.get("record") != RECORD_KIND:
        raise RecordError(f'{path}:1: not a cluster record: expected a header with "record": "{RECORD_KIND}"')
    version = header.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION or version < 1:
        raise RecordError(
            f"{path}:1: schema_version {version!r} is not known; this version reads up to {SCHEMA_VERSION}"
        )
    for name in ("t_ns", "mono_ns", "namespace", "started_at"):
        if name not in header:
            raise RecordError(f"{path}:1: the header lacks {name}")
    return header


# fields whose type the report relies on
_TYPES: dict[str, dict[str, type]] = {
    "object": {"t_ns": int, "kind": str, "event": str, "via": str, "name": str, "uid": str, "state": dict},
    "usage": {"t_ns": int, "pods": dict, "nodes": dict},
    "throttling": {"t_ns": int, "containers": dict},
    "load": {"t_ns": int, "cores": int},
    "gap": {"kind": str, "from_ns": int, "to_ns": int},
    "end": {"t_ns": int},
}


def _add(record: ClusterRecord, line: Json) -> None:
    kind = line["line"]
    for name, expected in _TYPES.get(kind, {}).items():
        if not isinstance(line[name], expected):
            raise ValueError(f"{name} is {json.dumps(line[name])[:60]}, expected {expected.__name__}")
    if kind == "object":
        record.changes.append(change_of(line))
    elif kind == "usage":
        record.usage.append(PodUsage(line["t_ns"], line["pods"], line["nodes"]))
    elif kind == "throttling":
        record.throttling.append(Throttling(line["t_ns"], line["containers"]))
    elif kind == "load":
        record.load.append(HostLoad(line["t_ns"], line["cores"], line["load_1m"], line["cpu_pressure_percent"]))
    elif kind == "gap":
        record.gaps.append(Gap(line["kind"], line["from_ns"], line["to_ns"], line["relisted"], line["reason"]))
    elif kind == "skipped":
        record.skipped[line["kind"]] = line["reason"]
    elif kind == "clock":
        record.clock_offset_ms = (line["offset_min_ms"], line["offset_max_ms"])
    elif kind == "end":
        record.end = line
    else:
        raise ValueError(f"unknown line kind {kind!r}")


def change_of(line: Json) -> ObjectChange:
    """The change that a line tells of. Raises KeyError for another line."""
    return ObjectChange(
        t_ns=line["t_ns"],
        mono_ns=line["mono_ns"],
        kind=line["kind"],
        event=line["event"],
        via=line["via"],
        name=line["name"],
        namespace=line["namespace"],
        uid=line["uid"],
        resource_version=line["resource_version"],
        api_time_ns=parse_time_ns(line.get("api_time")),
        state=line["state"],
        spec=line.get("spec"),
    )


def _why(error: Exception) -> str:
    return f"missing {error}" if isinstance(error, KeyError) else str(error)
