# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""gRPC over HTTP/2: what a call and its answer look like, and what the answer's trailers say of it.

Source: "gRPC over HTTP2" and "GRPC Health Checking Protocol" of the gRPC project. Messages are bytes: no
schema is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from . import outcome

SCHEMES = ("grpc", "grpcs")
HEALTH = "/grpc.health.v1.Health/Check"
_METHOD = re.compile(r"/[A-Za-z_][\w.]*/[A-Za-z_]\w*")
_PREFIX = 5
_SERVING = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_STATUSES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)

Verdict = tuple[str, str]


def is_method(path: str) -> bool:
    """Whether the path names a method: /package.Service/Method."""
    return _METHOD.fullmatch(path) is not None


def call_headers(timeout_s: float) -> list[tuple[str, str]]:
    """What every call says; the server is told how long it has."""
    micros = max(1, round(timeout_s * 1e6))
    limit = f"{micros}u" if micros < 10**8 else f"{micros // 1000}m"  # eight digits at most
    return [("te", "trailers"), ("content-type", "application/grpc"), ("grpc-timeout", limit)]


def framed(message: bytes) -> bytes:
    """A message as a body: not compressed, with its length before it."""
    return b"\0" + len(message).to_bytes(_PREFIX - 1, "big") + message


def verdict(
    status: int, headers: Mapping[bytes, bytes], trailers: Mapping[bytes, bytes], body: bytes, body_bytes: int
) -> Verdict | None:
    """The outcome of a whole answer and why, or None where gRPC finds nothing wrong with it.

    `body` may be the first part alone of the `body_bytes` that came.
    """
    told = trailers.get(b"grpc-status", headers.get(b"grpc-status"))  # in the head where there is no body
    if told is None:
        if status != 200:
            return outcome.WRONG_STATUS, f"status {status}, and no grpc-status"
        return outcome.MALFORMED, "an answer without grpc-status"
    if not told.isdigit():
        return outcome.MALFORMED, f"grpc-status {told[:20]!r}"
    if int(told):
        reason = trailers.get(b"grpc-message", headers.get(b"grpc-message", b"")).decode("latin-1")
        name = _STATUSES[int(told)] if int(told) < len(_STATUSES) else "unknown"
        return outcome.WRONG_STATUS, f"grpc status {int(told)} {name}" + (f": {unquote(reason)}" if reason else "")
    return _unreadable(body, body_bytes)


def message(body: bytes) -> bytes:
    """The message of a body that `verdict` found nothing wrong with."""
    return body[_PREFIX:]


def health_verdict(body: bytes) -> Verdict | None:
    """The outcome of a health check whose call went well, or None when the service serves.

    The message has one field, status = 1, an enumeration; 0 is left out.
    """
    said = message(body)
    number = 0 if not said else said[1] if len(said) == 2 and said[0] == 0x08 else -1
    if number == 1:
        return None
    return outcome.WRONG_BODY, f"health {_SERVING.get(number, repr(said[:20]))}, expected SERVING"


def _unreadable(body: bytes, body_bytes: int) -> Verdict | None:
    """One message, whole and not compressed."""
    if len(body) < _PREFIX:
        return outcome.MALFORMED, "grpc status 0 without a message"
    if body[0]:
        return outcome.MALFORMED, "a compressed message, which was not asked for"
    length = int.from_bytes(body[1:_PREFIX], "big")
    if length != body_bytes - _PREFIX:
        return outcome.MALFORMED, f"a message of {length} bytes in a body of {body_bytes}"
    return None
