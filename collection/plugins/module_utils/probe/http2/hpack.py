# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Header blocks (HPACK, RFC 7541). What is sent uses the static table alone; what comes may use all there is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from .huffman import decoded

Field = tuple[bytes, bytes]

_STATIC_TEXT = """
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate
"""
_STATIC: list[Field] = [
    (name, value)
    for name, _unused, value in (line.partition(b" ") for line in _STATIC_TEXT.encode().split(b"\n")[1:-1])
]
_STATIC_COUNT = len(_STATIC)
_STATIC_FIELDS = {field: index for index, field in reversed(list(enumerate(_STATIC, 1)))}
_STATIC_NAMES = {field[0]: index for index, field in reversed(list(enumerate(_STATIC, 1)))}
#: What an entry costs beside its letters (RFC 7541 4.1).
_OVERHEAD = 32
#: Of the table that a server may use with us: what every client allows that says nothing.
TABLE_SIZE = 4096
#: At the beginning of a block: its sender uses none (RFC 7541 6.3), as has to be said where the other side's shrank.
NO_TABLE = b"\x20"
#: Of all fields of a block together, as for HTTP/1.1.
MAX_FIELDS = 262_144
#: So many fields fill the table, however short they are.
_MOST_FIELDS = TABLE_SIZE // _OVERHEAD
#: How many blocks are remembered, and up to which length.
_KEPT_BLOCKS, _KEPT_BLOCK = 256, 4_096
#: They speak of a connection, and have no place on one that is shared (RFC 9113 8.2.2).
OF_THE_CONNECTION = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
_MAX_INTEGER = 1 << 31
_NEVER_INDEXED = frozenset((b"authorization", b"cookie", b"proxy-authorization"))


class HpackError(ValueError):
    """The bytes are no header block; nothing that comes after it on the connection can be read."""


class Fields:
    """The fields of a block in order, and those of them that it `added` to the table.

    `meaning` is what the reader of blocks made of them, if it did yet.
    """

    __slots__ = ("added", "meaning", "pairs")

    def __init__(self, pairs: tuple[Field, ...], added: tuple[Field, ...]) -> None:
        self.pairs = pairs
        self.added = added
        self.meaning: Any = None


Memory = dict[bytes, Fields]


class Decoder:
    """Reads the header blocks of one connection, in their order.

    Blocks that come again are not read again: those that name nothing of the connection's own table mean the same on
    every connection (`memory` is for all of them), the others as long as the table stays as it is.
    """

    __slots__ = ("_dynamic", "_known", "_later", "_limit", "_memory", "_size")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._dynamic: deque[Field] = deque()  # the newest first
        self._size = 0
        self._limit = TABLE_SIZE
        self._known: Memory = {}
        #: What was added since, and is put into the table once a block may name it. What older ones added is out of it.
        self._later: deque[tuple[Field, ...]] = deque(maxlen=_MOST_FIELDS)

    def decode(self, block: bytes) -> Fields:
        """The block's fields. Raises HpackError."""
        known = self._memory.get(block) or self._known.get(block)
        if known is None:
            for added in self._later:
                self._add(added)
            self._later.clear()
            try:
                return self._decode(block)
            except IndexError:
                raise HpackError("a header block that ends inside a field") from None
            except ValueError as error:
                raise HpackError(str(error)) from None
        if known.added:
            self._later.append(known.added)
            self._known.clear()
        return known

    def _decode(self, block: bytes) -> Fields:
        pairs: list[Field] = []
        added: list[Field] = []
        resized = own = False
        at, end, total = 0, len(block), 0
        while at < end:
            byte = block[at]
            if byte & 0x80:
                index, at = _integer(block, at, 0x7F)
                own = own or index > _STATIC_COUNT
                field = self._field(index)
            elif byte & 0x60 == 0x20:
                limit, at = _integer(block, at, 0x1F)
                if pairs or limit > TABLE_SIZE:
                    raise HpackError(f"a table size of {limit} in the wrong place or over {TABLE_SIZE}")
                self._limit = limit
                self._add(())
                resized = True
                continue
            else:
                kept = byte & 0x40
                index, at = _integer(block, at, 0x3F if kept else 0x0F)
                own = own or index > _STATIC_COUNT
                if index:
                    name = self._field(index)[0]
                else:
                    name, at = _string(block, at)
                value, at = _string(block, at)
                field = name, value
                if kept:
                    added.append(field)
                    self._add((field,))
            pairs.append(field)
            total += len(field[0]) + len(field[1]) + _OVERHEAD
            if total > MAX_FIELDS:
                raise HpackError(f"headers of more than {MAX_FIELDS} bytes")
        fields = Fields(tuple(pairs), tuple(added))
        if not (own or resized):
            _remember(self._memory, block, fields)
        elif not (added or resized):
            _remember(self._known, block, fields)
        return fields

    def _field(self, index: int) -> Field:
        if 0 < index <= _STATIC_COUNT:
            return _STATIC[index - 1]
        if not 0 < index <= _STATIC_COUNT + len(self._dynamic):
            raise HpackError(f"header field {index} of a table of {_STATIC_COUNT + len(self._dynamic)}")
        return self._dynamic[index - _STATIC_COUNT - 1]

    def _add(self, fields: Sequence[Field]) -> None:
        """Put fields into the table, and what is too old out of it."""
        dynamic = self._dynamic
        for name, value in fields:
            dynamic.appendleft((name, value))
            self._size += len(name) + len(value) + _OVERHEAD
        while self._size > self._limit:
            name, value = dynamic.pop()
            self._size -= len(name) + len(value) + _OVERHEAD
        self._known.clear()


def _remember(memory: Memory, block: bytes, fields: Fields) -> None:
    if len(block) <= _KEPT_BLOCK:
        if len(memory) >= _KEPT_BLOCKS:
            memory.clear()
        memory[block] = fields


def encode(fields: Iterable[Field]) -> bytes:
    """A header block that needs no table but the static one, and leaves none behind: the same on every connection."""
    block = bytearray()
    for name, value in fields:
        whole = _STATIC_FIELDS.get((name, value))
        if whole is not None:
            block += _prefixed(whole, 0x80, 0x7F)
            continue
        form = 0x10 if name in _NEVER_INDEXED else 0
        index = _STATIC_NAMES.get(name, 0)
        block += _prefixed(index, form, 0x0F)
        if not index:
            block += _prefixed(len(name), 0, 0x7F) + name
        block += _prefixed(len(value), 0, 0x7F) + value
    return bytes(block)


def _prefixed(number: int, form: int, mask: int) -> bytes:
    """An integer in the low bits of a byte and as many more as it needs (RFC 7541 5.1)."""
    if number < mask:
        return bytes((form | number,))
    coded = bytearray((form | mask,))
    number -= mask
    while number >= 0x80:
        coded.append(number & 0x7F | 0x80)
        number >>= 7
    coded.append(number)
    return bytes(coded)


def _integer(block: bytes, at: int, mask: int) -> tuple[int, int]:
    number = block[at] & mask
    at += 1
    if number < mask:
        return number, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        number += (byte & 0x7F) << shift
        if number > _MAX_INTEGER or shift > 28:
            raise HpackError("an integer in a header block that is too long")
        if not byte & 0x80:
            return number, at
        shift += 7


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    coded = block[at] & 0x80
    length, at = _integer(block, at, 0x7F)
    end = at + length
    if end > len(block):
        raise HpackError("a header block that ends inside a string")
    text = block[at:end]
    return (decoded(text) if coded else text), end
