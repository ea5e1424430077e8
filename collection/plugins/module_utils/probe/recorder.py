# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Books every request once: figures, timeline, outage tracker, attempts.

Answers that look like one seen before (same head, right length) are the fast path: the loop only appends their
latency to a list, and `flush` counts the list every 100 ms.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any, Protocol

from . import outcome
from .attempts import AttemptLog
from .content import decoded
from .histogram import Histogram
from .identities import Identities
from .lane import Lane
from .options import Options
from .request import Request
from .response import MAX_KEPT_BODY, Head
from .rows import BUCKET_NS, CellKey
from .tally import Tally

#: Heads remembered for each lane and target; they differ by pod, and by the Date header every second.
KNOWN_HEADS = 256
#: An answer longer than this never comes in one piece.
FAST_LIMIT = 32_768
_EXAMPLE_LIMIT = 200
#: Short pauses that are remembered; only those during a request in flight matter.
_HICCUPS = 64
_STOOD_STILL = "the probe itself stood still, or sent late: no fault of the service"


class Carrier(Protocol):
    """What carried a request: a connection, or a stream on one that is shared."""

    lane: Lane
    request: Request
    requests: int
    #: Of TLS, whose handshake began at tcp_at.
    tls: Any
    tcp_at: int
    connected_at: int

    @property
    def connected(self) -> bool: ...


class Answer(Protocol):
    """A whole answer."""

    body: bytearray
    body_bytes: int
    #: What an answer said that has no status of HTTP.
    label: str

    @property
    def answer_head(self) -> Head: ...

    @property
    def cut(self) -> bool: ...

    def alike(self, wire_bytes: int, keep: bool) -> Hashable: ...


class KnownHead:
    """A head seen before, whose answers are ok: what to book for each further one."""

    __slots__ = (
        "body_bytes",
        "connect_times",
        "handshake_times",
        "key",
        "latencies",
        "request_bytes",
        "request_length",
        "service_times",
        "status",
        "total",
    )

    def __init__(self, key: CellKey, status: int, total: int, body_bytes: int, request_length: int) -> None:
        self.key = key
        self.status = str(status)
        self.total = total
        self.body_bytes = body_bytes
        #: Length of the lane's one request; 0 where there are several, which the loop adds to `request_bytes`.
        self.request_length = request_length
        self.request_bytes = 0
        self.latencies: list[int] = []
        self.service_times: list[int] = []
        self.connect_times: list[int] = []
        self.handshake_times: list[int] = []


class Recorder:
    """The books of one worker. Times in ns from the start of the probe."""

    def __init__(self, options: Options, attempts: AttemptLog | None) -> None:
        self.options = options
        self.tally = Tally()
        self.lateness = Histogram()
        self.attempts = attempts
        #: Times (from, to) in which this worker stood still, since the last delta, and the end of the latest.
        self.pauses: list[tuple[int, int]] = []
        self.pause_end = -1
        self._hiccups: deque[tuple[int, int]] = deque(maxlen=_HICCUPS)
        self.bucket_start = 0
        self._names = [name for name, _unused in options.identify]
        self._finders = [finder for _unused, finder in options.identify]
        self._nobody = ("",) * len(self._names)
        self._identities = Identities(len(self._names))
        self._known: list[KnownHead] = []
        self._stall_ns = int(options.stall_after_s * 1e9)
        self._timeout_ns = int(options.timeout_s * 1e9)
        finders = self._finders + ([options.remote_date] if options.remote_date else [])
        self.keep_body = options.expectation.needs_body or any(finder.needs_body for finder in finders)
        #: Whether answers can be booked by their head alone.
        self.fast = not self.keep_body and options.expectation.latency_ns is None and attempts is None

    def paused(self, begun: int, ended: int) -> None:
        """This worker stood still: what was in flight meanwhile says nothing about the service's time."""
        self.pauses.append((begun, ended))
        self.pause_end = ended

    def hiccup(self, begun: int, ended: int) -> None:
        """This worker came back late: the time is not the service's."""
        self.pauses.append((begun, ended))
        self._hiccups.append((begun, ended))

    def took(self, start: int, end: int) -> int:
        """The time from start to end (ns) without those in which this worker stood still."""
        stood = sum(max(0, min(ended, end) - max(begun, start)) for begun, ended in self._hiccups)
        return end - start - stood

    def answered(
        self,
        connection: Carrier,
        reader: Answer,
        now: int,
        verdict: tuple[str, str] | None = None,
    ) -> str:
        """Book a whole answer; returns its outcome: `verdict` (and why) where it was decided already."""
        head, lane, request = reader.answer_head, connection.lane, connection.request
        body, problem = b"", ""
        if self.keep_body and lane.counted:
            body, problem = decoded(bytes(reader.body), head.header("content-encoding"))
            if reader.cut:
                problem = f"only its first {MAX_KEPT_BODY >> 20} MiB were looked at"
        if verdict is not None:
            name, error = verdict
        elif lane.counted:
            name, error = self.options.expectation.judge(head.status, body, now - request.due)
            if name == outcome.WRONG_BODY and problem:
                error += f" ({problem})"
        else:  # the control target only has to answer
            name, error = (outcome.OK, "") if head.status < 500 else (outcome.WRONG_STATUS, f"status {head.status}")
        if lane.counted and (request.start < self.pause_end or self._sent_too_late(name, request, now)):
            name, error = outcome.CLIENT_LATE, _STOOD_STILL
        who = self._identities.allowed(self._identity(head, body)) if lane.counted else ()
        remote = None
        if self.attempts is not None and self.options.remote_date is not None:
            remote = self.options.remote_date.find(head, body)
        self._book(
            connection, now, name, error or f"status {reader.label or head.status}",
            status=reader.label or head.status, who=who, body_bytes=reader.body_bytes, remote_date=remote,
        )  # fmt: skip
        key = (lane.name, request.target_index, who)
        self.tally.cell(key).bytes_received += request.wire_bytes
        total = request.wire_bytes
        alike = reader.alike(total, lane.keep) if self.fast and name == outcome.OK and total <= FAST_LIMIT else ()
        if alike:
            length = len(request.payload) if lane.single else 0
            self._remember(request.heads, alike, KnownHead(key, head.status, total, reader.body_bytes, length))
        return name

    def failed(self, connection: Carrier, now: int, name: str, error: str) -> None:
        """Book a request that got no whole answer."""
        lane, request = connection.lane, connection.request
        who = self._nobody if lane.counted else ()
        stood_still = request.start < self.pause_end or (
            name in outcome.TIMEOUTS and self.took(request.start, now) < self._timeout_ns
        )
        if stood_still and name not in outcome.CLIENT:
            name, error = outcome.CLIENT_LATE, _STOOD_STILL
        self._book(connection, now, name, error, status=None, who=who, body_bytes=0, remote_date=None)
        if request.wire_bytes:
            self.tally.cell((lane.name, request.target_index, who)).bytes_received += request.wire_bytes

    def _sent_too_late(self, name: str, request: Request, now: int) -> bool:
        """The answer came in time after its request was sent: that it is late was this side's doing."""
        limit = self.options.expectation.latency_ns
        return name == outcome.TOO_SLOW and limit is not None and self.took(request.start, now) <= limit

    def not_sent(self, lane: Lane, target_index: int, due: int, now: int, error: str) -> None:
        """Book a request of the plan that the client itself could not send."""
        key: CellKey = (lane.name, target_index, self._nobody if lane.counted else ())
        tracker = lane.trackers[target_index]
        name = outcome.NOT_SENT
        tracker.end(tracker.begin(due), outcome.CODE[name], now, error)
        self.tally.cell(key).outcome(name, due, error)
        self.tally.row(due, key, name)
        if self.attempts is not None and lane.counted:
            target = lane.targets[target_index].name
            self.attempts.write(
                number=lane.number, lane=lane.name, target=target, due=due, start=None, end=now, name=name,
                status=None, identity={}, remote_date=None, body_bytes=0, error=error,
            )  # fmt: skip

    def late(self, known: KnownHead, due: int, latency: int, service: int) -> None:
        """Book a known answer whose request was due before the current bucket."""
        figures = self.tally.cell(known.key)
        figures.outcome(outcome.OK, due, "")
        figures.latency.add(latency)
        figures.service_time.add(service)
        self._count_known(known, 1)
        self.tally.completed(known.key, due, latency)

    def flush(self, now: int) -> None:
        """Count what the fast path gathered, and begin the bucket that `now` is in."""
        bucket = self.bucket_start // BUCKET_NS
        for known in self._known:
            latencies = known.latencies
            if not latencies:
                continue
            figures = self.tally.cell(known.key)
            indexes = figures.latency.add_many(latencies)
            if known.service_times:
                figures.service_time.add_many(known.service_times)
                known.service_times.clear()
            else:
                figures.service_time.add_counted(indexes, latencies)
            times = len(latencies)
            figures.outcome(outcome.OK, self.bucket_start, "", times)
            self._count_known(known, times)
            self.tally.row(self.bucket_start, known.key, outcome.OK, times)
            self.tally.rows.latencies(bucket, indexes.items(), max(latencies))
            latencies.clear()
        self.bucket_start = max(now, 0) // BUCKET_NS * BUCKET_NS

    def _count_known(self, known: KnownHead, times: int) -> None:
        figures = self.tally.cell(known.key)
        figures.statuses[known.status] = figures.statuses.get(known.status, 0) + times
        figures.bytes_received += known.total * times
        figures.body_bytes += known.body_bytes * times
        figures.bytes_sent += known.request_bytes + known.request_length * times
        known.request_bytes = 0
        if known.connect_times:
            figures.connect_time.add_many(known.connect_times)
            figures.connections_opened += len(known.connect_times)
            figures.requests_on_kept_connections -= len(known.connect_times)
            known.connect_times.clear()
            if known.handshake_times:
                figures.handshake_time.add_many(known.handshake_times)
                known.handshake_times.clear()
        figures.requests_on_kept_connections += times

    def _remember(self, heads: dict[Any, Any], raw: Hashable, known: KnownHead) -> None:
        if raw in heads:  # a first answer on a new connection, or one under TLS, says nothing new
            return
        if len(heads) >= KNOWN_HEADS:
            gone = set(map(id, heads.values()))
            self._flush_only(heads)
            self._known = [entry for entry in self._known if id(entry) not in gone]
            heads.clear()
        heads[raw] = known
        self._known.append(known)

    def _flush_only(self, heads: dict[Any, Any]) -> None:
        bucket_start = self.bucket_start
        self.flush(bucket_start)
        self.bucket_start = bucket_start

    def _identity(self, head: Head, body: bytes) -> tuple[str, ...]:
        found = []
        for finder in self._finders:
            value = finder.find(head, body)
            found.append("" if value is None else value if isinstance(value, str) else str(value))
        return tuple(found)

    def _book(
        self,
        connection: Carrier,
        now: int,
        name: str,
        error: str,
        *,
        status: int | str | None,
        who: tuple[str, ...],
        body_bytes: int,
        remote_date: Any,
    ) -> None:
        lane, request = connection.lane, connection.request
        due, start = request.due, request.start
        key: CellKey = (lane.name, request.target_index, who)
        figures = self.tally.cell(key)
        error = error[:_EXAMPLE_LIMIT]
        figures.outcome(name, due, error)
        latency = now - due
        if status is not None:
            figures.statuses[str(status)] = figures.statuses.get(str(status), 0) + 1
        figures.body_bytes += body_bytes
        sent = connection.connected
        if sent:
            figures.bytes_sent += len(request.payload) - len(request.unwritten)
            if connection.requests == 1:
                figures.connections_opened += 1
                figures.connect_time.add(connection.connected_at - start)
                if connection.tls is not None:
                    figures.handshake_time.add(connection.connected_at - connection.tcp_at)
            else:
                figures.requests_on_kept_connections += 1
        code = outcome.CODE[name]
        if name == outcome.OK:
            figures.latency.add(latency)
            figures.service_time.add(now - start)
            if lane.counted:
                self.tally.completed(key, due, latency)
            else:  # the rows' latencies are the service's alone
                self.tally.row(due, key, name)
            if self.took(start, now) > self._stall_ns:
                code = outcome.STALLED_CODE
        else:
            if name not in outcome.CLIENT:
                figures.failure_time.add(latency)
            self.tally.row(due, key, name)
        request.tracker.end(request.number, code, now, error)
        if self.attempts is not None and lane.counted:
            begun = None if name in outcome.CLIENT else start
            identity = {k: v for k, v in zip(self._names, who) if v}
            self.attempts.write(
                number=request.turn, lane=lane.name, target=lane.targets[request.target_index].name, due=due,
                start=begun, end=now, name=name, status=status, identity=identity, remote_date=remote_date,
                body_bytes=body_bytes, error="" if name == outcome.OK else error,
            )  # fmt: skip
