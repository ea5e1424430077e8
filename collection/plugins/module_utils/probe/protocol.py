# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The protocols beside HTTP/1.1: what an address asks, and which options are about it. Chosen when the plan is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from . import dns, redis
from .address import Address, AddressError
from .connection import Connection
from .dns import DnsConnection
from .redis import RedisConnection
from .tcp import TcpConnection

#: Options about the requests and answers of HTTP; what of them another protocol has, too, is in its table.
OF_HTTP = (
    "method", "headers", "body", "host", "values", "follow_redirects", "expect_status", "expect_body", "expect_regex",
    "expect_json", "identify", "remote_date",
)  # fmt: skip
#: Of an entry of `targets` alone.
OF_ENTRY = ("method", "headers", "body")


@dataclass(frozen=True)
class Protocol:
    """How one other than HTTP is spoken."""

    #: What a request is called.
    method: str
    connection: type[Connection]
    #: From the address and the options about requests: what is sent before the first request on a connection, and the
    #: requests in turn. Raises AddressError.
    asks: Callable[[Address, Mapping[str, Any]], tuple[bytes, Sequence[bytes]]]
    takes: frozenset[str] = frozenset()
    #: A connection can carry more than one request.
    keeps: bool = True


def _connects(address: Address, _options: Mapping[str, Any]) -> tuple[bytes, Sequence[bytes]]:
    if address.path != "/" or address.user_info:
        raise AddressError("nothing is sent there, expected tcp://host:port")
    return b"", (b"",)


def _pings(address: Address, _options: Mapping[str, Any]) -> tuple[bytes, Sequence[bytes]]:
    return redis.login(address), (redis.PING,)


def _looks_up(address: Address, _options: Mapping[str, Any]) -> tuple[bytes, Sequence[bytes]]:
    return b"", dns.Queries(dns.question(address))


_BODY = frozenset(("expect_body", "expect_regex", "identify"))
PROTOCOLS = {
    "tcp": Protocol("CONNECT", TcpConnection, _connects, _BODY, keeps=False),
    "redis": Protocol("PING", RedisConnection, _pings),
    "rediss": Protocol("PING", RedisConnection, _pings),
    "dns": Protocol("QUERY", DnsConnection, _looks_up, _BODY),
}
