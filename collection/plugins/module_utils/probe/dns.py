# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`dns://server[:53]/name[?type=A]`: a lookup over UDP (RFC 1035), good when it brings at least one record of the type.

Nothing is sent again: a packet that is lost is a time-out, which a resolver hides behind five seconds of latency. What
is no answer to the question (another transaction, an older query) is ignored, as resolvers do (RFC 5452).
"""

from __future__ import annotations

import errno
import socket
import ssl
import struct
from urllib.parse import parse_qsl

from . import outcome
from .address import Address, AddressError, name_of
from .connection import CONNECTING, READS, Connection
from .connection import Address as Place
from .expectation import Expectation
from .numbered import Numbered
from .response import MalformedAnswer
from .said import SaidReader

TYPES = {"A": 1, "AAAA": 28, "SRV": 33}
_RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
_HEADER = struct.Struct("!HHHHHH")
_RESPONSE, _RECURSION_DESIRED, _TRUNCATED = 0x8000, 0x0100, 0x0200
_IN = 1
_MAX_NAME = 253


def question(address: Address) -> bytes:
    """The question section that the address asks. Raises AddressError."""
    path, _unused, query = address.path.partition("?")
    asked = dict(parse_qsl(query, keep_blank_values=True))
    kind = asked.pop("type", "A").upper()
    if asked or kind not in TYPES:
        raise AddressError(f"{query!r} is no type of record, expected type=A, AAAA or SRV")
    if address.user_info:
        raise AddressError("a lookup has no user, expected dns://server/name")
    name = path.strip("/")
    if not name:
        raise AddressError("it has no name to look up, expected dns://server/name?type=A")
    labels = name_of(name).removesuffix(".").split(".")
    if any(len(label) > 63 for label in labels) or len(".".join(labels)) > _MAX_NAME:
        raise AddressError(f"{name!r} is longer than a name may be")
    coded = b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels)
    return coded + struct.pack("!BHH", 0, TYPES[kind], _IN)


def queries(asked: bytes) -> Numbered:
    """The query in as many transactions as there are numbers for them."""
    rest = _HEADER.pack(0, _RECURSION_DESIRED, 1, 0, 0, 0)[2:] + asked
    return Numbered(1 << 16, lambda number: struct.pack("!H", number) + rest)


class LookupReader(SaidReader):
    """Takes packets until one is the answer to the query."""

    __slots__ = ("_query",)

    def __init__(self, query: bytes) -> None:
        super().__init__()
        self._query = query

    def feed(self, data: bytes) -> bool:
        """Take one packet. Raises MalformedAnswer."""
        query = self._query
        if len(data) < _HEADER.size or data[:2] != query[:2]:
            return False
        _number, flags, questions, answers, _unused, _unused = _HEADER.unpack_from(data)
        end = len(query)
        # Servers may answer a query that they cannot read without its question.
        echoed = questions == 1 and data[_HEADER.size : end].lower() == query[_HEADER.size :].lower()
        if not flags & _RESPONSE or not (echoed or questions == 0):
            return False
        code = flags & 0xF
        label = _RCODES[code] if code < len(_RCODES) else f"RCODE{code}"
        if code:
            return self.said(label, (outcome.WRONG_STATUS, f"rcode {label}"))
        if flags & _TRUNCATED:
            return self.said("truncated", (outcome.WRONG_BODY, "NOERROR, but truncated: it is longer than one packet"))
        kind = int.from_bytes(query[-4:-2], "big")
        try:
            found = _records(data, end if echoed else _HEADER.size, answers, kind)
        except (IndexError, struct.error) as error:
            raise MalformedAnswer(f"a packet of {len(data)} bytes ends within its records") from error
        if not found:
            names = {number: name for name, number in TYPES.items()}
            return self.said("empty", (outcome.WRONG_BODY, f"NOERROR, but no {names[kind]} record"))
        return self.said(label, body="\n".join(found).encode())


def _records(packet: bytes, at: int, count: int, wanted: int) -> list[str]:
    """The records of the wanted type as text, one each. Raises IndexError, struct.error."""
    found = []
    for _unused in range(count):
        _name, at = _name_at(packet, at)
        kind, _unused, _unused, length = struct.unpack_from("!HHIH", packet, at)
        at += 10
        data = packet[at : at + length]
        if len(data) < length:
            raise IndexError("a record is cut")
        if kind == wanted == TYPES["SRV"]:
            numbers = struct.unpack_from("!HHH", data)
            found.append(" ".join(map(str, numbers)) + f" {_name_at(packet, at + 6)[0]}")
        elif kind == wanted:
            if length != (4 if kind == TYPES["A"] else 16):
                raise MalformedAnswer(f"an address of {length} bytes")
            found.append(socket.inet_ntop(socket.AF_INET if length == 4 else socket.AF_INET6, data))
        at += length
    return found


def _name_at(packet: bytes, at: int) -> tuple[str, int]:
    """The name at this place, and where what follows it begins. Raises IndexError, MalformedAnswer."""
    labels: list[str] = []
    behind, begun = -1, at
    while packet[at]:
        length = packet[at]
        if length >= 0xC0:
            there = (length & 0x3F) << 8 | packet[at + 1]
            behind = at + 2 if behind < 0 else behind
            if there >= begun:  # each pointer leads further back: no circles
                raise MalformedAnswer("a name that points at itself")
            at = begun = there
            continue
        if length > 63:
            raise MalformedAnswer(f"a label of {length} bytes")
        labels.append(packet[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    return ".".join(labels), at + 1 if behind < 0 else behind


class DnsConnection(Connection):
    """A socket of its own, and with it a source port: what NAT remembers of it is a kept connection's fate."""

    __slots__ = ()

    def open(self, address: Place, _context: ssl.SSLContext | None) -> bool:
        """Make the socket, which is all that UDP needs. Raises OSError."""
        family, where = address
        self.where = where
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock, self.fd = sock, sock.fileno()
        sock.connect(where)
        self.state = CONNECTING
        self.recv, self.send = self._packet, sock.send
        return True

    def _packet(self, limit: int) -> bytes:
        """The next packet that has something in it: an empty one is no end. Raises OSError."""
        while True:
            data: bytes = self.sock.recv(limit)
            if data:
                return data

    def reader(self, _expected: Expectation | None) -> SaidReader:
        """The answer has to fit the query."""
        return LookupReader(self.request.payload)

    def heard(self) -> bool:
        """A second answer to an older query is nobody's; an error is the end of the socket."""
        try:
            for _unused in range(READS):
                self.sock.recv(0xFFFF)
        except OSError as error:
            return error.errno == errno.EAGAIN
        return True

    def still_open(self) -> bool:
        """Nobody can close it."""
        return True
