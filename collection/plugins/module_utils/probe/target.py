# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a request looks like on the wire: an address, and request bytes made once before the run."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from . import grpc
from .address import Address, AddressError, connect_address, parse_address, quoted
from .connection import Connection
from .http2.wire import UnfitHeader, request_bytes
from .protocol import OF_ENTRY, PROTOCOLS, Protocol
from .secret import in_address

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Templates of paths and bodies: every value of `values` in turn takes the place of this.
PLACEHOLDER = "{value}"
USER_AGENT = "availability-lab-probe"


#: How a target is spoken to.
HTTP1, HTTP2, CALL, HEALTH = "http/1.1", "http/2", "grpc", "grpc health check"
GRPC = (CALL, HEALTH)


Origin = tuple[bool, tuple[str, int], type[Connection], bytes]


class TargetError(ValueError):
    """An address or header cannot be used; the text names the option and what was expected."""


@dataclass(frozen=True)
class Target:
    """One address to probe. `address` is where to connect, `authority` what the Host header says."""

    name: str
    weight: int
    tls: bool
    address: tuple[str, int]
    authority: str
    server_name: str
    method: str
    #: Request bytes by policy, one a template value: they are used in turn.
    on_new: Sequence[bytes]
    on_kept: Sequence[bytes]
    scheme: str = "http"
    protocol: str = HTTP1
    connection: type[Connection] = Connection
    #: What a new connection begins with, before its first request.
    prelude: bytes = b""

    @cached_property
    def origin(self) -> Origin:
        """Requests of the same origin may share kept connections."""
        return self.tls, self.address, self.connection, self.prelude


def parse_target(option: str, entry: Mapping[str, Any], common: Mapping[str, Any]) -> Target:
    """Make a target from an entry (url, name, weight, method, headers, body) over the common request options.

    common: also `http_version` and `timeout_s`, the time limit that a gRPC server is told.
    """
    url = str(entry["url"])
    try:
        address = parse_address(url)
    except AddressError as error:
        raise TargetError(f"{option}: {in_address(url)!r} is not an address ({error})") from error
    protocol = PROTOCOLS.get(address.scheme)
    weight = int(1 if entry.get("weight") is None else entry["weight"])
    if not 1 <= weight <= 1000:
        raise TargetError(f"{option}.weight: {weight}, expected 1 to 1000")
    if protocol is not None:
        return _of_protocol(option, protocol, address, {**entry, "weight": weight}, common)
    authority = str(common.get("host") or address.authority)
    method = str(entry.get("method") or common.get("method") or "GET").upper()
    if not _TOKEN.fullmatch(method):
        raise TargetError(f"{option}.method: {method!r}, expected a name such as GET")
    headers = _headers(address, entry, common)
    spoken = _spoken(option, address, str(common.get("http_version") or "1.1"))
    if spoken in GRPC and method not in ("GET", "POST"):
        raise TargetError(f"{option}.method: {method}, expected none: gRPC has POST alone")
    body = _body(option, entry, common)
    payloads = _payloads(option, address.path, body, common.get("values") or [])
    if spoken != HTTP1:
        method = "POST" if spoken in GRPC else method
        on_new = on_kept = _streamed(
            option, address, spoken, method, authority, payloads=payloads, headers=headers,
            timeout_s=float(common.get("timeout_s") or 5.0),
        )  # fmt: skip
    else:
        on_new, on_kept = (
            tuple(_request(option, method, p, authority, headers=headers, body=b, keep=keep) for p, b in payloads)
            for keep in (False, True)
        )
    return Target(
        name=str(entry.get("name") or in_address(url)),
        weight=weight,
        tls=address.tls,
        address=_place(address, common),
        authority=authority,
        server_name=str(common.get("server_name") or address.server_name),
        method=method,
        scheme=address.scheme,
        protocol=spoken,
        on_new=on_new,
        on_kept=on_kept,
    )


def _spoken(option: str, address: Address, http_version: str) -> str:
    if address.scheme not in grpc.SCHEMES:
        return HTTP2 if http_version == "2" else HTTP1
    if address.path == "/":
        return HEALTH
    if not grpc.is_method(address.path):
        raise TargetError(
            f"{option}: {address.path!r} is no gRPC method, expected /package.Service/Method, or nothing (health check)"
        )
    return CALL


def _body(option: str, entry: Mapping[str, Any], common: Mapping[str, Any]) -> bytes | None:
    """The request's body; the entry's own goes before the common one."""
    for given in (entry, common):
        text, coded = given.get("body"), given.get("body_base64")
        if text is not None and coded is not None:
            raise TargetError("body_base64: given beside body, expected one of them")
        if text is not None:
            return str(text).encode()
        if coded is not None:
            try:
                return base64.b64decode(str(coded), validate=True)
            except (binascii.Error, ValueError) as error:
                raise TargetError(f"{option}.body_base64: {str(coded)[:40]!r} is not Base64 ({error})") from error
    return None


def _headers(address: Address, entry: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's headers over those of all, and its address's user and password."""
    headers = {**(common.get("headers") or {}), **(entry.get("headers") or {})}
    if address.credentials and "authorization" not in {name.lower() for name in headers}:
        headers["Authorization"] = address.credentials
    return headers


def _of_protocol(
    option: str, protocol: Protocol, address: Address, entry: Mapping[str, Any], common: Mapping[str, Any]
) -> Target:
    """A target of a protocol beside HTTP/1.1."""
    url = str(entry["url"])
    for name in OF_ENTRY:
        if entry.get(name) and name not in protocol.takes:
            raise TargetError(f"{option}.{name}: {address.scheme}:// has none, expected it with http:// or https://")
    authority, upgrade = str(common.get("host") or address.authority), b""
    if protocol.upgrade:
        headers = _headers(address, entry, common)
        taken = {name.lower() for name in protocol.upgrade}
        for name in headers:
            if name.lower() in taken:
                raise TargetError(f"{option}.headers: {name} is the probe's own with {address.scheme}://")
        headers.update(protocol.upgrade)
        path = quoted(address.path)
        upgrade = _request(option, "GET", path, authority, headers=headers, body=None, keep=True)
    try:
        prelude, requests = protocol.asks(address, upgrade)
    except AddressError as error:
        raise TargetError(f"{option}: {in_address(url)!r} is not an address ({error})") from error
    return Target(
        name=str(entry.get("name") or in_address(url)),
        weight=entry["weight"],
        tls=address.tls,
        address=_place(address, common),
        authority=authority,
        server_name=str(common.get("server_name") or address.server_name),
        method=protocol.method,
        on_new=requests,
        on_kept=requests,
        scheme=address.scheme,
        connection=protocol.connection,
        prelude=prelude,
    )


def _payloads(option: str, path: str, body: bytes | None, values: Sequence[str]) -> list[tuple[str, bytes | None]]:
    """Path and body of each request, in turn: one for each value, or one alone."""
    place = PLACEHOLDER.encode()
    wanted = PLACEHOLDER in path or place in (body or b"")
    if values and not wanted:
        raise TargetError(
            f"values: no address or body has {PLACEHOLDER} in it, expected for example /price/{PLACEHOLDER}"
        )
    if wanted and not values:
        raise TargetError(f"{option}: {path!r} or its body has {PLACEHOLDER} in it, expected a list in values")
    pairs: list[tuple[str, bytes | None]] = [(path, body)]
    if wanted:
        pairs = [
            (
                path.replace(PLACEHOLDER, quote(value, safe="")),
                None if body is None else body.replace(place, value.encode()),
            )
            for value in map(str, values)
        ]
    return [(quoted(one), text) for one, text in pairs]


def _place(address: Address, common: Mapping[str, Any]) -> tuple[str, int]:
    """Where to connect."""
    if not common.get("connect_to"):
        return address.host, address.port
    text = str(common["connect_to"])
    try:
        return connect_address(text)
    except AddressError as error:
        raise TargetError(f"connect_to: {text!r}, expected address:port ({error})") from error


def _checked(option: str, headers: Mapping[str, Any]) -> list[tuple[str, str]]:
    checked = []
    for name, value in headers.items():
        text = str(value)
        if not _TOKEN.fullmatch(name) or "\r" in text or "\n" in text or "\0" in text:
            raise TargetError(f"{option}.headers: {name!r} is not a header, expected a name and a value on one line")
        try:
            text.encode("latin-1")
        except UnicodeEncodeError as error:
            raise TargetError(
                f"{option}.headers: the value of {name} has letters that no header can carry, expected Latin-1"
            ) from error
        checked.append((name, text))
    return checked


def _streamed(
    option: str,
    address: Address,
    protocol: str,
    method: str,
    authority: str,
    *,
    payloads: Sequence[tuple[str, bytes | None]],
    headers: Mapping[str, Any],
    timeout_s: float,
) -> tuple[bytes, ...]:
    """The requests for HTTP/2, which are the same on new and on kept connections."""
    fields = _checked(option, headers)
    authority = next((text for name, text in fields if name.lower() == "host"), authority)
    fields = [(name, text) for name, text in fields if name.lower() != "host"]
    given = {name.lower() for name, _unused in fields}
    own = [("user-agent", USER_AGENT)]
    own += grpc.call_headers(timeout_s) if protocol in GRPC else [("accept", "*/*")]
    fields += [field for field in own if field[0] not in given]
    requests = []
    for path, body in payloads:
        if protocol == HEALTH and body:
            raise TargetError("body: gRPC's health check has its own, expected none, or a method in the address")
        content = body or b""
        length = [("content-length", str(len(content)))]
        with_length = (content or method in ("POST", "PUT", "PATCH")) and "content-length" not in given
        if protocol in GRPC:
            content, with_length = grpc.framed(content), False
        place = ("https" if address.tls else "http", authority, grpc.HEALTH if protocol == HEALTH else path)
        try:
            requests.append(request_bytes(method, place, fields + (length if with_length else []), content))
        except UnfitHeader as error:
            raise TargetError(f"{option}.headers: {error}") from error
    return tuple(requests)


def _request(
    option: str, method: str, path: str, authority: str, *, headers: Mapping[str, Any], body: bytes | None, keep: bool
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1"]
    given = {name.lower() for name in headers}
    if "host" not in given:
        lines.append(f"Host: {authority}")
    for name, text in _checked(option, headers):
        if name.lower() != "connection" or keep:  # a lane of new connections closes each
            lines.append(f"{name}: {text}")
    if "user-agent" not in given:
        lines.append(f"User-Agent: {USER_AGENT}")
    if "accept" not in given:
        lines.append("Accept: */*")
    payload = body or b""
    if (payload or method in ("POST", "PUT", "PATCH")) and "content-length" not in given:
        lines.append(f"Content-Length: {len(payload)}")
    if not keep:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + payload


def weighted_cycle(weights: Sequence[int]) -> list[int]:
    """One round of indexes in which index i comes `weights[i]` times, evenly spread (smooth weighted round robin)."""
    total = sum(weights)
    current = [0] * len(weights)
    cycle = []
    for _unused in range(total):
        for index, weight in enumerate(weights):
            current[index] += weight
        best = max(range(len(weights)), key=current.__getitem__)
        current[best] -= total
        cycle.append(best)
    return cycle
