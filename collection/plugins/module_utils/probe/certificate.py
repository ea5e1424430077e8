# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""When a certificate expires, read from its DER form (RFC 5280 4.1): Python tells it only of those that it verified."""

from __future__ import annotations

import datetime

_SEQUENCE, _EXPLICIT_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_FIELDS_BEFORE_VALIDITY = 3  # serial number, signature's algorithm, issuer


def not_after(der: bytes) -> int | None:
    """The end of its validity in seconds of the Unix epoch; None where that cannot be read."""
    try:
        _kind, certificate, _next = _element(der, 0)
        _kind, body, _next = _element(certificate, 0)
        at = _element(body, 0)[2] if body[0] == _EXPLICIT_VERSION else 0
        for _unused in range(_FIELDS_BEFORE_VALIDITY):
            at = _element(body, at)[2]
        kind, validity, _next = _element(body, at)
        if kind != _SEQUENCE:
            return None
        kind, text, _next = _element(validity, _element(validity, 0)[2])
        return _seconds(kind, text.decode("ascii"))
    except (IndexError, ValueError):
        return None


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Tag and content of the element at this place, and where the next begins. Raises IndexError."""
    kind, length = data[at], data[at + 1]
    begin = at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[begin : begin + size], "big")
        begin += size
    content = data[begin : begin + length]
    if len(content) < length:
        raise IndexError("an element is cut")
    return kind, content, begin + length


def _seconds(kind: int, text: str) -> int | None:
    if kind == _UTC_TIME:  # two digits of the year: 50 and later are of the last century
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif kind != _GENERALIZED_TIME:
        return None
    moment = datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp())
