# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The request that a redirect asks for, made from the one that was answered (RFC 9110 15.4), as browsers and curl do.

307 and 308 keep method and body; 301 and 302 turn POST into GET, 303 everything but HEAD. Headers stay, but
credentials do not follow to another origin.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote, urljoin

from .address import AddressError, parse_address, quoted
from .target import Target, TargetError

STATUSES = frozenset((300, 301, 302, 303, 307, 308))
_OF_THE_BODY = frozenset((b"content-length", b"content-type", b"content-encoding", b"content-language"))
_OF_THE_ORIGIN = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"host"))
_OF_THE_CONNECTION = frozenset((b"connection",))
#: Everything that ASCII prints: other bytes of a Location are quoted one by one, whatever their encoding.
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def redirected(target: Target, request: bytes, status: int, location: bytes) -> Target:
    """The target that `location` points at, for the request after `request`. Raises TargetError when it is none."""
    head, _unused, body = request.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    method, path, _unused = line.split(b" ", 2)
    scheme = "https" if target.tls else "http"
    text = quote(location.strip(), safe=_PRINTABLE)
    try:
        there = parse_address(urljoin(f"{scheme}://{target.authority}{path.decode('ascii')}", text))
    except (AddressError, ValueError) as error:
        raise TargetError(f"redirect: Location {text[:100]!r} is not an address ({error})") from error
    if there.scheme not in ("http", "https"):
        raise TargetError(f"redirect: Location {text[:100]!r} is no address of HTTP")
    same = (there.tls, there.authority) == (target.tls, target.authority)
    as_get = method != b"HEAD" if status == 303 else status in (301, 302) and method == b"POST"
    left = _OF_THE_CONNECTION | (_OF_THE_BODY if as_get else frozenset()) | (frozenset() if same else _OF_THE_ORIGIN)
    host = [] if same else [b"Host: " + there.authority.encode("ascii")]
    headers = host + [one for one in lines if one.partition(b":")[0].strip().lower() not in left]
    if there.credentials:
        headers.append(b"Authorization: " + there.credentials.encode("ascii"))
    method, body = (b"GET", b"") if as_get else (method, body)
    start = b"%s %s HTTP/1.1\r\n" % (method, quoted(there.path).encode("ascii"))
    wire = start + b"".join(one + b"\r\n" for one in headers) + b"Connection: close\r\n\r\n" + body
    moved = replace(target, method=method.decode("ascii"), on_new=(wire,), on_kept=(wire,))
    if same:  # and so is what was given instead of the name: connect_to, server_name
        return moved
    return replace(
        moved,
        tls=there.tls,
        address=(there.host, there.port),
        authority=there.authority,
        server_name=there.server_name,
    )
