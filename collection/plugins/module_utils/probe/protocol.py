# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The protocols beside HTTP/1.1: what an address asks, and which options are about it. Chosen when the plan is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable

from . import dns, redis
from .address import Address, AddressError
from .connection import Connection
from .dns import DnsConnection
from .redis import RedisConnection
from .tcp import TcpConnection
from .websocket import PINGS, UPGRADE, WebSocketConnection

#: Options about the requests and answers of HTTP; what of them another protocol has, too, is in its table.
OF_HTTP = (
    "method", "headers", "body", "body_base64", "http_version", "host", "values", "follow_redirects", "expect_status",
    "expect_body", "expect_regex", "expect_json", "identify", "remote_date",
)  # fmt: skip
#: Of an entry of `targets` alone.
OF_ENTRY = ("method", "headers", "body", "body_base64")


@dataclass(frozen=True)
class Protocol:
    """How one other than HTTP is spoken."""

    #: What a request is called.
    method: str
    connection: type[Connection]
    #: From the address, and the request for an upgrade: what is sent before the first request on a connection, and the
    #: requests in turn. Raises AddressError.
    asks: Callable[[Address, bytes], tuple[bytes, Sequence[bytes]]]
    takes: frozenset[str] = frozenset()
    #: A connection can carry more than one request.
    keeps: bool = True
    #: The headers with which a connection is upgraded from HTTP.
    upgrade: Mapping[str, str] = field(default_factory=dict)


def _connects(address: Address, _upgrade: bytes) -> tuple[bytes, Sequence[bytes]]:
    if address.path != "/" or address.user_info:
        raise AddressError("nothing is sent there, expected tcp://host:port")
    return b"", (b"",)


def _pings(address: Address, _upgrade: bytes) -> tuple[bytes, Sequence[bytes]]:
    return redis.login(address), (redis.PING,)


def _looks_up(address: Address, _upgrade: bytes) -> tuple[bytes, Sequence[bytes]]:
    return b"", dns.queries(dns.question(address))


def _upgrades(_address: Address, upgrade: bytes) -> tuple[bytes, Sequence[bytes]]:
    return upgrade, PINGS


_WEBSOCKET = Protocol("PING", WebSocketConnection, _upgrades, frozenset(("headers", "host")), upgrade=UPGRADE)
_BODY = frozenset(("expect_body", "expect_regex", "identify"))
PROTOCOLS = {
    "tcp": Protocol("CONNECT", TcpConnection, _connects, _BODY, keeps=False),
    "redis": Protocol("PING", RedisConnection, _pings),
    "rediss": Protocol("PING", RedisConnection, _pings),
    "ws": _WEBSOCKET,
    "wss": _WEBSOCKET,
    "dns": Protocol("QUERY", DnsConnection, _looks_up, _BODY),
}
