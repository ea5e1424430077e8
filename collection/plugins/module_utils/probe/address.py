# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An address as people write it, taken apart: every form that curl takes, or one clear error.

`http://` may be left out; what the other schemes ask is in protocol.py. User and password become Basic credentials of
HTTP (RFC 7617); a name in any script becomes its ASCII form (IDNA); an IPv6 zone is for connecting alone; a last dot
stays in Host, and is no part of a certificate's name.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass
from encodings.idna import nameprep
from urllib.parse import quote, unquote, urlsplit

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f\"#%/<>?@\\\[\]^`{|}]")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # RFC 3490 3.1
_KEPT = re.compile("([\u00df\u03c2\u200c\u200d])")
_LABEL_LIMIT = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: Scheme -> (TLS, the usual port; 0: it has none).
SCHEMES = {
    "http": (False, 80),
    "https": (True, 443),
    "ws": (False, 80),
    "wss": (True, 443),
    "grpc": (False, 80),
    "grpcs": (True, 443),
    "tcp": (False, 0),
    "redis": (False, 6379),
    "rediss": (True, 6379),
    "dns": (False, 53),
}
#: Characters that stay as they are in a path or query: they are allowed there, or quoted already.
_SAFE = "/?&=%:@!$'()*+,;~#[]"


class AddressError(ValueError):
    """The text is no address; says why."""


@dataclass(frozen=True)
class Address:
    """Where to connect (`host`, `port`), what to say there (`authority`, `path`), whom to expect (`server_name`)."""

    tls: bool
    host: str
    port: int
    authority: str
    server_name: str
    #: Path and query, not yet quoted: templates are filled in before.
    path: str
    scheme: str
    #: User and password as they stand in the address ("" without).
    user_info: str

    @property
    def credentials(self) -> str:
        """The value of an Authorization header ("" without user and password)."""
        return _basic(self.user_info) if self.user_info else ""


def parse_address(text: str) -> Address:
    """Take an address apart. Raises AddressError."""
    url = text.strip(" ")
    if _CONTROL.search(url):
        raise AddressError("it holds a control character")
    if not _SCHEME.match(url):
        url = "http://" + url
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise AddressError(str(error)) from error
    if parts.scheme not in SCHEMES:
        others = ", ".join(f"{scheme}://" for scheme in SCHEMES if not scheme.startswith("http"))
        raise AddressError(f"expected http://host:port/path or https://…, or one of {others}")
    user_info, _unused, place = parts.netloc.rpartition("@")
    tls, usual_port = SCHEMES[parts.scheme]
    host, literal, port = _place(place, usual_port)
    # The zone is this machine's own affair (RFC 6874): it goes to the kernel, and to nobody else.
    bare = host.partition("%")[0]
    named = f"[{bare}]" if literal else host
    return Address(
        tls=tls,
        host=host,
        port=port,
        authority=named if port == usual_port else f"{named}:{port}",
        server_name=bare if literal else host.removesuffix("."),
        path=(parts.path or "/") + ("?" + parts.query if parts.query else ""),
        scheme=parts.scheme,
        user_info=user_info,
    )


def connect_address(text: str) -> tuple[str, int]:
    """`address:port` of connect_to. Raises AddressError."""
    host, _unused, port = _place(text.strip(" "), 0)
    return host, port


def quoted(path: str) -> str:
    """A path and query in ASCII: blanks and letters of other scripts as UTF-8 in percent form."""
    return quote(path, safe=_SAFE)


def _place(place: str, usual_port: int) -> tuple[str, bool, int]:
    """Host as the kernel wants it, whether it is an IPv6 literal, and port."""
    literal = place.startswith("[")
    if literal:
        host, bracket, behind = place[1:].partition("]")
        if not bracket or (behind and not behind.startswith(":")):
            raise AddressError(f"{place!r} has no end of its brackets before the port")
        port = behind[1:]
        host = _literal(host.replace("%25", "%"))
    else:
        host, _unused, port = place.partition(":")
        if ":" in port and not usual_port:  # connect_to, an IPv6 address without brackets
            host, _unused, port = place.rpartition(":")
            literal, host = True, _literal(host)
        else:
            host = name_of(host)
    return host, literal, _port(port, usual_port)


def _port(text: str, usual: int) -> int:
    if not text and usual:
        return usual
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise AddressError(f"{text!r} is no port, expected 1 to 65535")
    return int(text)


def _literal(host: str) -> str:
    address, _unused, zone = host.partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError as error:
        raise AddressError(f"{address!r} is no IPv6 address") from error
    return f"{address}%{zone}" if zone else address


def name_of(host: str) -> str:
    """A host's name as the name service has it. Raises AddressError."""
    name = unquote(host).lower()
    if not name.strip("."):
        raise AddressError("it has no host, expected http://host:port/path or https://…")
    if _FORBIDDEN_IN_HOST.search(name):
        raise AddressError(f"{name!r} is no host name")
    labels = _DOTS.split(name)
    if "" in labels[:-1]:
        raise AddressError(f"{name!r} is no host name (nothing between two dots)")
    if name.isascii() and all(len(label) < _LABEL_LIMIT for label in labels):
        return name
    try:
        return ".".join(map(_to_ascii, labels))
    except UnicodeError as error:
        raise AddressError(f"{name!r} is no host name ({error})") from error


def _to_ascii(label: str) -> str:
    """A label as the name service has it.

    Python's codec is IDNA 2003, which replaces four letters that IDNA 2008, and with it browsers and curl, keep (RFC
    5894 7.2): "straße" would become the host "strasse".
    """
    if not _KEPT.search(label):
        return label.encode("idna").decode("ascii")
    parts = [part if _KEPT.fullmatch(part) else nameprep(part) for part in _KEPT.split(label)]
    encoded = "xn--" + "".join(parts).encode("punycode").decode("ascii")
    if len(encoded) >= _LABEL_LIMIT:
        raise UnicodeError("label too long")
    return encoded


def _basic(user_info: str) -> str:
    user, _unused, password = user_info.partition(":")
    return "Basic " + base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode("ascii")
