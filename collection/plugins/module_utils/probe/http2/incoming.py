# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a server's frames do to a connection that many requests share (RFC 9113 5 and 6). Nothing here waits.

It decides nothing about requests: those that came to an end stand in `ended`, with why, for the exchange to book.
"""

from __future__ import annotations

import select
from typing import Any

from .. import outcome
from ..connection import Connection
from ..response import MAX_HEAD, MalformedAnswer
from ..target import Target
from . import frames
from .frames import ProtocolError, error_name, frame, number
from .hpack import TABLE_SIZE, Decoder, HpackError, Memory
from .stream import Stream

#: Until a server says how many requests at once it takes: one may be sent before, and so many may wait for it.
_UNTOLD = 100
_NO_LIMIT = 1 << 31
#: What waits to be written, at most: a server that asks for more answers reads none.
_OUT_MOST = 4 << 20


class Incoming(Connection):
    """Times in ns from the start of the probe. `limit` is how many requests at once the server is known to take."""

    __slots__ = (
        "_block",
        "_block_ends",
        "_block_of",
        "_credit",
        "_decoder",
        "_rest",
        "begun_at",
        "doubted",
        "ended",
        "first_window",
        "frame_size",
        "heard_at",
        "leaving",
        "left_idle",
        "limit",
        "next_id",
        "out",
        "settled",
        "streams",
        "table_shrank",
        "unsent",
        "waiting",
        "watched",
        "why_leaving",
        "window",
    )

    def __init__(self, lane: Any, target: Target, memory: Memory, begun_at: int, limit: int | None) -> None:
        super().__init__(lane, target)
        self.begun_at = begun_at
        self.limit = _UNTOLD if limit is None else limit
        self.streams: dict[int, Stream] = {}
        self.waiting: list[Stream] = []  # for its set-up
        self.unsent: dict[int, Stream] = {}  # those with a body that waits for a window
        self.ended: list[tuple[Stream, str, str]] = []  # outcome ("": answered) and why
        self.out = bytearray()
        self.watched: int = select.EPOLLIN  # what epoll was asked to tell
        self.settled = False  # the server has said what it takes
        self.leaving = False  # no more requests may be begun on it
        self.left_idle = False  # it said so while it had none
        self.why_leaving = ""
        self.heard_at = 0
        self.doubted = False  # it has been silent for a whole time limit: nothing is sent on it until it speaks
        self._decoder = Decoder(memory)
        self._rest = b""
        self._block = bytearray()
        self._block_of = 0  # the stream whose header block is not whole yet
        self._block_ends = False
        self.next_id = 1
        self.window = frames.FIRST_WINDOW  # what the server takes of all bodies
        self.first_window = frames.FIRST_WINDOW
        self.frame_size = frames.FRAME_SIZE
        self._credit = 0  # what came of all bodies since the server was told to go on
        self.table_shrank = False  # the next headers have to say that they use no table

    def feed(self, data: bytes, now: int) -> None:
        """Read frames. Raises ProtocolError."""
        self.heard_at, self.doubted = now, False
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        while end - at >= frames.HEADER_BYTES:
            length, kind, flags, stream_id = frames.frame_header(data, at)
            if not self.settled:
                self._check_first(data, kind, flags)
            if length > frames.FRAME_SIZE:
                raise ProtocolError(
                    f"a frame of {length} bytes, of {frames.FRAME_SIZE} at most", frames.FRAME_SIZE_ERROR
                )
            behind = at + frames.HEADER_BYTES + length
            if behind > end:
                break
            if self._block_of and (kind != frames.CONTINUATION or stream_id != self._block_of):
                raise ProtocolError(f"a frame of kind {kind} inside the headers of stream {self._block_of}")
            self._frame(kind, flags, stream_id, data[at + frames.HEADER_BYTES : behind])
            at = behind
        self._rest = data[at:]
        if not self.settled and b"HTTP/1.".startswith(self._rest[:7]) and self._rest:
            raise ProtocolError(f"the server speaks HTTP/1.1, not HTTP/2: {self._rest[:40]!r}")
        if len(self.out) > _OUT_MOST:
            raise ProtocolError("the server asks and does not read", frames.ENHANCE_YOUR_CALM)

    def _check_first(self, data: bytes, kind: int, flags: int) -> None:
        if data.startswith(b"HTTP/1."):
            raise ProtocolError(f"the server speaks HTTP/1.1, not HTTP/2: {data[:40]!r}")
        if kind != frames.SETTINGS or flags & frames.ACK:
            raise ProtocolError(f"no HTTP/2: it begins with {data[:20]!r}")

    def _frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if kind == frames.DATA:
            self._data(flags, stream_id, payload)
        elif kind == frames.HEADERS:
            self._headers(flags, stream_id, payload)
        elif kind == frames.CONTINUATION:
            self._continuation(flags, payload)
        elif kind == frames.WINDOW_UPDATE:
            self._window_update(stream_id, payload)
        elif kind == frames.SETTINGS:
            self._settings(flags, stream_id, payload)
        elif kind == frames.PING:
            self._sized("PING", payload, 8, stream_id == 0)
            if not flags & frames.ACK:
                self.out += frame(frames.PING, frames.ACK, 0, payload)
        elif kind == frames.RST_STREAM:
            self._reset(stream_id, payload)
        elif kind == frames.GOAWAY:
            self._goaway(stream_id, payload)
        elif kind == frames.PUSH_PROMISE:
            raise ProtocolError("a push, which was forbidden")
        # Priorities, and kinds that are not known, have nothing to say to a client.

    def _stream(self, stream_id: int) -> Stream | None:
        """The request of the stream; None when it ended here already. Raises ProtocolError where there was none."""
        stream = self.streams.get(stream_id)
        if stream is None and (stream_id >= self.next_id or not stream_id & 1):
            raise ProtocolError(f"a frame of stream {stream_id}, which was not begun")
        return stream

    def _data(self, flags: int, stream_id: int, payload: bytes) -> None:
        length = len(payload)
        stream = self._stream(stream_id)
        self._credit += length
        if self._credit > frames.OUR_WINDOW // 2:
            self.out += frame(frames.WINDOW_UPDATE, 0, 0, number(self._credit))
            self._credit = 0
        data = _unpadded(payload) if flags & frames.PADDED else payload
        if stream is None:
            return
        stream.request.wire_bytes += frames.HEADER_BYTES + length
        stream.credit += length
        if stream.credit > frames.OUR_WINDOW // 2:
            self.out += frame(frames.WINDOW_UPDATE, 0, stream_id, number(stream.credit))
            stream.credit = 0
        try:
            stream.take_data(data)
            if flags & frames.END_STREAM:
                self._whole(stream)
        except MalformedAnswer as error:
            self._malformed(stream, str(error))

    def _headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if flags & frames.PADDED:
            payload = _unpadded(payload)
        if flags & frames.PRIORITIZED:
            if len(payload) < 5:
                raise ProtocolError("headers without the priority that they announce", frames.FRAME_SIZE_ERROR)
            payload = payload[5:]
        stream = self._stream(stream_id)
        ends = bool(flags & frames.END_STREAM)
        if flags & frames.END_HEADERS:
            self._whole_block(stream, payload, ends)
            return
        self._block_of, self._block_ends = stream_id, ends
        self._block += payload

    def _continuation(self, flags: int, payload: bytes) -> None:
        if not self._block_of:
            raise ProtocolError("the rest of headers that were not begun")
        self._block += payload
        if len(self._block) > MAX_HEAD:
            raise ProtocolError(f"headers of more than {MAX_HEAD} bytes", frames.ENHANCE_YOUR_CALM)
        if flags & frames.END_HEADERS:
            stream, block = self.streams.get(self._block_of), bytes(self._block)
            self._block_of = 0
            self._block.clear()
            self._whole_block(stream, block, self._block_ends)

    def _whole_block(self, stream: Stream | None, block: bytes, ends: bool) -> None:
        try:
            fields = self._decoder.decode(block)
        except HpackError as error:
            raise ProtocolError(str(error), frames.COMPRESSION_ERROR) from error
        if stream is None:
            return
        stream.request.wire_bytes += frames.HEADER_BYTES + len(block)
        try:
            trailing = stream.head is not None
            stream.take_fields(fields)
            if ends:
                self._whole(stream)
            elif trailing:
                raise MalformedAnswer("headers inside the body")
        except MalformedAnswer as error:
            self._malformed(stream, str(error))

    def _window_update(self, stream_id: int, payload: bytes) -> None:
        self._sized("WINDOW_UPDATE", payload, 4, True)
        more = int.from_bytes(payload, "big") & frames.MAX_WINDOW
        stream = self._stream(stream_id) if stream_id else None
        if stream_id and stream is None:
            return
        window = (self.window if stream is None else stream.window) + more
        wrong = "a window that grows by nothing" if not more else "a window of more than 31 bits"
        if not more or window > frames.MAX_WINDOW:
            if stream is None:
                raise ProtocolError(wrong, frames.FLOW_CONTROL_ERROR if more else frames.PROTOCOL_ERROR)
            self._malformed(stream, wrong)
        elif stream is None:
            self.window = window
        else:
            stream.window = window

    def _settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if flags & frames.ACK:
            self._sized("an acknowledgement of SETTINGS", payload, 0, stream_id == 0)
            return
        self._sized("SETTINGS", payload, len(payload) // 6 * 6, stream_id == 0)
        if not self.settled:
            self.settled, self.limit = True, _NO_LIMIT
        for at in range(0, len(payload), 6):
            name, value = int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big")
            if name == frames.MAX_CONCURRENT_STREAMS:
                self.limit = value
            elif name == frames.INITIAL_WINDOW_SIZE:
                if value > frames.MAX_WINDOW:
                    raise ProtocolError("a window of more than 31 bits", frames.FLOW_CONTROL_ERROR)
                for stream in self.streams.values():
                    stream.window += value - self.first_window
                self.first_window = value
            elif name == frames.HEADER_TABLE_SIZE:
                self.table_shrank = self.table_shrank or value < TABLE_SIZE
            elif name == frames.MAX_FRAME_SIZE:
                if not frames.FRAME_SIZE <= value < 1 << 24:
                    raise ProtocolError(f"frames of up to {value} bytes")
                self.frame_size = value
        self.out += frame(frames.SETTINGS, frames.ACK, 0)

    def _reset(self, stream_id: int, payload: bytes) -> None:
        self._sized("RST_STREAM", payload, 4, stream_id != 0)
        stream = self._stream(stream_id)
        if stream is None:
            return
        code = int.from_bytes(payload, "big")
        if code == frames.REFUSED_STREAM:
            kind = outcome.UNPROCESSED
        else:
            kind = outcome.RESET if stream.head is None else outcome.RESET_IN_ANSWER
        self._forget(stream)
        self.ended.append((stream, kind, f"RST_STREAM {error_name(code)}"))

    def _goaway(self, stream_id: int, payload: bytes) -> None:
        if len(payload) < 8:
            raise ProtocolError(f"a GOAWAY of {len(payload)} bytes", frames.FRAME_SIZE_ERROR)
        self._sized("GOAWAY", payload, len(payload), stream_id == 0)
        last = int.from_bytes(payload[:4], "big") & frames.MAX_WINDOW
        told = payload[8:].decode("utf-8", "replace")[:60]
        self.leaving, self.left_idle = True, self.left_idle or not (self.streams or self.waiting)
        self.why_leaving = f"GOAWAY {error_name(int.from_bytes(payload[4:8], 'big'))}" + (f" {told!r}" if told else "")
        for stream in [one for number_, one in self.streams.items() if number_ > last]:
            self._forget(stream)
            self.ended.append((stream, outcome.UNPROCESSED, f"{self.why_leaving}, last stream {last}"))

    def _whole(self, stream: Stream) -> None:
        stream.end()
        if stream.id in self.unsent:  # the answer does not wait for the rest of the body
            self._leave(stream, frames.CANCEL)
        else:
            self._forget(stream)
        self.ended.append((stream, "", ""))

    def _malformed(self, stream: Stream, text: str) -> None:
        self._leave(stream, frames.PROTOCOL_ERROR)
        self.ended.append((stream, outcome.MALFORMED, text))

    def _leave(self, stream: Stream, code: int) -> None:
        self._forget(stream)
        self.out += frame(frames.RST_STREAM, 0, stream.id, number(code))

    def _forget(self, stream: Stream) -> None:
        self.streams.pop(stream.id, None)
        self.unsent.pop(stream.id, None)

    def _sized(self, name: str, payload: bytes, size: int, rightly_placed: bool) -> None:
        if len(payload) != size:
            raise ProtocolError(f"{name} of {len(payload)} bytes", frames.FRAME_SIZE_ERROR)
        if not rightly_placed:
            raise ProtocolError(f"{name} in the wrong place")


def _unpadded(payload: bytes) -> bytes:
    if not payload or payload[0] >= len(payload):
        raise ProtocolError("padding that is longer than its frame")
    return payload[1 : len(payload) - payload[0]]
