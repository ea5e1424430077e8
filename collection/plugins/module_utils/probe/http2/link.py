# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A connection that many requests share: what is sent on it, and how much it has room for."""

from __future__ import annotations

import ssl
from typing import Any

from ..connection import IDLE
from ..target import Target
from . import frames
from .frames import frame, number
from .hpack import NO_TABLE, Memory
from .incoming import Incoming
from .stream import Stream

_LAST_ID = frames.MAX_WINDOW
#: So long others wait for a connection that is being set up; then another one is tried.
_OPENING_NS = 250_000_000
#: Bodies wait their turn where so much waits to be written.
_OUT_FULL = 262_144


class Link(Incoming):
    """Requests are put on it as long as it has room. Times in ns from the start of the probe."""

    __slots__ = ("fresh", "gathered")

    def __init__(self, lane: Any, target: Target, memory: Memory, begun_at: int, limit: int | None) -> None:
        super().__init__(lane, target, memory, begun_at, limit)
        self.gathered = False  # what it has to write is written at the end of this turn of the loop
        self.fresh: list[Stream] = []  # begun since it was written to

    def room(self, now: int) -> int:
        """How many more requests it can take now, or once it is set up."""
        if self.leaving or self.doubted:
            return 0
        if not self.settled and now - self.begun_at > _OPENING_NS:
            return 0
        return self.limit - len(self.streams) - len(self.waiting)

    def begin(self, now: int) -> None:
        """The connection stands: say hello. From here on it has no request of its own."""
        self.state = IDLE
        self.connected_at = self.heard_at = now
        self.out += frames.PREFACE

    def put(self, stream: Stream) -> None:
        """Put a request on it; `flush` writes it."""
        request = stream.request
        self.requests += 1
        stream.requests = self.requests
        stream.tls, stream.tcp_at = self.tls, self.tcp_at
        stream.connected_at = max(self.connected_at, request.start)
        stream.id, self.next_id = self.next_id, self.next_id + 2
        stream.window = self.first_window
        self.leaving = self.leaving or self.next_id > _LAST_ID
        self.streams[stream.id] = stream
        payload = request.payload
        # Made for stream 0, with its body behind it (wire.py).
        if payload[frames.FLAGS_AT] & frames.END_STREAM and not self.table_shrank:
            self.out += payload[: frames.STREAM_AT] + number(stream.id) + payload[frames.HEADER_BYTES :]
            request.unwritten = b""
            return
        length, kind, flags, _unused = frames.frame_header(payload, 0)
        end = frames.HEADER_BYTES + length
        block = payload[frames.HEADER_BYTES : end]
        if self.table_shrank:
            block, self.table_shrank = NO_TABLE + block, False
        self.out += frame(kind, flags, stream.id, block)
        request.unwritten = payload[end:]
        if request.unwritten:
            self.unsent[stream.id] = stream
            self._send_bodies()

    def cancel(self, stream: Stream) -> None:
        """Its time is up: the server need not go on with it."""
        self._leave(stream, frames.CANCEL)

    def doubt(self) -> None:
        """Ask whether anybody is there."""
        self.doubted = True
        self.out += frame(frames.PING, 0, 0, b"\0" * 8)

    def stamp(self, now: int, closed: bool) -> None:
        """What was gathered is sent now: this is when those requests start, and are due in a closed model."""
        for stream in self.fresh:
            request = stream.request
            if closed and request.due == request.start:  # no pace gave it a time of its own
                request.due = now
            request.start = stream.connected_at = now
        self.fresh.clear()

    def flush(self) -> bool:
        """Write what is to be written; True when that is all. Raises OSError."""
        while self.out or self.unsent:
            if len(self.out) < _OUT_FULL:
                self._send_bodies()
            if not self.out:
                return True
            try:
                written = self.send(bytes(self.out if len(self.out) <= _OUT_FULL else self.out[:_OUT_FULL]))
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return False
            del self.out[:written]
        return True

    def _send_bodies(self) -> None:
        """As much of the bodies as both windows let through."""
        for stream in list(self.unsent.values()):
            request = stream.request
            while request.unwritten and len(self.out) < _OUT_FULL:
                size = min(len(request.unwritten), self.window, stream.window, self.frame_size)
                if size <= 0:
                    break
                piece, request.unwritten = request.unwritten[:size], request.unwritten[size:]
                self.window -= size
                stream.window -= size
                self.out += frame(frames.DATA, 0 if request.unwritten else frames.END_STREAM, stream.id, piece)
            if not request.unwritten:
                del self.unsent[stream.id]
